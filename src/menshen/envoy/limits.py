"""Limits of requests a second: token buckets in Envoy, shared by its threads, so exact for the node.

Two filters. What is counted by address, API or group is counted before anybody judges the request, for it must hold
back a flood; what is counted by user or tag is counted when they are known. A bucket belongs to the limit, not to a
route, so it is kept when routes change; the filters are resources of their own for the same reason. A limit that is
changed begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from menshen.config.route_rules import LimitRule
from menshen.config.snapshot import Route, Snapshot
from menshen.config.tag_values import tag_header
from menshen.envoy.addresses import Addresses
from menshen.envoy.discovered import SWITCHED_ON, discovered_filter
from menshen.envoy.typed import Json, typed
from menshen.gateway.wire import HEADER_UID

__all__ = ["LIMITS", "limit_filters", "limited", "limits_config", "rate_limits"]

Stage = Literal["limits_early", "limits_late"]

LIMITS: Final[dict[Stage, str]] = {"limits_early": "menshen.limits_early", "limits_late": "menshen.limits_late"}
"""The file that each filter follows, and its name."""

_STAGE: Final[dict[Stage, int]] = {"limits_early": 0, "limits_late": 1}
_PACKAGE: Final = "envoy.extensions.filters.http.local_ratelimit.v3"

_KEPT: Final = 100_000
"""Users, addresses or tag values that are counted at once for each limit; the one unused longest is forgotten."""

_LIMIT, _WHO, _ADDRESS = "limit", "who", "masked_remote_address"
"""Keys of descriptors; the last one is Envoy's own word."""


def limit_filters(snapshot: Snapshot, addresses: Addresses) -> dict[Stage, list[Json]]:
    """The filters that the snapshot needs, each for its place in the chain."""
    return {
        stage: [discovered_filter(name, f"{_PACKAGE}.LocalRateLimit", stage, addresses)]
        if any(_stage(limit) == stage for route in snapshot.routes for limit in route.limits)
        else []
        for stage, name in LIMITS.items()
    }


def limits_config(snapshot: Snapshot, stage: Stage) -> Json:
    """The filter's configuration: every limit of this stage, each once."""
    limits = {limit.scope: limit for route in snapshot.routes for limit in route.limits if _stage(limit) == stage}
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return typed(
        f"{_PACKAGE}.LocalRateLimit",
        {
            "stat_prefix": stage,
            "stage": _STAGE[stage],
            "filter_enabled": always,
            "filter_enforced": always,
            "always_consume_default_token_bucket": False,
            "max_dynamic_descriptors": _KEPT,
            "descriptors": [_descriptor(limits[scope]) for scope in sorted(limits)],
        },
    )


def limited(route: Route) -> dict[str, Json]:
    """Per-route settings that turn the filters on."""
    return {LIMITS[stage]: SWITCHED_ON for stage in _stages(route.limits)}


def rate_limits(route: Route) -> list[Json]:
    """What of a request is counted where, for the route's action."""
    return [{"stage": _STAGE[_stage(limit)], "actions": _actions(limit)} for limit in route.limits]


def _stages(limits: Iterable[LimitRule]) -> list[Stage]:
    used = {_stage(limit) for limit in limits}
    return [stage for stage in LIMITS if stage in used]


def _stage(limit: LimitRule) -> Stage:
    return "limits_late" if limit.by in ("user", "tag") else "limits_early"


def _descriptor(limit: LimitRule) -> Json:
    entries: list[Json] = [{"key": _LIMIT, "value": limit.scope}]
    if limit.by in ("user", "ip", "tag"):
        # Every value has a bucket of its own.
        entries.append({"key": _ADDRESS if limit.by == "ip" else _WHO})
    bucket = {"max_tokens": limit.burst, "tokens_per_fill": limit.requests, "fill_interval": "1s"}
    return {"entries": entries, "token_bucket": bucket}


def _actions(limit: LimitRule) -> list[Json]:
    """Without a user, or without the tag, there is nothing to count: Envoy then makes no descriptor of it."""
    counted: Json = {"generic_key": {"descriptor_key": _LIMIT, "descriptor_value": limit.scope}}
    match limit.by:
        case "user":
            return [counted, {"request_headers": {"header_name": HEADER_UID, "descriptor_key": _WHO}}]
        case "tag":
            return [counted, {"request_headers": {"header_name": tag_header(limit.tag), "descriptor_key": _WHO}}]
        case "ip":
            # Of an IPv6 network a client has 64 bits to choose from.
            masked = {"v4_prefix_mask_len": 32, "v6_prefix_mask_len": 64}
            return [counted, {"masked_remote_address": masked}]
        case _:
            return [counted]
