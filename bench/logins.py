"""c. Logins through the gateway, the platform answering at once: how many there can be, and p99 at half the goal."""

from __future__ import annotations

from statistics import median

import uvloop

from bench.accounting import cpu_seconds, tree
from bench.children import BenchFailed
from bench.load import Load, as_fast, at_rate
from bench.report import Goal, Report
from bench.stage import Stage

__all__ = ["measure_logins"]

_GOAL = 800
_CONNECTIONS = 64
_ENOUGH = 3000  # codes a second of the closed loop; it stops early if they run out


def measure_logins(stage: Stage, *, rounds: int, seconds: float) -> Report:
    """Every code is made beforehand and used once; half of the logins are a user's first."""
    fast: list[tuple[Load, float]] = []
    steady: list[tuple[Load, float]] = []
    with stage.gateway("logins", "required") as gateway:
        processes = tree(gateway.pid)
        where = gateway.host, gateway.port
        uvloop.run(as_fast(*where, iter(stage.logins(1000, "warm-")), connections=_CONNECTIONS, seconds=1.0))
        for number in range(rounds):
            codes = iter(stage.logins(int(_ENOUGH * seconds), f"fast-{number}-"))
            before = cpu_seconds(processes)
            load = uvloop.run(as_fast(*where, codes, connections=_CONNECTIONS, seconds=seconds))
            fast.append((load, cpu_seconds(processes) - before))
            evenly = stage.logins(int(_GOAL / 2 * seconds), f"steady-{number}-")
            before = cpu_seconds(processes)
            load = uvloop.run(at_rate(*where, evenly, rate=_GOAL / 2))
            steady.append((load, cpu_seconds(processes) - before))
    for load, _ in fast + steady:
        if load.failed:
            raise BenchFailed(f"{load.failed} of {load.requests} logins failed")
    busy = max(load.generator / load.seconds for load, _ in fast)
    return Report(
        f"c. Logins: every code another one, half of them of new users, medians of {rounds}",
        ["", "logins/s", "p50 ms", "p99 ms", "CPU s/1,000", "logins/s of each round", "p99 of each round"],
        [_row(f"{_CONNECTIONS} connections, as fast as it goes", fast), _row(f"{_GOAL // 2}/s, open loop", steady)],
        [
            Goal("logins/s", median(load.rate for load, _ in fast), _GOAL),
            Goal(
                f"p99 at {_GOAL // 2} logins/s",
                median(load.p99 for load, _ in steady) * 1000,
                250,
                "ms",
                at_least=False,
            ),
        ],
        [f"emulator, backend and load share the machine; the load generator took at most {busy:.0%} of a core"],
    )


def _row(name: str, rounds: list[tuple[Load, float]]) -> list[str]:
    return [
        name,
        f"{median(load.rate for load, _ in rounds):,.0f}",
        f"{median(load.p50 for load, _ in rounds) * 1000:.1f}",
        f"{median(load.p99 for load, _ in rounds) * 1000:.1f}",
        f"{median(cpu / load.requests for load, cpu in rounds) * 1000:.2f}",
        " ".join(f"{load.rate:,.0f}" for load, _ in rounds),
        " ".join(f"{load.p99 * 1000:.0f}" for load, _ in rounds),
    ]
