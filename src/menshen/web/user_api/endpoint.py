"""What an endpoint of the user API is: one row of the table from which calls are dispatched and documented."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from menshen.errors import Refusal
from menshen.gateway.answer import Answer
from menshen.sessions.claims import SessionClaims
from menshen.web.user_api.call import Body, Call

__all__ = ["Ended", "Endpoint", "Needs", "Work"]

Needs = Literal["nothing", "state", "any state"]
"""Whether a call needs a login state. ``any state``: one of ours, however old, which the endpoint looks at itself."""

Work = Callable[[Call, Any], Awaitable[Answer]]
"""Raises a ``Refusal``. The second argument is the body: the Struct, an ``Upload``, or None."""

Ended = Callable[[SessionClaims], None]
"""Told of a session that has ended by a call, so that this process knows before it comes round."""


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
    body: type[Body] | Literal["upload"] | None
    answer: type[msgspec.Struct] | None
    refuses: tuple[type[Refusal], ...] = ()
