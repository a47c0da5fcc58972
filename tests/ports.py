"""Ports for what cannot be told "any": a program that listens a while later, and where nobody shall listen at all."""

from __future__ import annotations

import os
import socket
from itertools import count

__all__ = ["free_port"]

# Below what the kernel gives to everybody's connections and servers (32768 on Linux, 49152 elsewhere), and below what
# ``menshen`` itself chooses from: neither can come in between. No port comes again for ten thousand others.
_FIRST, _PORTS = 10_000, 10_000
_next = count(os.getpid() * 997)


def free_port() -> int:
    """One of 127.0.0.1 that nobody has, and that nobody else of this run is given."""
    for number in (next(_next) for _ in range(_PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", _FIRST + number % _PORTS))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port")
