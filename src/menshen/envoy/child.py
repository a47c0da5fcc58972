"""What a child is between fork and exec, and the port it will need."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from typing import Final

from menshen.config.snapshot import Endpoint
from menshen.errors import ChildFailed

__all__ = ["become_child", "refuse_taken_port"]

_PR_SET_PDEATHSIG: Final = 1


def become_child(parent: int) -> Callable[[], None]:
    """What to run in the child of ``parent`` before exec.

    Everything is looked up before the fork: between fork and exec another thread may hold the import lock.
    """
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    def become() -> None:
        os.setpgid(0, 0)
        # One descriptor per connection and side; the usual soft limit of 1,024 would end at 500 clients.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it died before the death signal was set
                os._exit(1)

    return become


def refuse_taken_port(listen: Endpoint) -> None:
    """Raise when something listens there already, or the address is not ours."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICHOST
        )[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ChildFailed(
                f"{listen.host}:{listen.port} is in use by another program; stop it or choose another --listen"
            ) from error
        raise ChildFailed(f"cannot listen on {listen.host}:{listen.port}: {error.strerror or error}") from error
