"""What plugins do with the requests of a route besides logging in: the settings of their filters, and their order.

The order is that of :func:`front` and :func:`behind`, and is part of the contract (docs/reference/plugins.md): pages
and addresses first, then limits, then who the caller is, and only then what is chosen by it.
"""

from __future__ import annotations

from menshen.config.snapshot import Route, Snapshot
from menshen.envoy.addresses import Addresses
from menshen.envoy.cors import cors_filters, cross_origin
from menshen.envoy.custom import custom_filters, customised
from menshen.envoy.ip_access import ip_filters, ip_guarded
from menshen.envoy.limits import limit_filters, limited
from menshen.envoy.rewrites import rewrite_filters
from menshen.envoy.tags import bucket_headers, input_headers, plain_headers, tag_filters, tagged
from menshen.envoy.tokens import token_checked, token_filters
from menshen.envoy.transforms import coloured, transform_filters
from menshen.envoy.typed import Json

__all__ = ["behind", "front", "governed", "inner_headers"]


def front(snapshot: Snapshot, addresses: Addresses) -> list[Json]:
    """Filters in front of whoever judges login states. Only those that some route uses: each costs every request."""
    return [
        *cors_filters(snapshot),
        *ip_filters(snapshot),
        *rewrite_filters(snapshot),
        *limit_filters(snapshot, addresses)["limits_early"],
        *token_filters(snapshot, addresses),
    ]


def behind(snapshot: Snapshot, addresses: Addresses) -> list[Json]:
    """Filters that know who is calling."""
    first, last = tag_filters(snapshot)
    return [
        *first,
        *transform_filters(snapshot),
        *last,
        *limit_filters(snapshot, addresses)["limits_late"],
        *custom_filters(snapshot),
    ]


def governed(route: Route) -> dict[str, Json]:
    """Per-route settings of all of them."""
    return {
        **cross_origin(route),
        **ip_guarded(route),
        **limited(route),
        **token_checked(route),
        **tagged(route),
        **coloured(route),
        **customised(route),
    }


def inner_headers(route: Route) -> list[str]:
    """Headers between these filters, which no backend gets."""
    return [
        *(header for header, _ in bucket_headers(route).values()),
        *input_headers(route).values(),
        *plain_headers(route).values(),
    ]
