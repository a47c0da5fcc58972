"""What an endpoint of the user API is: one row of the table from which calls are dispatched and documented."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from menshen.errors import Refusal
from menshen.gateway.answer import Answer, answer_refusal
from menshen.gateway.bearers import Find
from menshen.gateway.credentials import find_any_state
from menshen.sessions.claims import SessionClaims
from menshen.web.user_api.call import Body, Call

__all__ = ["OWN_WIRE", "Ended", "Endpoint", "Needs", "Wire", "Work"]

Needs = Literal["nothing", "state", "any state"]
"""Whether a call needs a login state. ``any state``: one of ours, however old, which the endpoint looks at itself."""

Work = Callable[[Call, Any], Awaitable[Answer]]
"""Raises a ``Refusal``. The second argument is the body: the Struct, an ``Upload``, or None, also for ``xml``."""

Ended = Callable[[SessionClaims], None]
"""Told of a session that has ended by a call, so that this process knows before it comes round."""


Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wire:
    """What the calls of one kind of client have in common, beside their own fields.

    ``find`` finds the login state, ``refused`` is the answer to a refusal. The rest is for the document: ``shape`` is
    what a refusal looks like, its name and its schema, ``reason`` the way to our reason in it ("[]" is each item);
    ``scheme`` is how the login state travels, None for as the plugins say; ``headers`` are read beside it.
    """

    find: Find
    refused: Callable[[Refusal, str], Answer]
    shape: tuple[str, Json]
    reason: tuple[str, ...] = ("reason",)
    scheme: tuple[str, Json] | None = None
    headers: tuple[str, ...] = ()


OWN_WIRE: Final = Wire(
    find_any_state,
    answer_refusal,
    (
        "Refused",
        {
            "type": "object",
            "description": "What every refusal looks like. `reason` is for programs, `message` for people.",
            "properties": {
                "code": {"type": "integer"},
                "reason": {"type": "string"},
                "message": {"type": "string"},
                "action": {"enum": ["login", "retry", "none"], "description": "What the client should do."},
                "request_id": {"type": "string"},
            },
            "required": ["code", "reason", "message", "action", "request_id"],
            "additionalProperties": False,
        },
    ),
)
"""That of the gateway's own API."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method at one path, below the API's own.

    ``answer`` is None where it is no JSON. ``refuses`` are refusals of its own, beside those that any call can meet.
    """

    method: str
    path: str
    summary: str
    work: Work
    needs: Needs
    body: type[Body] | Literal["upload", "xml"] | None
    answer: type[msgspec.Struct] | None
    refuses: tuple[type[Refusal], ...] = ()
    wire: Wire = OWN_WIRE
