"""Login states of kind ``signed``: Envoy checks them alone, so they cost no question and hold while the brain is dead.

One provider per plugin. Its name has a hash of everything but the keys in it: routes and providers are different
resources that change at different moments, and a route must never meet a provider of another revision. During a change
both revisions' providers are there; a route that names none is refused by Envoy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from menshen.config.route_rules import IdentityTag
from menshen.config.snapshot import IdentityField, LoginPlugin, Route, Snapshot
from menshen.config.tag_values import tag_header
from menshen.envoy.addresses import Addresses
from menshen.envoy.discovered import discovered_filter
from menshen.envoy.strip import plugins_of
from menshen.envoy.typed import Json, typed
from menshen.gateway.wire import HEADER_UID
from menshen.sessions.signed import ISSUER, MAX_STATE_BYTES, audience

__all__ = [
    "CLOCK_SKEW",
    "HEADER_AUDIENCE",
    "HEADER_AUTH",
    "HEADER_RENEW_AT",
    "HEADER_SID",
    "STATES",
    "VERIFIED_HEADERS",
    "Provider",
    "checked_by",
    "judged_alone",
    "providers_of",
    "states_config",
    "states_filter",
]

STATES: Final = "menshen.states"
_PACKAGE: Final = "envoy.extensions.filters.http.jwt_authn.v3"

HEADER_SID: Final = "x-menshen-sid"
HEADER_AUTH: Final = "x-menshen-auth"
HEADER_AUDIENCE: Final = "x-menshen-audience"
HEADER_RENEW_AT: Final = "x-menshen-renew-at"

_FOR_FILTERS: Final = {HEADER_SID: "sid", HEADER_AUTH: "auth", HEADER_AUDIENCE: "aud", HEADER_RENEW_AT: "rnw"}

VERIFIED_HEADERS: Final = tuple(_FOR_FILTERS)
"""What the filters behind this one read of a verified state. Stripped from clients, never seen by a backend."""

CLOCK_SKEW: Final = 1
"""Seconds by which Envoy's clock may differ from the brain's; the least that Envoy takes (0 means 60). It compares
whole seconds with "later than", so that a state is refused from ``exp + 2`` on."""

_CACHED: Final = 4096
"""Verified states kept per provider and thread, about 6 KB each; expiry is looked at every time."""

_CLAIMS: Final[Mapping[IdentityField, str]] = {
    "user": "sub",
    "session": "sid",
    "platform": "platform",
    "source": "platform",
    "app": "app",
    "appid": "appid",
    "openid": "openid",
    "unionid": "unionid",
    "account": "account",
}
"""Identity field -> claim. A ``session_key`` is never in a state, and an assertion only the brain can make."""

_OWN_CLAIM: Final = "c_"
_TAG: Final = "t_"
_SAID_ANYWAY: Final[frozenset[IdentityTag]] = frozenset({"platform", "app"})
"""Tags whose values are claims of every state, and are spelt as tags are."""


@dataclass(frozen=True, slots=True)
class Provider:
    """How the states of one plugin are checked, all but the keys."""

    name: str
    config: Json

    def requirement(self, route: Route) -> str:
        """What a route names: a state at the plugin's position, or, where access is optional, a good one or none."""
        return f"{self.name}?" if route.access == "optional" else self.name


def providers_of(snapshot: Snapshot, keys: str) -> dict[str, Provider]:
    """Plugin name -> provider, of the plugins whose states Envoy checks alone. Without ``keys`` there are none.

    A state in a cookie is none of them: Envoy could not take it off the request to the backend.
    """
    if not keys:
        return {}
    counted = {route.login.name for route in snapshot.routes if route.login is not None and route.needs_uid}
    return {
        plugin.name: _provider(plugin, tell_uid=plugin.name in counted)
        for plugin in plugins_of(snapshot)
        if _alone(plugin)
    }


def judged_alone(route: Route) -> bool:
    """Whether the brain can be left out on this route: no other guard needs it anyway."""
    return route.login is not None and not (route.oauth or route.key_pair or route.custom)


def _alone(plugin: LoginPlugin) -> bool:
    rules = plugin.session
    return rules.kind == "signed" and rules.request_in != "cookie" and rules.return_in != "cookie"


def _provider(plugin: LoginPlugin, *, tell_uid: bool) -> Provider:
    name = plugin.session.name
    if plugin.session.request_in == "header":
        position: Json = {"from_headers": [{"name": name.lower()}]}
    else:
        position = {"from_params": [name]}
    headers = [
        *((header, _CLAIMS[field]) for field, header in plugin.identity if field in _CLAIMS),
        *((header, f"{_OWN_CLAIM}{claim}") for claim, header in plugin.claims),
        *((tag_header(tag), tag if tag in _SAID_ANYWAY else f"{_TAG}{tag}") for tag in plugin.identity_tags),
        *_FOR_FILTERS.items(),
        *([(HEADER_UID, "sub")] if tell_uid else []),
    ]
    config: Json = {
        "issuer": ISSUER,
        "audiences": [audience(plugin.app.platform, plugin.app.appid)],
        "require_expiration": True,
        "clock_skew_seconds": CLOCK_SKEW,
        **position,
        # The renewal filter must still see it; the route takes it off before the backend.
        "forward": True,
        "claim_to_headers": [{"header_name": header, "claim_name": claim} for header, claim in headers],
        "jwt_cache_config": {"jwt_cache_size": _CACHED, "jwt_max_token_size": MAX_STATE_BYTES},
    }
    digest = hashlib.sha256(msgspec.json.encode(config)).hexdigest()[:12]
    return Provider(f"{plugin.name}@{digest}", config)


def states_config(providers: Iterable[Provider], keys: str) -> Json:
    """The filter's configuration. ``keys`` is a JWK Set of public keys."""
    requirements: Json = {}
    configs: Json = {}
    for provider in sorted(providers, key=lambda provider: provider.name):
        configs[provider.name] = {**provider.config, "local_jwks": {"inline_string": keys}}
        known: Json = {"provider_name": provider.name}
        requirements[provider.name] = known
        requirements[f"{provider.name}?"] = {"requires_any": {"requirements": [known, {"allow_missing": {}}]}}
    config = {"providers": configs, "requirement_map": requirements, "strip_failure_response": True}
    return typed(f"{_PACKAGE}.JwtAuthentication", config)


def states_filter(addresses: Addresses) -> Json:
    return discovered_filter(STATES, f"{_PACKAGE}.JwtAuthentication", "states", addresses)


def checked_by(requirement: str) -> Json:
    """Per-route settings, which also turn the filter on."""
    return typed(f"{_PACKAGE}.PerRouteConfig", {"requirement_name": requirement})
