"""IP addresses as limits count them."""

from __future__ import annotations

import ipaddress

__all__ = ["address_key"]


def address_key(ip: str) -> str:
    """The address, and of IPv6 the network: one client has 2^64 addresses in it, and would never meet a limit.

    What is no address counts as it is written: a limit must not be off for it (attack class 54).
    """
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return f"?{ip}"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address)
