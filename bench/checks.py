"""a. Requests through Envoy: all routes public, against a sealed login state checked on every request."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from bench.accounting import Memory, cpu_seconds, memory, tree
from bench.children import BenchFailed, Child
from bench.load import Load
from bench.replay import Replay
from bench.report import Goal, Report
from bench.stage import Stage, business

__all__ = ["measure_checks"]

_STATES = 1000
_MB = 1e6


@dataclass(frozen=True, slots=True)
class _Round:
    load: Load
    cpu: float  # seconds for 1,000 requests
    memory: Memory


def measure_checks(stage: Stage, replay: Replay, *, rounds: int, seconds: float) -> Report:
    """Both gateways run all the time; the rounds take turns, so that a noisy neighbour meets both."""
    with stage.gateway("public", "public") as public, stage.gateway("sealed", "required") as sealed:
        requests = tuple(business(state) for state in stage.states(sealed, _STATES))
        seen: dict[str, list[_Round]] = {"all routes public": [], "sealed checks": []}
        gateways = dict(zip(seen, (public, sealed), strict=True))
        for gateway in gateways.values():
            replay.run(gateway.host, gateway.port, requests, 1.0)
        for _ in range(rounds):
            for name, gateway in gateways.items():
                seen[name].append(_round(gateway, replay, requests, seconds))
    rate = {name: median(each.load.rate for each in found) for name, found in seen.items()}
    ratio = rate["sealed checks"] / rate["all routes public"]
    busy = max(each.load.generator / each.load.seconds for found in seen.values() for each in found)
    return Report(
        f"a. Through Envoy: {_STATES:,} login states, 64 connections, {rounds} rounds each in turn, medians",
        ["", "requests/s", "p50 ms", "p99 ms", "CPU s/1,000", "RSS MB", "PSS MB", "requests/s of each round"],
        [_row(name, found) for name, found in seen.items()],
        [Goal("sealed checks / all routes public, requests/s", ratio, 0.45)],
        [f"the load generator took at most {busy:.0%} of a core"],
    )


def _round(gateway: Child, replay: Replay, requests: tuple[bytes, ...], seconds: float) -> _Round:
    processes = tree(gateway.pid)
    before = cpu_seconds(processes)
    load = replay.run(gateway.host, gateway.port, requests, seconds)
    used = cpu_seconds(processes) - before
    if load.failed:
        raise BenchFailed(f"{load.failed} of {load.requests} requests failed")
    return _Round(load, used / load.requests * 1000, memory(processes))


def _row(name: str, rounds: list[_Round]) -> list[str]:
    return [
        name,
        f"{median(each.load.rate for each in rounds):,.0f}",
        f"{median(each.load.p50 for each in rounds) * 1000:.2f}",
        f"{median(each.load.p99 for each in rounds) * 1000:.2f}",
        f"{median(each.cpu for each in rounds):.3f}",
        f"{median(each.memory.rss for each in rounds) / _MB:.0f}",
        f"{median(each.memory.pss for each in rounds) / _MB:.0f}",
        " ".join(f"{each.load.rate:,.0f}" for each in rounds),
    ]
