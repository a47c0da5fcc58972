"""Faults on demand: which there are, which strikes next, and what it does to an answer.

Where a fault strikes decides whether the login code is spent, and that is what a gateway must get right:

=====================================================================  ============================================
``502`` ``html`` ``redirect`` ``-1``                                   in front of the platform; the code stays good
``40226`` ``45011``                                                    after a good code was checked; it stays good
``timeout`` ``truncated`` ``huge`` ``control_characters``              after the exchange; the code is spent
``extra_fields`` ``string_errcode``
``latency``                                                            delays whatever else happens
=====================================================================  ============================================

A fault is of one kind of call: logins, unless ``api`` says ``token`` (getting an access token), ``phone`` (numbers by
code) or ``session`` (checking and resetting a session_key). Those have no ``40226``, and before their work, when the
access token has been found good, the refusals of :data:`REFUSALS`. :data:`SIGNED` are of answers that are signed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from menshen.emulator.answer import Answer, encode
from menshen.emulator.dialect import Dialect, Outcome

__all__ = [
    "AFTER",
    "APIS",
    "AT_CODE",
    "EXTRA_FIELDS",
    "FAULTS",
    "IN_FRONT",
    "LATENCY",
    "REFUSALS",
    "SIGNED",
    "Fault",
    "Faults",
    "disfigured",
    "front",
]

IN_FRONT: Final = frozenset({"502", "html", "redirect", "-1"})
AT_CODE: Final = frozenset({"40226", "45011"})
AFTER: Final = frozenset({"timeout", "truncated", "huge", "control_characters", "extra_fields", "string_errcode"})
LATENCY: Final = frozenset({"latency"})
FAULTS: Final = IN_FRONT | AT_CODE | AFTER | LATENCY
"""Those of logins."""

REFUSALS: Final[MappingProxyType[str, Outcome]] = MappingProxyType(
    {
        "40001": "wrong_token",
        "40014": "malformed_token",
        "40164": "address_not_listed",
        "42001": "expired_token",
        "45009": "day_quota",
        "45011": "over_quota",
        "48001": "unauthorized",
        "89503": "address_not_approved",
    }
)
"""Of calls other than a login. A token that is refused like this is good all the same, as it is for a late answer."""

SIGNED: Final = frozenset({"plain", "unsigned", "tampered", "forged", "stale"})
"""Of an app with API security: its answer in the clear; without its signature; changed after it was signed; signed with
a key that is not the platform's; ten minutes old."""

_OF_CALLS: Final = IN_FRONT | frozenset(REFUSALS) | AFTER | LATENCY
APIS: Final = MappingProxyType({"login": FAULTS, "token": _OF_CALLS, "phone": _OF_CALLS | SIGNED, "session": _OF_CALLS})
"""Kind of call -> its faults."""

EXTRA_FIELDS: Final = MappingProxyType({"expires_in": 7200, "extra": {"list": [1, None]}})
"""Keys that no page documents; ``expires_in`` was once sent by WeChat (forum)."""

_HUGE = 1024 * 1024  # bytes
_PAGE = b"<html><head><title>%s</title></head><body><h1>%s</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault as set. It strikes the next ``times`` fitting calls, or each with probability ``rate``.

    ``seconds`` is the length of a latency; ``user`` of "" fits every user, another only calls with that user's code
    or openid. ``api`` is the kind of call.
    """

    name: str
    times: int = 1
    rate: float | None = None
    seconds: float = 0.0
    user: str = ""
    api: str = "login"


class Faults:
    """The faults that are set, oldest first."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left: list[tuple[Fault, int]] = []

    def __bool__(self) -> bool:
        return bool(self._left)

    def add(self, fault: Fault) -> None:
        self._left.append((fault, fault.times))

    def clear(self) -> None:
        self._left.clear()

    def strike(self, among: Collection[str], user: str, roll: Callable[[], float], api: str = "login") -> Fault | None:
        """The first fault among these names that strikes this user now; it is used up by one. ``roll``: [0, 1)."""
        for index, (fault, left) in enumerate(self._left):
            if fault.api != api or fault.name not in among or (fault.user and fault.user != user):
                continue
            if fault.rate is not None:
                if roll() < fault.rate:
                    return fault
                continue
            if left > 1:
                self._left[index] = (fault, left - 1)
            else:
                del self._left[index]
            return fault
        return None


def front(name: str) -> Answer:
    """The answer of something that stands before the platform (``502``, ``html``, ``redirect``)."""
    if name == "502":
        return Answer(_PAGE % (b"502 Bad Gateway", b"502 Bad Gateway"), "text/html", status=502)
    if name == "redirect":
        return Answer(b"", "text/html", status=302, location="/redirected")
    return Answer(_PAGE % (b"Maintenance", "系统维护中".encode()), "text/html; charset=utf-8")


def disfigured(name: str, fields: dict[str, Any], dialect: Dialect) -> Answer:
    """A platform's answer with one of the AFTER faults."""
    content_type, errcode, errmsg = dialect.content_type, dialect.errcode, dialect.errmsg
    match name:
        case "timeout":
            return Answer(b"", content_type, silent=True)
        case "truncated":
            body = encode(fields)
            return Answer(body[: len(body) // 2], content_type)
        case "huge":
            return Answer(encode({**fields, "padding": "x" * _HUGE}), content_type)
        case "control_characters":
            # Escaped by the encoder, then made raw, as no encoder would write it.
            body = encode({**fields, errmsg: f"{fields.get(errmsg, 'ok')}\x01\x0b\n"})
            return Answer(body.replace(b"\\u0001\\u000b\\n", b"\x01\x0b\n"), content_type)
        case "extra_fields":
            return Answer(encode({**fields, **EXTRA_FIELDS}), content_type)
        case "string_errcode":
            return Answer(encode({**fields, errcode: str(fields.get(errcode, 0))}), content_type)
        case _:
            raise ValueError(f"no fault {name!r}")
