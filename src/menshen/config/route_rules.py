"""What a route does besides logging in: tags, canaries, limits, guards. The part of a snapshot that plugins fill.

Plain values, resolved and ordered: Envoy's resources and the brain are made of them, and nothing is looked up or parsed
while a request waits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from menshen.config.buckets import BUCKETS
from menshen.secret import Secret

__all__ = [
    "DEFAULT_VERSION",
    "LONGEST_WINDOW",
    "Action",
    "CanaryRule",
    "ClientTag",
    "Condition",
    "CorsRules",
    "CustomRules",
    "EnvoyPart",
    "IdentityTag",
    "IpRules",
    "Jwks",
    "JwtRules",
    "KeyPair",
    "KeyPairRules",
    "LimitBy",
    "LimitRule",
    "OAuthRules",
    "Operator",
    "Parameter",
    "Position",
    "Relation",
    "RewriteRule",
    "Share",
    "TokenAt",
    "TransformRules",
]

Position = Literal["path", "query", "header", "cookie"]
Operator = Literal["EQUAL", "NOT_EQUAL", "IN", "NOT_IN", "REGEX"]
Relation = Literal["AND", "OR"]
LimitBy = Literal["api", "group", "user", "ip", "tag"]
IdentityTag = Literal[
    "nickname", "gender", "language", "city", "province", "country", "platform", "app", "account", "new_user"
]
"""What a login plugin can tick: from the platform's word about the user and from his identity, never from a client."""

DEFAULT_VERSION: Final = "default"
"""The version of an upstream that its own endpoints are."""

LONGEST_WINDOW: Final = 900
"""Seconds that any key pair plugin may let a signature be old: so long a nonce is remembered whatever revision runs."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a request. ``name`` is lower-case for a header; for a path it is a template ``/a/{id}/b``.

    A template is compared with the whole path behind the group's prefix.
    """

    position: Position
    name: str


@dataclass(frozen=True, slots=True)
class ClientTag:
    """A request parameter lifted into a tag. Untrusted: a client chooses its value."""

    tag: str
    parameter: Parameter
    trace_id: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """What a value must be. ``values`` has one item for EQUAL, NOT_EQUAL and REGEX (RE2, the whole value)."""

    operator: Operator
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """So many of a hundred requests go to a version of the upstream; "default" is its own endpoints."""

    version: str
    weight: int


@dataclass(frozen=True, slots=True)
class CanaryRule:
    """``when`` pairs a tag with a condition; without any, every request fits. What ``to`` leaves goes to "default".

    ``sticky`` keeps a user on one side; ``salt`` makes one canary's users others than the next one's. Rules are in the
    order in which they are tried.
    """

    name: str
    plugin: str
    to: tuple[Share, ...]
    when: tuple[tuple[str, Condition], ...] = ()
    relation: Relation = "AND"
    sticky: bool = True

    @property
    def salt(self) -> str:
        return f"{self.plugin}/{self.name}"

    def spans(self) -> tuple[tuple[str, int, int], ...]:
        """Version, first bucket and the one behind the last, of all hundred; what nobody has is the default's."""
        found, start = [], 0
        for share in self.to:
            found.append((share.version, start, start + share.weight))
            start += share.weight
        if start < BUCKETS:
            found.append((DEFAULT_VERSION, start, BUCKETS))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class LimitRule:
    """At most so many ``requests`` a second, ``burst`` at once. ``scope`` names what is counted together."""

    scope: str
    by: LimitBy
    requests: int
    burst: int
    tag: str = ""

    @property
    def table(self) -> str:
        """The name of what is counted in the same way."""
        return f"{self.by}:{self.requests}/{self.burst}"


@dataclass(frozen=True, slots=True)
class IpRules:
    """CIDR ranges. ``deny`` beats ``allow``; an empty ``allow`` is everybody."""

    plugin: str
    allow: tuple[str, ...]
    deny: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CorsRules:
    """Pages of which origins may call, and how. ``max_age`` in seconds."""

    plugin: str
    origins: tuple[str, ...]
    methods: tuple[str, ...]
    request_headers: tuple[str, ...]
    expose_headers: tuple[str, ...]
    credentials: bool
    max_age: int


@dataclass(frozen=True, slots=True)
class RewriteRule:
    """``regex`` (RE2) fits a whole path as clients send it; ``replacement`` has ``$1`` to ``$9``.

    ``block`` refuses the path that the backend gets to clients that ask for it directly.
    """

    regex: str
    replacement: str
    order: int
    block: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """Sets a tag or a header of the request to the backend, in ``weight`` of a hundred requests; one of both names."""

    weight: int
    value: str
    tag: str = ""
    header: str = ""


@dataclass(frozen=True, slots=True)
class TransformRules:
    """Colours requests that fit all ``filters``: at most one of ``actions``, by weight."""

    plugin: str
    filters: tuple[tuple[Parameter, Condition], ...]
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class TokenAt:
    """Where a token of another issuer travels; ``prefix`` stands before it in a header, as in ``Bearer ``."""

    position: Literal["header", "query"]
    name: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Jwks:
    """Keys: a JWK Set as JSON, or the URL that Envoy gets it from."""

    inline: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class JwtRules:
    """Tokens of another issuer (RFC 7519), which Envoy checks. ``claims`` pairs a claim with its lower-case header.

    ``skew`` in seconds.
    """

    plugin: str
    issuer: str
    audiences: tuple[str, ...]
    token: TokenAt
    keys: Jwks
    claims: tuple[tuple[str, str], ...]
    skew: int


@dataclass(frozen=True, slots=True)
class OAuthRules:
    """A token that the team's own service judges. ``payload`` is the header for what it says, or "".

    ``timeout`` in seconds. ``redirect`` is where a refused caller is sent, or "".
    """

    plugin: str
    url: str
    method: Literal["GET", "POST"]
    token: TokenAt
    timeout: float
    payload: str = ""
    redirect: str = ""
    forward_authorization: bool = False


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A server's key. ``until`` is the Unix second from which on it is good no more; 0 is never."""

    id: str
    secret: Secret
    until: int = 0


@dataclass(frozen=True, slots=True)
class KeyPairRules:
    """Calls signed by servers. ``window`` in seconds, ``body_limit`` in bytes; ``caller`` is the key id's header."""

    plugin: str
    keys: tuple[KeyPair, ...]
    window: int
    body_limit: int
    caller: str


@dataclass(frozen=True, slots=True)
class EnvoyPart:
    """What a plugin type has one of Envoy's own filters do: the filter, and its settings on one route.

    Both are messages as JSON, each with its ``@type``.
    """

    filter: dict[str, Any]
    route: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CustomRules:
    """A plugin of the installation's own type. ``headers`` are those that it may set for a backend, ``reads`` those
    that it is shown, lower-case; ``cookies`` and ``tags`` are names as well."""

    plugin: str
    type: str
    parameters: dict[str, Any] = field(default_factory=dict, repr=False)
    headers: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    envoy: EnvoyPart | None = None
