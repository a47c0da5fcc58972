"""What an endpoint of the admin API is: one row of the table from which calls are dispatched and documented."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from menshen.operators.roles import Principal, Scope

__all__ = [
    "ANONYMOUS",
    "MOST",
    "Answered",
    "BadCall",
    "Below",
    "Call",
    "Endpoint",
    "Limit",
    "Line",
    "Method",
    "Word",
    "Work",
]

MOST: Final = 500
"""Items a page."""

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

Word = Annotated[str, Meta(max_length=200)]
"""One line of printable text, which every word of a path or a query must be."""

Line = Annotated[str, Meta(max_length=200, pattern=r"^[^\u0000-\u001f\u007f]*$")]
"""The same in a body, where PostgreSQL would choke on a zero."""

Below = Annotated[int, Meta(ge=1, le=10**18 - 1, description="The `below` that the page before ended with.")]

Limit = Annotated[int, Meta(ge=1, le=10**18 - 1, description=f"Items a page; {MOST} are the most that come.")]

ANONYMOUS: Final = Principal("", frozenset(), "token")
"""Who calls an endpoint that needs nothing."""


class BadCall(Exception):
    """What is wrong with a call; ``status`` is that of the answer."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Call:
    """A call that may be made and is well-formed. ``query`` and ``body`` are of the endpoint's types, or None.

    ``headers`` have names in lower case. ``address`` is the caller's, as the connection has it.
    """

    principal: Principal
    path: Mapping[str, str]
    query: Any
    body: Any
    headers: Mapping[str, str]
    address: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer with more than a body. ``value`` is its JSON; None with a status that has no body, such as 304.

    With another ``media`` type than JSON it is the text itself.
    """

    value: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media: str = "application/json"


Work = Callable[[Call], Awaitable[Any]]
"""Gives the answer's JSON, or :class:`Answered`. Raises ``BadCall``, or an error of the tree that has a status here."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method at one path. ``needs`` None: anybody may call, or with ``known`` anybody who has a token.

    ``query`` and ``body`` are Structs that forbid unknown fields; ``body`` may be a mapping's type as well.
    ``answer`` is a type that msgspec knows, or a JSON schema. ``refuses`` are statuses of its own, beside those that
    any call can meet; ``status`` is that of success. ``body_limit`` is in bytes.

    ``body_schema`` says more of a body than its type does; ``$defs`` of a schema become components of the OpenAPI
    document. ``headers`` are those that a call may have, each with its meaning; ``media`` are the types that an answer
    may have besides JSON.
    """

    method: Method
    path: str
    summary: str
    needs: Scope | None
    work: Work
    query: type[msgspec.Struct] | None = None
    body: Any = None
    answer: Any = dict[str, Any]
    refuses: tuple[int, ...] = ()
    status: int = 200
    body_limit: int = 16 * 1024
    body_schema: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media: tuple[str, ...] = ()
    known: bool = False

    @property
    def asks_who(self) -> bool:
        """Whether a call without a token is refused."""
        return self.known or self.needs is not None
