"""Flows by hand: what one asks, and what it makes of an answer."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from menshen.platforms.base import Flow, PlatformReply, PlatformRequest
from menshen.secret import Secret

T = TypeVar("T")


def question(flow: Flow[Any]) -> PlatformRequest:
    """The one request of a flow."""
    return next(flow)


def answered(flow: Flow[T], body: object, status: int = 200) -> T:
    """The result of a flow with one request, or the exception that it raises."""
    next(flow)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        flow.send(PlatformReply(status, raw))
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("the flow asked a second time")


def plain(values: Any) -> dict[str, object]:
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in values.items()}
