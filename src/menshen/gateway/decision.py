"""What decide() answers."""

from __future__ import annotations

from dataclasses import dataclass

from menshen.config.snapshot import Route
from menshen.errors import Refusal
from menshen.sessions.claims import SessionClaims

__all__ = ["Allow", "Decision", "Deny", "Exchange"]


@dataclass(frozen=True, slots=True)
class Allow:
    """Let the request through, as ``claims`` says or, with None, anonymously."""

    route: Route
    claims: SessionClaims | None


@dataclass(frozen=True, slots=True)
class Deny:
    """Refuse. ``route`` is None where the route itself is not known."""

    refusal: Refusal
    route: Route | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A login: the code must be exchanged with the platform first. ``received`` in Unix seconds."""

    route: Route
    code: str
    received: float


Decision = Allow | Deny | Exchange
