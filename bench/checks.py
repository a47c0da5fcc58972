"""a. Requests through Envoy: all routes public, against a login state of each kind checked on every request."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from bench.accounting import Memory, cpu_seconds, memory, tree
from bench.children import BenchFailed, Child
from bench.load import Load
from bench.replay import Replay
from bench.report import Goal, Report
from bench.sessions import add_live, revoke_others
from bench.stage import Stage, business
from bench.workers import first_sight
from menshen.config.login_rules import SessionKind

__all__ = ["measure_checks"]

_STATES = 1000
_WARM_SECONDS = 1.0
_MB = 1e6
_PUBLIC = "all routes public"

_HEAD = [
    "",
    "requests/s",
    "of public",
    "p50 ms",
    "p99 ms",
    "CPU s/1,000",
    "RSS MB",
    "PSS MB",
    "requests/s of each round",
]


@dataclass(frozen=True, slots=True)
class _Check:
    """``goal``: of the rate with all routes public. ``revoked`` and ``live`` count sessions that nobody here holds."""

    name: str
    kind: SessionKind
    goal: float
    revoked: int = 0
    live: int = 0


_CHECKED = (
    _Check("sealed", "sealed", 0.45),
    _Check("signed", "signed", 0.75),
    _Check("signed, 10,000 revoked", "signed", 0.6, revoked=10_000),
    _Check("reference, 100,000 live", "reference", 0.4, live=100_000),
)


@dataclass(frozen=True, slots=True)
class _Scenario:
    name: str
    gateway: Child
    requests: tuple[bytes, ...]
    first_sight: float  # states a second


@dataclass(frozen=True, slots=True)
class _Round:
    load: Load
    cpu: float  # seconds for 1,000 requests
    memory: Memory


def measure_checks(stage: Stage, replay: Replay, *, rounds: int, seconds: float) -> Report:
    """All gateways run all the time; the rounds take turns, so that a noisy neighbour meets each of them."""
    with ExitStack() as stack:
        scenarios = [_scenario(stack, stage, number, check) for number, check in enumerate(_CHECKED)]
        public = stack.enter_context(stage.gateway("public", "public"))
        # Its requests carry login states as well (sealed ones), and nobody looks at them.
        scenarios.insert(0, _Scenario(_PUBLIC, public, scenarios[0].requests, 0))
        for scenario in scenarios:
            replay.run(scenario.gateway.host, scenario.gateway.port, scenario.requests, _WARM_SECONDS)
        seen: dict[str, list[_Round]] = {scenario.name: [] for scenario in scenarios}
        for _ in range(rounds):
            for scenario in scenarios:
                seen[scenario.name].append(_round(scenario, replay, seconds))
    rate = {name: median(each.load.rate for each in found) for name, found in seen.items()}
    busy = max(each.load.generator / each.load.seconds for found in seen.values() for each in found)
    return Report(
        f"a. Through Envoy: {_STATES:,} login states, 64 connections, {rounds} rounds each in turn, medians",
        _HEAD,
        [_row(name, found, rate[name] / rate[_PUBLIC]) for name, found in seen.items()],
        [Goal(f"{each.name} / {_PUBLIC}, requests/s", rate[each.name] / rate[_PUBLIC], each.goal) for each in _CHECKED],
        [
            "states a second that one worker, asked directly, sees for the first time: "
            + ", ".join(f"{each.first_sight:,.0f} {each.name}" for each in scenarios if each.first_sight),
            f"the load generator took at most {busy:.0%} of a core",
        ],
    )


def _scenario(stack: ExitStack, stage: Stage, number: int, check: _Check) -> _Scenario:
    name = f"check-{number}"
    gateway = stack.enter_context(stage.gateway(name, "required", kind=check.kind))
    if check.live:
        add_live(stage.data_dir(name), check.kind, check.live)
    if check.revoked:
        revoke_others(stage, name, gateway, check.revoked)
    states = stage.states(gateway, _STATES)
    return _Scenario(check.name, gateway, tuple(map(business, states)), first_sight(stage, gateway, check.kind, states))


def _round(scenario: _Scenario, replay: Replay, seconds: float) -> _Round:
    gateway = scenario.gateway
    processes = tree(gateway.pid)
    before = cpu_seconds(processes)
    load = replay.run(gateway.host, gateway.port, scenario.requests, seconds)
    used = cpu_seconds(processes) - before
    if load.failed:
        raise BenchFailed(f"{scenario.name}: {load.failed} of {load.requests} requests failed")
    return _Round(load, used / load.requests * 1000, memory(processes))


def _row(name: str, rounds: list[_Round], share: float) -> list[str]:
    return [
        name,
        f"{median(each.load.rate for each in rounds):,.0f}",
        f"{share:.2f}",
        f"{median(each.load.p50 for each in rounds) * 1000:.2f}",
        f"{median(each.load.p99 for each in rounds) * 1000:.2f}",
        f"{median(each.cpu for each in rounds):.3f}",
        f"{median(each.memory.rss for each in rounds) / _MB:.0f}",
        f"{median(each.memory.pss for each in rounds) / _MB:.0f}",
        " ".join(f"{each.load.rate:,.0f}" for each in rounds),
    ]
