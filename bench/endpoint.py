"""b. The authorization endpoint, asked directly as Envoy asks it, against an empty application served the same way."""

from __future__ import annotations

from statistics import median

from bench.children import BenchFailed, child
from bench.load import Load
from bench.replay import Replay
from bench.report import Goal, Report
from bench.stage import Stage
from bench.workers import question, route_stamp, workers

__all__ = ["measure_endpoint"]

_STATES = 1000


def measure_endpoint(stage: Stage, replay: Replay, *, rounds: int, seconds: float) -> Report:
    """One worker, started by a node; its node and its Envoy are idle meanwhile."""
    empty_log = stage.directory / "empty.log"
    with (
        stage.gateway("direct", "required", "--workers", "1") as gateway,
        child(["-m", "bench.answers", "empty"], empty_log) as empty,
    ):
        route = route_stamp(stage, "sealed")
        requests = tuple(question(state, route) for state in stage.states(gateway, _STATES))
        seen: dict[str, list[Load]] = {"empty application": [], "authorization endpoint": []}
        addresses = dict(zip(seen, ((empty.host, empty.port), workers(gateway)[0]), strict=True))
        for address in addresses.values():
            replay.run(*address, requests, 1.0)
        for _ in range(rounds):
            for name, address in addresses.items():
                seen[name].append(_answered(replay.run(*address, requests, seconds)))
    rate = {name: median(each.rate for each in found) for name, found in seen.items()}
    busy = max(each.generator / each.seconds for found in seen.values() for each in found)
    return Report(
        f"b. One worker asked directly, as Envoy asks: {_STATES:,} login states, 64 connections, medians of {rounds}",
        ["", "requests/s", "p50 ms", "p99 ms", "requests/s of each round"],
        [_row(name, found) for name, found in seen.items()],
        [
            Goal(
                "endpoint / empty application, requests/s",
                rate["authorization endpoint"] / rate["empty application"],
                0.5,
            )
        ],
        [f"the load generator took at most {busy:.0%} of a core"],
    )


def _answered(load: Load) -> Load:
    if load.failed:
        raise BenchFailed(f"{load.failed} of {load.requests} requests failed")
    return load


def _row(name: str, rounds: list[Load]) -> list[str]:
    return [
        name,
        f"{median(each.rate for each in rounds):,.0f}",
        f"{median(each.p50 for each in rounds) * 1000:.2f}",
        f"{median(each.p99 for each in rounds) * 1000:.2f}",
        " ".join(f"{each.rate:,.0f}" for each in rounds),
    ]
