"""What Envoy adds to a request: when it came and from where. Texts for a list or a log, whatever a client wrote."""

from __future__ import annotations

import math

from menshen.gateway.issue import Caller
from menshen.gateway.request import AuthRequest
from menshen.gateway.wire import HEADER_CLIENT

__all__ = ["caller_of", "seconds_of"]

_CLIENT = HEADER_CLIENT.encode()
_IP_LENGTH, _AGENT_LENGTH = 45, 200


def caller_of(request: AuthRequest) -> Caller:
    """Cut and made printable."""
    ip = request.headers.get(_CLIENT, b"").decode("latin-1")
    agent = request.headers.get(b"user-agent", b"").decode("utf-8", "replace")[:_AGENT_LENGTH]
    if not agent.isprintable():
        agent = "".join(c if c.isprintable() else "?" for c in agent)
    return Caller(ip[:_IP_LENGTH], agent, request.request_id)


def seconds_of(text: bytes | None, now: float) -> float:
    """Envoy's stamp of when it received the request. Never later than now: clocks of two nodes may differ."""
    if not text:
        return now
    try:
        seconds = float(text)
    except ValueError:
        return now
    return min(seconds, now) if math.isfinite(seconds) else now
