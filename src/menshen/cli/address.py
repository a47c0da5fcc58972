"""``HOST:PORT`` as commands take it."""

from __future__ import annotations

import ipaddress
import socket

__all__ = ["free_port", "is_loopback", "parse_address"]


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


def free_port(host: str, preferred: int = 0) -> int:
    """``preferred``, or any free port where it is 0 or taken. For programs that cannot be told "any" themselves."""
    family, _, _, _, address = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
    for port in (preferred, 0):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((address[0], port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError(f"no free port on {host}")
