"""``HOST:PORT`` as commands take it."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Collection
from pathlib import Path

__all__ = ["free_port", "is_loopback", "parse_address"]

_KERNELS_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""Of IPv6 too (Linux, Documentation/networking/ip-sysctl.rst)."""

_OURS = range(20_000, 30_000)
"""Above what services are known by, below the node ports of Kubernetes."""

_TRIES = 64


def parse_address(text: str) -> tuple[str, int]:
    """``127.0.0.1:8082``, ``localhost:0``, ``[::1]:8082`` -> host and port. Raises ValueError with a clear message."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    if not colon or not host or (":" in host and not bracketed):
        raise ValueError(f"{text!r} is not HOST:PORT (an IPv6 host goes in brackets)")
    if not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError(f"{port!r} is not a port (0 to 65535)")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Only this machine can connect to it. A name other than ``localhost`` is not looked up and does not count."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def free_port(host: str, preferred: int = 0, *, but: Collection[int] = ()) -> int:
    """``preferred``, or any free port where it is 0 or taken; never one of ``but``.

    It is for programs that cannot be told "any" themselves and listen a while later. Meanwhile the kernel gives ports
    of its own range to whatever connects or listens on this machine, so the port is from outside of that range.

    Raises OSError: there is no free port, or ``host`` is not an address of this machine.
    """
    family, _, _, _, address = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
    below = min(_kernels_first_port(), _OURS.stop)
    ours = range(_OURS.start, below)
    tries = [secrets.choice(ours) for _ in range(_TRIES if ours else 0)]
    for port in (*((preferred,) if preferred else ()), *tries, 0):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((address[0], port))
            except OSError:
                continue
            found = int(probe.getsockname()[1])
        if found not in but:
            return found
    raise OSError(f"no free port on {host}")


def _kernels_first_port() -> int:
    """The first of those that Linux gives to who asks for any; 0 where that is not told."""
    try:
        return int(_KERNELS_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0
