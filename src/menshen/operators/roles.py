"""Roles, and the scopes that they are made of.

An operator has a role; an API token has some of its owner's scopes. Every endpoint of the admin API and every page of
the console says the one scope that it needs, so who may do what is decided in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final, Literal

__all__ = ["SCOPES_OF", "Principal", "Role", "Scope", "Via"]


@unique
class Scope(StrEnum):
    """What a caller may do. Every ``write`` is apart from its ``read``."""

    FIGURES_READ = "figures:read"
    CONFIG_READ = "config:read"
    CONFIG_WRITE = "config:write"
    USERS_READ = "users:read"
    """Users, sessions and the login log; phone numbers by their last digits only."""
    USERS_WRITE = "users:write"
    PERSONAL_READ = "personal:read"
    """Personal data in full. Each time it is shown is written to the audit log."""
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    AUDIT_READ = "audit:read"
    APPS_USE = "apps:use"
    """The platform's access tokens and session_keys, for the team's own programs."""
    OPERATORS_WRITE = "operators:write"
    """Operators, their roles, and everybody's API tokens. One's own need no scope, at the console."""


@unique
class Role(StrEnum):
    """Each may do what the one before may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    OWNER = "owner"


_VIEWER: Final = frozenset(
    {Scope.FIGURES_READ, Scope.CONFIG_READ, Scope.USERS_READ, Scope.WEBHOOKS_READ, Scope.KEYS_READ}
)
_OPERATOR: Final = _VIEWER | {
    Scope.CONFIG_WRITE,
    Scope.USERS_WRITE,
    Scope.PERSONAL_READ,
    Scope.WEBHOOKS_WRITE,
    Scope.AUDIT_READ,
}

SCOPES_OF: Final[Mapping[Role, frozenset[Scope]]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.OWNER: frozenset(Scope),
}

Via = Literal["file", "token", "console"]
"""How a caller showed who it is: the node's ``admin.token``, an API token, a session of the console."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever calls. ``name`` stands in the audit log and as the author of revisions."""

    name: str
    scopes: frozenset[Scope]
    via: Via

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes

    @property
    def operator(self) -> str:
        """Whose account it is, "" for the node's own token. An API token is called ``owner/token``."""
        return "" if self.via == "file" else self.name.partition("/")[0]
