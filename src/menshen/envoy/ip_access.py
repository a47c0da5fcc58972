"""Which addresses may call: by the connection, or, behind trusted proxies, as the last of them says.

The address is Envoy's: what a client writes into ``x-forwarded-for`` counts only at the place that a trusted proxy
writes, and a text there that is no address switches nothing off (attack class 54).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from menshen.config.route_rules import IpRules
from menshen.config.snapshot import Route, Snapshot
from menshen.envoy.rbac import denies, rbac, rbac_on_route
from menshen.envoy.typed import Json

__all__ = ["IP_POLICY", "ip_filters", "ip_guarded"]

_IP_ACCESS: Final = "menshen.ip_access"
IP_POLICY: Final = "menshen.address"
_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")
"""IPv4 addresses as they look where a socket is for both (RFC 4291 2.5.5.2)."""

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def ip_filters(snapshot: Snapshot) -> list[Json]:
    if not any(route.ip_access for route in snapshot.routes):
        return []
    return [{"name": _IP_ACCESS, "typed_config": rbac()}]


def ip_guarded(route: Route) -> dict[str, Json]:
    """Per-route settings: who is refused. Of several plugins each must let the caller in."""
    refused = [principal for rules in route.ip_access for principal in _principals(rules)]
    if not refused:
        return {}
    return {_IP_ACCESS: rbac_on_route(denies(IP_POLICY, [{"any": True}], refused))}


@lru_cache(maxsize=1024)
def _principals(rules: IpRules) -> tuple[Json, ...]:
    """Worked out once for all APIs of a group. Nobody changes what comes of it."""
    return tuple(_refused(rules))


def _refused(rules: IpRules) -> Iterable[Json]:
    if rules.deny:
        yield _any_of(rules.deny)
    if rules.allow:
        yield {"not_id": _any_of(rules.allow)}


def _any_of(cidrs: Iterable[str]) -> Json:
    """From one of these ranges, an IPv4 one in either spelling: proxies write ``::ffff:192.0.2.1`` as well."""
    plain, mapped = [], []
    for network in map(ipaddress.ip_network, cidrs):
        if isinstance(network, ipaddress.IPv4Network) or network.subnet_of(_MAPPED):
            v4 = _unmapped(network)
            plain.append(_within(v4))
            mapped.append(_within(_mapped(v4)))
        elif network.supernet_of(_MAPPED):
            # What is IPv4 in truth is not of a wide IPv6 range, such as ::/0.
            plain.append(_all_of(_within(network), {"not_id": _within(_MAPPED)}))
        else:
            plain.append(_within(network))
    # The second half is gone through for mapped addresses only.
    return _one_of(*plain, *([_all_of(_within(_MAPPED), _one_of(*mapped))] if mapped else []))


def _unmapped(network: _Network) -> ipaddress.IPv4Network:
    if isinstance(network, ipaddress.IPv4Network):
        return network
    return ipaddress.IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))


def _mapped(network: ipaddress.IPv4Network) -> ipaddress.IPv6Network:
    return ipaddress.IPv6Network((_MAPPED[int(network.network_address)], 96 + network.prefixlen))


def _within(network: _Network) -> Json:
    return {"remote_ip": {"address_prefix": str(network.network_address), "prefix_len": network.prefixlen}}


def _one_of(*principals: Json) -> Json:
    return {"or_ids": {"ids": list(principals)}}


def _all_of(*principals: Json) -> Json:
    return {"and_ids": {"ids": list(principals)}}
