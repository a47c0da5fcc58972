"""Faults on demand: which there are, which strikes next, and what it does to an answer.

Where a fault strikes decides whether the login code is spent, and that is what a gateway must get right:

=====================================================================  ============================================
``502`` ``html`` ``redirect`` ``-1``                                   in front of the platform; the code stays good
``40226`` ``45011``                                                    after a good code was checked; it stays good
``timeout`` ``truncated`` ``huge`` ``control_characters``              after the exchange; the code is spent
``extra_fields`` ``string_errcode``
``latency``                                                            delays whatever else happens
=====================================================================  ============================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from menshen.emulator.answer import Answer, encode

__all__ = [
    "AFTER",
    "AT_CODE",
    "EXTRA_FIELDS",
    "FAULTS",
    "IN_FRONT",
    "LATENCY",
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

EXTRA_FIELDS: Final = MappingProxyType({"expires_in": 7200, "extra": {"list": [1, None]}})
"""Keys that no page documents; ``expires_in`` was once sent by WeChat (forum)."""

_HUGE = 1024 * 1024  # bytes
_PAGE = b"<html><head><title>%s</title></head><body><h1>%s</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault as set. It strikes the next ``times`` fitting calls, or each with probability ``rate``.

    ``seconds`` is the length of a latency; ``user`` of "" fits every user, another only calls with that user's code.
    """

    name: str
    times: int = 1
    rate: float | None = None
    seconds: float = 0.0
    user: str = ""


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

    def strike(self, among: frozenset[str], user: str, roll: Callable[[], float]) -> Fault | None:
        """The first fault among these names that strikes this user now; it is used up by one. ``roll``: [0, 1)."""
        for index, (fault, left) in enumerate(self._left):
            if fault.name not in among or (fault.user and fault.user != user):
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


def disfigured(name: str, fields: dict[str, Any], content_type: str) -> Answer:
    """A platform's answer with one of the AFTER faults."""
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
            body = encode({**fields, "errmsg": f"{fields.get('errmsg', 'ok')}\x01\x0b\n"})
            return Answer(body.replace(b"\\u0001\\u000b\\n", b"\x01\x0b\n"), content_type)
        case "extra_fields":
            return Answer(encode({**fields, **EXTRA_FIELDS}), content_type)
        case "string_errcode":
            return Answer(encode({**fields, "errcode": str(fields.get("errcode", 0))}), content_type)
        case _:
            raise ValueError(f"no fault {name!r}")
