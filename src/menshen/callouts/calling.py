"""One call to a service of the team's: signed, sent once, its answer read strictly.

A service that answers anything but what was agreed has not answered. A proxy's error page, a redirect to a login form
or an empty 200 must never count as "the password is right" or "the message was sent".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from menshen.callouts.signing import signed
from menshen.config.user_rules import Callout
from menshen.errors import PlatformBusy, Refusal
from menshen.platforms.base import Flow, PlatformReply
from menshen.platforms.client import PlatformClient
from menshen.spans import NO_SPANS, Spans

__all__ = ["Callouts", "asked", "read_answer"]

Answer = TypeVar("Answer", bound=msgspec.Struct)
Result = TypeVar("Result")

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Callouts:
    """``clock`` gives Unix seconds, ``random`` OS randomness."""

    client: PlatformClient
    clock: Callable[[], float]
    random: Callable[[int], bytes]
    spans: Spans = NO_SPANS

    def new_id(self) -> str:
        """An id that no receiver has seen before."""
        return f"msg_{self.random(16).hex()}"

    async def run(self, flow: Flow[Result], unavailable: type[Refusal]) -> Result:
        """Drive a flow of this package. What goes wrong on the way is ``unavailable``."""
        with self.spans.within("callout") as span:
            try:
                return await self._answered(flow, unavailable)
            except unavailable as refusal:
                span.note("menshen.reason", refusal.reason)
                span.failed()
                raise

    async def _answered(self, flow: Flow[Result], unavailable: type[Refusal]) -> Result:
        try:
            return await self.client.run(flow)
        except PlatformBusy as failure:
            why = f"{failure.reason}: {failure.detail}"
        # Outside the handler: the team's service is no platform, and the refusal must not seem to come of one.
        raise unavailable(why)


def asked(
    callout: Callout, question: object, answer: type[Answer], unavailable: type[Refusal], id_: str, now: float
) -> Flow[Answer]:
    """Ask one question. Raises ``unavailable`` as :func:`read_answer` does."""
    reply = yield signed(callout.url, callout.secret, _encode(question), id_, now, callout.timeout)
    return read_answer(reply, answer, unavailable)


def read_answer(reply: PlatformReply, answer: type[Answer], unavailable: type[Refusal]) -> Answer:
    """The answer, which must be a 200 with just this JSON. Raises ``unavailable`` for any other."""
    if reply.status != 200:
        raise unavailable(f"HTTP {reply.status}")
    try:
        return msgspec.json.decode(reply.body, type=answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    # Out here: the decoder's message quotes what it did not like, and that may be what was sent.
    raise unavailable("the answer is not what was agreed")
