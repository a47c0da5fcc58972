"""Tokens of other issuers: Envoy checks them alone, by keys that are written in the document or that it gets itself.

A filter of its own beside that of our login states (:mod:`menshen.envoy.states`): nothing that another issuer signs is
ever taken for a login state, nor the other way round (attack class 23). Providers are named by a hash of all they are,
as there, so that a route never meets the provider of another revision.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

from menshen.config.route_rules import JwtRules
from menshen.config.snapshot import Route, Snapshot
from menshen.envoy.addresses import Addresses
from menshen.envoy.clusters import called, called_cluster
from menshen.envoy.discovered import discovered_filter
from menshen.envoy.states import Provider
from menshen.envoy.token_guards import TOKEN_HEAD, content_filters, form_filters, prefixes, token_guards
from menshen.envoy.typed import Json, seconds, typed

__all__ = [
    "TOKENS",
    "TOKEN_STATUS",
    "issuer_clusters",
    "token_checked",
    "token_filters",
    "token_headers",
    "token_provider",
    "token_providers",
    "tokens_config",
]

TOKENS: Final = "menshen.tokens"
_PACKAGE: Final = "envoy.extensions.filters.http.jwt_authn.v3"

TOKEN_STATUS: Final = "menshen_token"  # noqa: S105  (the name of a datum)
"""Under which name the filter writes down why it refused, so that the answer can tell it from a login state's."""

_ISSUER: Final = "issuer"
"""How the names of clusters begin that keys are got from."""

_FETCH: Final = 5.0
_CACHE: Final = 60.0
"""Seconds: the longest wait for an issuer's keys, and how old they get. When they cannot be had, the old ones stay."""

_FETCHES: Final = 8
"""Requests to one issuer at once. While its keys are missing every token asks for them; a flood must not reach it."""

_CACHED: Final = 1024
_LONGEST: Final = 8192


def token_providers(snapshot: Snapshot) -> dict[str, Provider]:
    """Provider name -> provider, of every plugin that is effective somewhere."""
    found = {route.jwt.plugin: route.jwt for route in snapshot.routes if route.jwt is not None}
    return {provider.name: provider for provider in map(token_provider, found.values())}


@lru_cache(maxsize=1024)
def token_provider(rules: JwtRules) -> Provider:
    """Worked out once for all APIs of a group. Nobody changes what comes of it."""
    if rules.token.position == "header":
        places = [{"name": rules.token.name, "value_prefix": prefix} for prefix in prefixes(rules.token)]
        position: Json = {"from_headers": places}
    else:
        position = {"from_params": [rules.token.name]}
    config: Json = {
        "issuer": rules.issuer,
        **({"audiences": list(rules.audiences)} if rules.audiences else {}),
        "require_expiration": True,
        "clock_skew_seconds": rules.skew,
        **position,
        **_keys(rules),
        # Taken off by the route, as every credential is.
        "forward": True,
        "claim_to_headers": [{"header_name": header, "claim_name": claim} for claim, header in rules.claims],
        "header_in_metadata": TOKEN_HEAD,
        "failed_status_in_metadata": TOKEN_STATUS,
    }
    if rules.keys.inline:
        # Envoy forgets a verified token at its end only. Where an issuer can withdraw a key, each is verified anew:
        # signed with a stolen key, it would otherwise stay good for as long as the thief has written into it.
        config["jwt_cache_config"] = {"jwt_cache_size": _CACHED, "jwt_max_token_size": _LONGEST}
    digest = hashlib.sha256(msgspec.json.encode(config)).hexdigest()[:12]
    return Provider(f"{rules.plugin}@{digest}", config)


def tokens_config(providers: Iterable[Provider]) -> Json:
    requirements: Json = {}
    configs: Json = {}
    for provider in sorted(providers, key=lambda provider: provider.name):
        configs[provider.name] = provider.config
        known: Json = {"provider_name": provider.name}
        requirements[provider.name] = known
        requirements[f"{provider.name}?"] = {"requires_any": {"requirements": [known, {"allow_missing": {}}]}}
    config = {"providers": configs, "requirement_map": requirements, "strip_failure_response": True}
    return typed(f"{_PACKAGE}.JwtAuthentication", config)


def token_filters(snapshot: Snapshot, addresses: Addresses) -> list[Json]:
    if not any(route.jwt for route in snapshot.routes):
        return []
    check = discovered_filter(TOKENS, f"{_PACKAGE}.JwtAuthentication", "tokens", addresses)
    return [*form_filters(snapshot), check, *content_filters(snapshot)]


def token_checked(route: Route) -> dict[str, Json]:
    """Per-route settings, which also turn the filter on."""
    if route.jwt is None:
        return {}
    requirement = token_provider(route.jwt).requirement(route)
    return {TOKENS: typed(f"{_PACKAGE}.PerRouteConfig", {"requirement_name": requirement}), **token_guards(route)}


def token_headers(route: Route) -> list[str]:
    return [] if route.jwt is None else [header for _, header in route.jwt.claims]


def issuer_clusters(snapshot: Snapshot, system_ca: str) -> list[Json]:
    """One cluster for each address that keys are got from."""
    found: dict[str, Json] = {}
    for route in snapshot.routes:
        if route.jwt is None or not route.jwt.keys.url:
            continue
        name = called(_ISSUER, route.jwt.keys.url)
        found[name] = called_cluster(_ISSUER, route.jwt.keys.url, system_ca, max_requests=_FETCHES)
        if "cluster_type" in found[name]:
            # Many a machine has no way out by IPv6, and most issuers have addresses of both kinds.
            found[name]["cluster_type"]["typed_config"]["dns_lookup_family"] = "V4_PREFERRED"
    return [found[name] for name in sorted(found)]


def _keys(rules: JwtRules) -> Json:
    if not rules.keys.url:
        return {"local_jwks": {"inline_string": rules.keys.inline}}
    cluster = called(_ISSUER, rules.keys.url)
    return {
        "remote_jwks": {
            "http_uri": {"uri": rules.keys.url, "cluster": cluster, "timeout": seconds(_FETCH)},
            "cache_duration": seconds(_CACHE),
            # Fast: otherwise the listener waits for the issuer at the start, and a filter that comes later never asks.
            "async_fetch": {"fast_listener": True, "failed_refetch_duration": "1s"},
        }
    }
