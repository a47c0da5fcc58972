"""e. From ``menshen serve`` being started to its first served request, a checked one."""

from __future__ import annotations

import http.client
import shutil
import socket
import time
from statistics import median

from bench.children import BenchFailed, start, stop
from bench.report import Goal, Report
from bench.stage import BUSINESS, Stage

__all__ = ["measure_startup"]

_WITHIN = 30.0
_POLL = 0.005


def measure_startup(stage: Stage, *, rounds: int) -> Report:
    """A data directory that holds only keys (the login state was sealed with them), and one that was used before."""
    with stage.gateway("earlier", "required") as gateway:
        state = stage.states(gateway, 1)[0]
    first, again = [], []
    for number in range(rounds):
        name = f"start-{number}"
        shutil.copytree(stage.directory / "earlier" / "keys", stage.directory / name / "keys")
        first.append(_seconds_to_serve(stage, name, state))
        again.append(_seconds_to_serve(stage, name, state))
    return Report(
        f"e. From menshen serve to the first checked request, medians of {rounds}",
        ["", "seconds", "each"],
        [
            [name, f"{median(found):.2f}", " ".join(f"{seconds:.2f}" for seconds in found)]
            for name, found in (("new data directory", first), ("started before", again))
        ],
        [Goal("start to first served request, new data directory", median(first), 3, "s", at_least=False)],
    )


def _seconds_to_serve(stage: Stage, name: str, state: str) -> float:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = stage.serve_arguments(name, "required", listen=f"127.0.0.1:{port}")
    began = time.perf_counter()
    process = start(arguments, stage.directory / f"{name}.log")
    try:
        while time.perf_counter() - began < _WITHIN:
            if _served(port, state):
                return time.perf_counter() - began
            time.sleep(_POLL)
    finally:
        stop(process)
    raise BenchFailed(f"no request was served within {_WITHIN:.0f} s of the start")


def _served(port: int, state: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", BUSINESS, headers={"user_session": state})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
