"""Where plain ``http://`` will do: on this machine and in the team's own network."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

__all__ = ["PLAIN_HTTP", "is_guarded"]

_NAMES: Final = (".localhost", ".internal", ".local", ".svc")

PLAIN_HTTP: Final = (
    "must be https://; http:// is for this machine and the team's own network only (a loopback or private"
    " address, a name without a dot, or one that ends in .internal, .local, .localhost or .svc)",
    "必须是 https://；http:// 只能用于本机和内网（回环或私有地址、不带点的名称，"
    "或以 .internal、.local、.localhost、.svc 结尾的名称）",
)
"""What to say of a URL that is not guarded, in English and in Chinese."""


def is_guarded(url: str) -> bool:
    """Whether nobody outside can read along or answer instead. ``url`` is a sound one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_NAMES)
    return address.is_loopback or address.is_private
