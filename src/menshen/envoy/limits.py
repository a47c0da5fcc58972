"""Limits of requests a second: token buckets in Envoy, shared by its threads, so exact for the node.

Two filters. What is counted by address, API or group is counted before anybody judges the request, for it must hold
back a flood; what is counted by user or tag is counted when they are known.

A filter knows rates, not limits: all limits that count the same kind of thing at the same rate are one table of it, and
the route says under which name a request is counted there. So a thousand limits cost a request no more than one, for
Envoy goes through the tables one by one; and a change of routes leaves every bucket as full as it was. Only another set
of tables is another filter, whose buckets all begin full.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from menshen.config.route_rules import LimitRule
from menshen.config.snapshot import Route, Snapshot
from menshen.config.tag_values import tag_header
from menshen.envoy.addresses import Addresses
from menshen.envoy.discovered import SWITCHED_ON, discovered_filter
from menshen.envoy.typed import Json, typed
from menshen.gateway.wire import HEADER_CLIENT, HEADER_UID

__all__ = [
    "LIMITS",
    "Stage",
    "Tables",
    "limit_filters",
    "limit_tables",
    "limited",
    "limits_config",
    "limits_kept",
    "rate_limits",
]

Stage = Literal["limits_early", "limits_late"]
Tables = Mapping[str, LimitRule]
"""By the name of a table, one of the limits that it counts for: all that matters of them is the same."""

LIMITS: Final[dict[Stage, str]] = {"limits_early": "menshen.limits_early", "limits_late": "menshen.limits_late"}
"""The file that each filter follows, and its name."""

_STAGE: Final[dict[Stage, int]] = {"limits_early": 0, "limits_late": 1}
_PACKAGE: Final = "envoy.extensions.filters.http.local_ratelimit.v3"

_BUCKETS: Final = 200_000
"""Of a filter, shared evenly by its tables: 0.5 KB each, twice that with long tag values, so that who makes up values
cannot fill the memory. In a full table the bucket that was used longest ago goes first. It has filled up by then and
nothing is lost, unless more than fit are used within the ``burst / requests`` seconds that filling takes."""

_LEAST: Final = 10_000
"""Buckets of a table, however many there are: more than there are APIs."""

_WHO: Final = "who"
_NETWORK, _ADDRESS = "masked_remote_address", "remote_address"
"""Keys of descriptors; the last two are Envoy's own words."""

_MAPPED: Final[Json] = {"name": HEADER_CLIENT, "string_match": {"prefix": "::ffff:"}}
"""The client's address is an IPv4 one that came by a socket for both (RFC 4291 2.5.5.2); proxies hand on such."""


def limit_filters(snapshot: Snapshot, addresses: Addresses) -> dict[Stage, list[Json]]:
    """The filters that the snapshot needs, each for its place in the chain."""
    used = {_stage(limit) for route in snapshot.routes for limit in route.limits}
    return {
        stage: [discovered_filter(name, f"{_PACKAGE}.LocalRateLimit", stage, addresses)] if stage in used else []
        for stage, name in LIMITS.items()
    }


def limit_tables(snapshot: Snapshot) -> dict[Stage, Tables]:
    """The tables of each filter."""
    found: dict[Stage, dict[str, LimitRule]] = {stage: {} for stage in LIMITS}
    for route in snapshot.routes:
        for limit in route.limits:
            found[_stage(limit)][limit.table] = limit
    return {**found}


def limits_kept(running: Tables, old: Tables, new: Tables) -> Tables:
    """The tables for a change from the limits of ``old`` routes to those of ``new`` ones, and for what comes after it.

    Both, for as long as both kinds of routes may be asked: an old one without its table would let everybody through
    (attack class 55). They stay when the change is done, for fewer would again be another filter; so what Envoy is
    ``running`` may have all that the new routes need.
    """
    return running if old and new.keys() <= running.keys() else {**old, **new}


def limits_config(stage: Stage, limits: Tables) -> Json:
    """The filter's configuration: these tables. A request that no table fits is let through."""
    tables = [table for name in sorted(limits) for table in _tables(limits[name])]
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return typed(
        f"{_PACKAGE}.LocalRateLimit",
        {
            "stat_prefix": stage,
            "stage": _STAGE[stage],
            "filter_enabled": always,
            "filter_enforced": always,
            "always_consume_default_token_bucket": False,
            "max_dynamic_descriptors": max(_LEAST, _BUCKETS // max(1, len(tables))),
            "descriptors": tables,
        },
    )


def limited(route: Route) -> dict[str, Json]:
    """Per-route settings that turn the filters on."""
    used = {_stage(limit) for limit in route.limits}
    return {name: SWITCHED_ON for stage, name in LIMITS.items() if stage in used}


def rate_limits(route: Route) -> list[Json]:
    """What of a request is counted where, for the route's action."""
    return [
        {"stage": _STAGE[_stage(limit)], "actions": actions} for limit in route.limits for actions in _counted(limit)
    ]


def _stage(limit: LimitRule) -> Stage:
    return "limits_late" if limit.by in ("user", "tag") else "limits_early"


def _tables(limit: LimitRule) -> Iterator[Json]:
    """An entry without a value stands for all of them: each has a bucket of its own."""
    bucket = {"max_tokens": limit.burst, "tokens_per_fill": limit.requests, "fill_interval": "1s"}
    for who in _keys(limit):
        yield {"entries": [{"key": limit.table}, *({"key": key} for key in who)], "token_bucket": bucket}


def _keys(limit: LimitRule) -> list[list[str]]:
    match limit.by:
        case "user" | "tag":
            return [[_WHO]]
        case "ip":
            return [[_NETWORK], [_ADDRESS]]
        case "api" | "group":
            return [[]]


def _counted(limit: LimitRule) -> Iterator[list[Json]]:
    """Each of these is counted if the request has all that it names."""
    match limit.by:
        case "user":
            yield _by_header(limit, HEADER_UID)
        case "tag":
            yield _by_header(limit, tag_header(limit.tag))
        case "ip":
            # Of an IPv6 network a client has 64 bits to choose from. Those of mapped addresses are all the same.
            network = {"v4_prefix_mask_len": 32, "v6_prefix_mask_len": 64}
            yield [_where(limit, {**_MAPPED, "invert_match": True}), {_NETWORK: network}]
            yield [_where(limit, _MAPPED), {_ADDRESS: {}}]
        case "api" | "group":
            yield [{"generic_key": _named(limit)}]


def _by_header(limit: LimitRule, name: str) -> list[Json]:
    """An empty value is nobody's: those without one would all share a bucket."""
    nothing = {"name": name, "string_match": {"exact": ""}, "treat_missing_header_as_empty": True}
    value = {"request_headers": {"header_name": name, "descriptor_key": _WHO}}
    return [_where(limit, {**nothing, "invert_match": True}), value]


def _where(limit: LimitRule, header: Json) -> Json:
    """Names the limit, on requests whose header is so."""
    return {"header_value_match": {**_named(limit), "headers": [header]}}


def _named(limit: LimitRule) -> Json:
    return {"descriptor_key": limit.table, "descriptor_value": limit.scope}
