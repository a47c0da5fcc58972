"""What decide() answers."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from menshen.config.snapshot import Route
from menshen.errors import Refusal
from menshen.gateway.credentials import NO_OPEN_DATA, SentOpenData
from menshen.secret import Secret
from menshen.sessions.claims import SessionClaims

__all__ = ["Allow", "Decision", "Deny", "Exchange", "Load"]


class Allow(msgspec.Struct, frozen=True):
    """Let the request through, as ``claims`` says or, with None, anonymously.

    ``state`` is the login state as it was sent; ``renewed`` is there when the client is due a fresh one.
    """

    route: Route
    claims: SessionClaims | None
    state: bytes = b""
    renewed: SessionClaims | None = None


@dataclass(frozen=True, slots=True)
class Deny:
    """Refuse. ``route`` is None where the route itself is not known."""

    refusal: Refusal
    route: Route | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A login: the code must be exchanged with the platform first. ``received`` in Unix seconds.

    ``presented`` is the login state that came with the code: its session ends with this login (attack class 27).
    ``username`` and ``password`` are there where the plugin takes them beside the code and the client sent one.
    """

    route: Route
    code: str
    received: float
    presented: bytes | None = None
    username: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))
    open_data: SentOpenData = NO_OPEN_DATA


@dataclass(frozen=True, slots=True)
class Load:
    """A state of kind ``reference`` whose record this process does not have at hand: it must be read first."""

    route: Route
    state: bytes


Decision = Allow | Deny | Exchange | Load
