"""Answers that a proxy gives by itself, in the words of the contract."""

from __future__ import annotations

import json
from typing import Final

from menshen.errors import (
    REFUSALS,
    BodyTooLarge,
    BrainUnavailable,
    InternalFault,
    MalformedRequest,
    MethodNotAllowed,
    NoSuchRoute,
    Refusal,
    UpstreamTimeout,
    UpstreamUnavailable,
)

__all__ = ["OWN_ANSWERS", "STATUSES", "body_of"]

OWN_ANSWERS: Final[dict[str, type[Refusal]]] = {
    "malformed": MalformedRequest,
    "no_such_route": NoSuchRoute,
    "method_not_allowed": MethodNotAllowed,
    "too_large": BodyTooLarge,
    "unavailable": BrainUnavailable,
    "fault": InternalFault,
    "no_backend": UpstreamUnavailable,
    "backend_slow": UpstreamTimeout,
}

STATUSES: Final = tuple(sorted({200, 302, *(refusal.status for refusal in REFUSALS.values())}))
"""What the brain may say that a client is to be told."""


def body_of(refusal: type[Refusal], request_id: str) -> str:
    """The JSON body, with what the proxy writes for the id of a request."""
    body = {
        "code": refusal.code,
        "reason": refusal.reason,
        "message": refusal.text(),
        "action": refusal.action,
        "request_id": request_id,
    }
    return json.dumps(body, separators=(",", ":"))
