"""i. A large document beside a small one with the same plugins: requests, memory, ``check``, a change going live."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from bench.accounting import memory, tree
from bench.children import REPOSITORY, BenchFailed, Child
from bench.connection import request
from bench.replay import Replay
from bench.report import Goal, Report
from bench.scale import APIS, PLUGINS
from bench.stage import Stage

__all__ = ["measure_governance"]

_STATES = 500
_WARM_SECONDS = 1.0
_WITHIN = 30.0
_POLL = 0.005
_MB = 1e6


@dataclass(frozen=True, slots=True)
class _Gateway:
    """``groups`` /g0, /g1 … of one document; ``state`` is any login state of it."""

    name: str
    groups: int
    child: Child
    state: str
    requests: tuple[bytes, ...]


def measure_governance(stage: Stage, replay: Replay, *, rounds: int, seconds: float) -> Report:
    """Every request is checked, lifted into a tag, counted and led by a canary, in one group or in all of them."""
    with ExitStack() as stack:
        gateways = [_gateway(stack, stage, *each) for each in (("small", 1), ("large", 300))]
        for gateway in gateways:
            replay.run(gateway.child.host, gateway.child.port, gateway.requests, _WARM_SECONDS)
        rates: dict[str, list[float]] = {gateway.name: [] for gateway in gateways}
        for _ in range(rounds):
            for gateway in gateways:
                load = replay.run(gateway.child.host, gateway.child.port, gateway.requests, seconds)
                if load.failed:
                    raise BenchFailed(f"{gateway.name}: {load.failed} of {load.requests} requests failed")
                rates[gateway.name].append(load.rate)
        used = {gateway.name: memory(tree(gateway.child.pid)).pss / _MB for gateway in gateways}
        checked = {gateway.name: median(_check(stage, gateway) for _ in range(3)) for gateway in gateways}
        lived = {gateway.name: [_live(stage, gateway, number) for number in range(rounds)] for gateway in gateways}
    rate = {name: median(found) for name, found in rates.items()}
    live = {name: median(found) for name, found in lived.items()}
    return Report(
        f"i. Plugins: 1 group and 300 groups of {APIS} APIs, each with a login plugin and {PLUGINS} plugins more",
        ["", "plugins", "APIs", "requests/s", "PSS MB", "check s", "change live s", "requests/s of each round"],
        [
            [
                gateway.name,
                f"{gateway.groups * PLUGINS:,}",
                f"{gateway.groups * APIS:,}",
                f"{rate[gateway.name]:,.0f}",
                f"{used[gateway.name]:.0f}",
                f"{checked[gateway.name]:.2f}",
                f"{live[gateway.name]:.2f}",
                " ".join(f"{each:,.0f}" for each in rates[gateway.name]),
            ]
            for gateway in gateways
        ],
        [
            Goal("large document / small document, requests/s", rate["large"] / rate["small"], 0.85),
            Goal("menshen check of the large document", checked["large"], 2, "s", at_least=False),
            Goal("a change of the large document until it answers", live["large"], 2, "s", at_least=False),
        ],
        ["check is the whole command, Python's start included; a change counts from the file being replaced"],
    )


def _gateway(stack: ExitStack, stage: Stage, name: str, groups: int) -> _Gateway:
    child = stack.enter_context(stage.gateway_of(name, stage.sized(groups)))
    states = stage.states(child, _STATES, "/g0/login")
    requests = tuple(
        request(f"/g{index % groups}/orders/{index}", {"user_session": state, "x-city": "Shenzhen"})
        for index, state in enumerate(states)
    )
    return _Gateway(name, groups, child, states[0], requests)


def _check(stage: Stage, gateway: _Gateway) -> float:
    began = time.perf_counter()
    command = [sys.executable, "-m", "menshen", "check", str(stage.config(gateway.name))]
    subprocess.run(command, check=True, cwd=REPOSITORY, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _live(stage: Stage, gateway: _Gateway, number: int) -> float:
    """Seconds until an API that a new document publishes is there."""
    config = stage.config(gateway.name)
    document = stage.sized(gateway.groups).replace("{name: a0, path: /a0}", f"{{name: a0, path: /fresh-{number}}}", 1)
    whole = config.with_suffix(".new")
    whole.write_text(document)
    whole.replace(config)
    began = time.perf_counter()
    while time.perf_counter() - began < _WITHIN:
        if _status(gateway, f"/g0/fresh-{number}") == 200:
            return time.perf_counter() - began
        time.sleep(_POLL)
    raise BenchFailed(f"{gateway.name}: a change was not live within {_WITHIN:.0f} s")


def _status(gateway: _Gateway, path: str) -> int:
    connection = http.client.HTTPConnection(gateway.child.host, gateway.child.port, timeout=10)
    try:
        connection.request("GET", path, headers={"user_session": gateway.state})
        return connection.getresponse().status
    finally:
        connection.close()
