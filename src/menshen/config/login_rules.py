"""A snapshot's part of logins: where a request brings what it brings, and how the login states look, travel and end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "CodeAt",
    "CodePosition",
    "OpenDataAt",
    "RefreshRules",
    "RequestPosition",
    "ReturnPosition",
    "SessionKind",
    "SessionRules",
]

CodePosition = Literal["header", "query", "cookie", "body"]
RequestPosition = Literal["header", "query", "cookie"]
ReturnPosition = Literal["header", "cookie", "body"]
SessionKind = Literal["sealed", "signed", "reference"]


@dataclass(frozen=True, slots=True)
class CodeAt:
    position: CodePosition
    name: str


@dataclass(frozen=True, slots=True)
class OpenDataAt:
    """Names of the platform's open data, which stands where the code does; "" is not taken."""

    encrypted_data: str = ""
    iv: str = ""
    raw_data: str = ""
    signature: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name in (self.encrypted_data, self.iv, self.raw_data, self.signature) if name)


@dataclass(frozen=True, slots=True)
class RefreshRules:
    """Refresh tokens: ``name`` of the header or cookie that a login returns one in, lifetime in **minutes**.

    ``path`` is where they are good: that of the gateway's token endpoint.
    """

    name: str
    expires_in: int
    path: str = "/v1/token"


@dataclass(frozen=True, slots=True)
class SessionRules:
    """How a plugin's login states look, travel and end. Every time is in **minutes**, 0 means "not used".

    ``prefix`` may stand before the state in a request's header, and is no part of it.
    ``claims`` names what of the user a state carries beyond the usual: the user record's own claims, and, for kind
    ``signed``, whether the client may read ``openid`` and ``unionid``.
    """

    name: str
    kind: SessionKind
    expires_in: int
    return_in: ReturnPosition
    request_in: RequestPosition
    idle: int = 0
    renew_before: int = 0
    max_sessions: int = 0
    refresh: RefreshRules | None = None
    claims: tuple[str, ...] = ()
    prefix: str = ""
