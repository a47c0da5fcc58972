"""Which addresses may call: by the connection, or, behind trusted proxies, as the last of them says.

The address is Envoy's: what a client writes into ``x-forwarded-for`` counts only at the place that a trusted proxy
writes, and a text there that is no address switches nothing off (attack class 54).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from menshen.config.route_rules import IpRules
from menshen.config.snapshot import Route, Snapshot
from menshen.envoy.typed import Json, typed

__all__ = ["IP_ACCESS", "IP_POLICY", "ip_filters", "ip_guarded"]

IP_ACCESS: Final = "menshen.ip_access"
IP_POLICY: Final = "menshen.address"
_PACKAGE: Final = "envoy.extensions.filters.http.rbac.v3"


def ip_filters(snapshot: Snapshot) -> list[Json]:
    if not any(route.ip_access for route in snapshot.routes):
        return []
    return [{"name": IP_ACCESS, "typed_config": typed(f"{_PACKAGE}.RBAC")}]


def ip_guarded(route: Route) -> dict[str, Json]:
    """Per-route settings: who is refused. Of several plugins each must let the caller in."""
    refused = [principal for rules in route.ip_access for principal in _refused(rules)]
    if not refused:
        return {}
    policy = {"permissions": [{"any": True}], "principals": refused}
    rbac = {"rules": {"action": "DENY", "policies": {IP_POLICY: policy}}}
    return {IP_ACCESS: typed(f"{_PACKAGE}.RBACPerRoute", {"rbac": rbac})}


def _refused(rules: IpRules) -> Iterable[Json]:
    yield from (_from(cidr) for cidr in rules.deny)
    if rules.allow:
        yield {"not_id": {"or_ids": {"ids": [_from(cidr) for cidr in rules.allow]}}}


def _from(cidr: str) -> Json:
    network = ipaddress.ip_network(cidr)
    return {"remote_ip": {"address_prefix": str(network.network_address), "prefix_len": network.prefixlen}}
