"""A call is signed and sent once, and only what was agreed is an answer (attack class 43)."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pytest

from menshen.callouts.calling import Callouts, asked
from menshen.callouts.signing import signature_holds
from menshen.config.user_rules import Callout
from menshen.errors import InternalFault, VerifierUnavailable
from menshen.platforms.client import PlatformClient
from menshen.secret import Secret
from menshen.spans import NO_SPANS, Fact, Span
from tests.callouts.service import NOW, SECRET, calling
from tests.platforms.wire import http
from tests.ports import free_port


class Answer(msgspec.Struct, forbid_unknown_fields=True):
    good: bool


@dataclass
class Noted:
    """Spans as they were noted; each is a part of one."""

    on = True
    names: list[str] = field(default_factory=list)
    facts: dict[str, Fact] = field(default_factory=dict)
    error: bool = False

    def of(self, parent: bytes, name: str) -> contextlib.AbstractContextManager[Span]:
        return NO_SPANS.of(parent, name)

    @contextlib.contextmanager
    def within(self, name: str) -> Iterator[Span]:
        self.names.append(name)
        yield self

    def note(self, name: str, value: Fact) -> None:
        self.facts[name] = value

    def failed(self) -> None:
        self.error = True


def flow(callout: Callout, question: Any = None) -> Any:
    return asked(callout, question or {"password": "canary-pass"}, Answer, VerifierUnavailable, "msg_1", NOW)


def test_a_call_is_signed() -> None:
    async def main() -> None:
        async with calling(lambda _: {"good": True}) as (service, callouts):
            answer = await callouts.run(flow(service.callout, {"a": "ä", "b": 1}), VerifierUnavailable)
            assert answer == Answer(True)
            (call,) = service.calls
            assert call.line == "POST /hook HTTP/1.1"
            assert call.json == {"a": "ä", "b": 1}
            assert call.headers["content-type"] == "application/json"
            assert call.headers["webhook-id"] == "msg_1"
            assert signature_holds(call.headers, SECRET, call.body, NOW)
            assert not signature_holds(call.headers, Secret("another"), call.body, NOW)

    asyncio.run(main())


def test_ids_are_random() -> None:
    drawn: list[int] = []

    def random(size: int) -> bytes:
        drawn.append(size)
        return b"\x01" * size

    assert Callouts(PlatformClient(), lambda: NOW, random).new_id() == "msg_" + "01" * 16
    assert drawn == [16]


UNFINISHED = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"
"""The rest never comes."""


@pytest.mark.parametrize(
    "answer",
    [
        http(b'{"good": true}', status="500 Oops"),
        http(b'{"good": true}', status="401 No"),
        http(b'{"good": true}', status="201 Created"),
        http(b'{"good": true}', status="302 Found", headers="location: /login\r\n"),
        http(b""),
        http(b"<html>welcome</html>"),
        http(b"null"),
        http(b"true"),
        http(b"[]"),
        http(b"{}"),
        http(b'{"good": null}'),
        http(b'{"good": "true"}'),
        http(b'{"good": 1}'),
        http(b'{"good": true, "more": 1}'),
        http(b'{"good": true'),
        http(b'{"good": true} {"good": false}'),
        http(b"[" * 20_000),
        http(b'{"more": ' + b'{"a": ' * 5_000),
        http(b'{"good": true, "x": "\xff"}'),
        http(b" " * 70_000 + b'{"good": true}'),
        UNFINISHED,
        b"nonsense\r\n\r\n",
    ],
)
def test_any_other_answer_is_none(answer: bytes) -> None:
    async def main() -> None:
        async with calling(lambda _: answer) as (service, callouts):
            callout = replace(service.callout, timeout=2.5) if answer is UNFINISHED else service.callout
            with pytest.raises(VerifierUnavailable) as raised:
                await callouts.run(flow(callout), VerifierUnavailable)
            assert len(service.calls) == 1
            told = "".join(traceback.format_exception(raised.value)) + raised.value.detail
            assert "canary-pass" not in told
            assert SECRET.reveal() not in told
            assert "welcome" not in told
            assert raised.value.__context__ is None

    asyncio.run(main())


@pytest.mark.parametrize(
    ("answer", "facts"),
    [
        (http(b'{"good": false}'), {}),
        (http(b'{"good": true}', status="500 Oops"), {"menshen.reason": "verifier_unavailable"}),
        (http(b"<html>welcome</html>"), {"menshen.reason": "verifier_unavailable"}),
        (b"nonsense\r\n\r\n", {"menshen.reason": "verifier_unavailable"}),
    ],
)
def test_the_span_of_a_call_without_an_answer_has_failed(answer: bytes, facts: dict[str, Fact]) -> None:
    async def main() -> None:
        noted = Noted()
        async with calling(lambda _: answer) as (service, callouts):
            with contextlib.suppress(VerifierUnavailable):
                await replace(callouts, spans=noted).run(flow(service.callout), VerifierUnavailable)
        assert noted == Noted(["callout"], facts, error=bool(facts))

    asyncio.run(main())


def test_nobody_there_and_nobody_in_time() -> None:
    async def main() -> None:
        async with calling(lambda _: b"") as (service, callouts):
            for callout, why in (
                (Callout(f"http://127.0.0.1:{free_port()}/", SECRET), "platform_unreachable"),
                (Callout(service.callout.url, SECRET, 2.5), "platform_timeout"),
            ):
                with pytest.raises(VerifierUnavailable, match=why) as raised:
                    await callouts.run(flow(callout), VerifierUnavailable)
                assert raised.value.__context__ is None
            assert len(service.calls) == 1

    asyncio.run(main())


def test_a_fault_of_ours_stays_one() -> None:
    async def main() -> None:
        callouts = Callouts(PlatformClient(), lambda: NOW, lambda size: b"r" * size)
        with pytest.raises(InternalFault):
            await callouts.run(flow(Callout("http://127.0.0.1:9/", SECRET)), VerifierUnavailable)

    asyncio.run(main())
