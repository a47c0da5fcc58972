"""Filters that change by themselves: off unless a route turns them on, and each in a file of its own (ECDS).

Their content changes when nothing else does (a key, a revocation), so it must not be part of the listener: replacing
that drains connections. A filter that is off costs a request of another route nothing.
"""

from __future__ import annotations

from typing import Final

from menshen.envoy.addresses import Addresses, Subscription
from menshen.envoy.typed import Json, typed

__all__ = ["RESOURCE", "SWITCHED_ON", "discovered_filter"]

RESOURCE: Final = "envoy.config.core.v3.TypedExtensionConfig"

SWITCHED_ON: Final[Json] = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {}}
"""Per-route settings that turn a disabled filter on and change nothing else about it."""


def discovered_filter(name: str, type_name: str, subscription: Subscription, addresses: Addresses) -> Json:
    """A place in the filter chain; a listener with one waits for the file before it serves."""
    discovery = {
        "config_source": addresses.source(subscription),
        "type_urls": [typed(type_name)["@type"]],
    }
    return {"name": name, "disabled": True, "config_discovery": discovery}
