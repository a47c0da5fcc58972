"""What one call of a phone brought about, as arrows between four lanes.

Nothing is worked out that is not known: what the platform heard comes from the emulator, found by the code, which is
good for one login; what the backend got comes from the sample backend, which answers each request with what it
received. Of another backend only the answer is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import msgspec

from menshen.config.login_rules import CodeAt
from menshen.platforms.installed import installed_platforms
from menshen.platforms.words import words_of
from menshen.web.console.try_it.calling import Answered
from menshen.web.console.try_it.carried import carried
from menshen.web.console.try_it.emulated import Heard, openid_in
from menshen.web.console.try_it.outgoing import Outgoing
from menshen.web.console.try_it.phones import Phone
from menshen.web.console.try_it.shortening import shortener

__all__ = ["Refused", "Step", "login_steps", "request_steps"]

Lane = Literal["phone", "gateway", "platform", "backend"]
Kind = Literal[
    "platform_login",
    "code",
    "request_with_code",
    "request",
    "request_without",
    "code2session",
    "identity",
    "no_identity",
    "to_backend",
    "to_unknown_backend",
    "from_backend",
    "login_state",
    "answer",
    "refusal",
    "ended",
]

_MOST_BODY: Final = 1_500
"""Characters of a body that are shown."""

_CODE: Final = "x-menshen-code"


@dataclass(frozen=True, slots=True)
class Refused:
    """What the gateway said of a refusal."""

    code: int
    reason: str
    action: str
    message: str


@dataclass(frozen=True, slots=True)
class Step:
    """One arrow. ``line`` is the first line of what was sent: method and path, or a status.

    ``headers`` and ``query`` are the actual ones, ``marked`` the names of those that this step is about; ``removed``
    the headers that were sent to the gateway and did not come out of it as they were.
    """

    kind: Kind
    start: Lane
    end: Lane
    line: str
    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    removed: tuple[str, ...] = ()
    marked: frozenset[str] = frozenset()
    body: str = ""
    refused: Refused | None = None
    milliseconds: int | None = None


class _Seen(msgspec.Struct, forbid_unknown_fields=True):
    """The answer of the sample backend."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: str
    body_bytes: int


class _Refusal(msgspec.Struct):
    code: int
    reason: str
    message: str
    action: str


def login_steps(phone: Phone, user: str, code: str) -> tuple[Step, ...]:
    """Asking the platform for a code on the phone, by the call that its own mini programs make."""
    call = words_of(installed_platforms().adapters[phone.plugin.app.platform]).login_call
    body = _pretty({"appid": phone.plugin.app.appid, "user": user})
    return _short(
        [
            Step("platform_login", "phone", "platform", f"{call}()", body=body),
            Step("code", "platform", "phone", code, body=_pretty({"code": code})),
        ],
        [code],
    )


def request_steps(
    phone: Phone, host: str, sent: Outgoing, code: str, heard: Sequence[Heard], answered: Answered
) -> tuple[Step, ...]:
    """``wx.request`` on the phone. ``code`` is the one that it carried, "" without; ``heard`` what it brought about."""
    plugin = phone.plugin
    state = carried(sent, CodeAt(plugin.session.request_in, plugin.session.name))
    steps = [
        Step(
            "request_with_code" if code else "request" if state else "request_without",
            "phone",
            "gateway",
            f"{sent.method} {sent.path}",
            (("host", host), *sent.headers),
            marked=frozenset({plugin.code.name.lower(), plugin.session.name.lower(), "cookie"}),
            body=sent.body.decode("utf-8", "replace"),
        )
    ]
    for each in heard:
        steps += _at_platform(each)
    refused = _refused(answered)
    if refused is None:
        steps += _at_backend(phone, sent, answered, bool(code))
    kind: Kind = "login_state" if code else "answer"
    steps.append(
        Step(
            "refusal" if refused else kind,
            "gateway",
            "phone",
            str(answered.status),
            answered.headers,
            marked=frozenset({_CODE, plugin.session.name.lower(), "set-cookie"}),
            body=_text(answered.body),
            refused=refused,
            milliseconds=round(answered.seconds * 1000),
        )
    )
    return _short(steps, [code, state], plugin.code.name, plugin.session.name)


def _at_platform(heard: Heard) -> list[Step]:
    answer = heard.answer
    good = openid_in(answer) != ""
    asked = Step(
        "code2session",
        "gateway",
        "platform",
        f"{heard.method} {heard.path}",
        tuple(heard.headers.items()),
        query=tuple(heard.query.items()),
        marked=frozenset({"js_code", "code", "secret", "sign", "access_token"}),
    )
    body = "" if answer is None else _pretty(answer)
    return [asked, Step("identity" if good else "no_identity", "platform", "gateway", str(heard.status), body=body)]


def _at_backend(phone: Phone, sent: Outgoing, answered: Answered, login: bool) -> list[Step]:
    plugin = phone.plugin
    if login and plugin.respond == "gateway":
        return []  # the gateway answers a login itself
    took = round(answered.seconds * 1000)
    identity = frozenset(header.lower() for _, header in (*plugin.identity, *plugin.claims))
    back = Step("from_backend", "backend", "gateway", str(answered.status), milliseconds=took)
    try:
        seen = msgspec.json.decode(answered.body, type=_Seen)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # What Envoy set is known by name only: no other backend tells what it got.
        names = tuple((name, "") for name in sorted(identity))
        return [Step("to_unknown_backend", "gateway", "backend", "", names, marked=identity), back]
    arrived = {(name.lower(), value) for name, value in seen.headers}
    there = Step(
        "to_backend",
        "gateway",
        "backend",
        f"{seen.method} {seen.path}" + (f"?{seen.query}" if seen.query else ""),
        tuple(seen.headers),
        removed=tuple(name for name, value in sent.headers if (name.lower(), value) not in arrived),
        marked=identity,
        body=seen.body,
    )
    return [there, back]


def _refused(answered: Answered) -> Refused | None:
    """The gateway's refusal, which has the fields of the error contract and its header."""
    if not any(name == _CODE for name, _ in answered.headers):
        return None
    try:
        told = msgspec.json.decode(answered.body, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return Refused(told.code, told.reason, told.action, told.message)


def _text(body: bytes) -> str:
    try:
        return _pretty(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body.decode("utf-8", "replace")


def _pretty(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _short(steps: Sequence[Step], values: Sequence[str], *names: str) -> tuple[Step, ...]:
    """The same steps, with codes and login states cut to their beginnings wherever they stand."""
    texts = [
        text
        for step in steps
        for text in (step.line, step.body, *(f"{name}={value}" for name, value in (*step.headers, *step.query)))
    ]
    cut = shortener(texts, values, names)
    return tuple(
        replace(
            step,
            line=cut(step.line),
            body=cut(step.body)[:_MOST_BODY],
            headers=tuple((name, cut(value)) for name, value in step.headers),
            query=tuple((name, cut(value)) for name, value in step.query),
        )
        for step in steps
    )
