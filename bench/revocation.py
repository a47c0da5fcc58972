"""f. From a session's end in the database to the last process that refuses it: every worker, and Envoy."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import uvloop

from bench.children import BenchFailed, Child
from bench.load import Load, at_rate, percentile
from bench.report import Goal, Report
from bench.sessions import doors, records_in, revoke_others, session_of
from bench.stage import Stage, business
from bench.workers import first_sight, route_stamp
from menshen.config.login_rules import SessionKind

__all__ = ["measure_revocation"]

_SESSIONS = 100
_OTHERS = 200
_RATE = 300.0
_REVOKED = 10_000
_WORKERS = 2
_LONGEST_PAUSE = 0.15
_GOAL = 1.0
_SCENARIOS: tuple[tuple[str, SessionKind, int], ...] = (
    ("sealed", "sealed", 0),
    ("signed", "signed", 0),
    (f"signed, {_REVOKED:,} revoked before", "signed", _REVOKED),
    ("reference", "reference", 0),
)


@dataclass(frozen=True, slots=True)
class _Found:
    """Seconds until Envoy refused, until the last worker did, and until all did, of each session."""

    envoy: Sequence[float]
    workers: Sequence[float]
    all: Sequence[float]
    load: Load


def measure_revocation(stage: Stage) -> Report:
    """One gateway after the other. The clock starts when ``SessionRecords.end`` returns, in a process of its own."""
    found: dict[str, _Found] = {}
    for number, (name, kind, revoked) in enumerate(_SCENARIOS):
        own = f"revoke-{number}"
        with stage.gateway(own, "required", "--workers", str(_WORKERS), kind=kind) as gateway:
            states = stage.states(gateway, _SESSIONS + _OTHERS)
            if revoked:
                revoke_others(stage, own, gateway, revoked)
            first_sight(stage, gateway, kind, states[_SESSIONS:])
            found[name] = uvloop.run(_revoke(stage, own, gateway, kind, states))
    for each in found.values():
        if each.load.failed:
            raise BenchFailed(f"{each.load.failed} of {each.load.requests} requests beside the revocations failed")
    return Report(
        f"f. A revocation reaches {_WORKERS} workers and Envoy: {_SESSIONS} sessions of each kind, one after the other,"
        f" beside {_RATE:.0f} requests/s",
        ["", "p50 ms", "p99 ms", "max ms", "workers p50", "workers p99", "Envoy p50", "Envoy p99", "p99 of requests"],
        [_row(name, each) for name, each in found.items()],
        [
            Goal(f"p99 of a revocation everywhere, {name}", percentile(each.all, 0.99), _GOAL, "s", at_least=False)
            for name, each in found.items()
        ],
    )


async def _revoke(stage: Stage, name: str, gateway: Child, kind: SessionKind, states: Sequence[str]) -> _Found:
    route = route_stamp(stage, kind)
    over = asyncio.Event()
    others = itertools.cycle([business(state) for state in states[_SESSIONS:]])
    until_over = itertools.takewhile(lambda _: not over.is_set(), others)
    pauses = random.Random(name)
    envoy, last_worker, everywhere = [], [], []
    async with records_in(stage.data_dir(name)) as records, asyncio.TaskGroup() as group:
        load = group.create_task(at_rate(gateway.host, gateway.port, until_over, rate=_RATE))
        for state in states[:_SESSIONS]:
            sid = await session_of(gateway, state, route)
            async with doors(gateway, state, route) as (front, brain):
                await asyncio.gather(*(door.must_pass() for door in (front, *brain)))
                # The node looks at the database every so often: no revocation may keep step with it.
                await asyncio.sleep(pauses.uniform(0, _LONGEST_PAUSE))
                if await records.end([sid], "revoked") != 1:
                    raise BenchFailed("a live session could not be ended")
                began = time.perf_counter()
                first, *others_took = await asyncio.gather(*(door.refused(began) for door in (front, *brain)))
            envoy.append(first)
            last_worker.append(max(others_took))
            everywhere.append(max(first, *others_took))
        over.set()
    return _Found(envoy, last_worker, everywhere, load.result())


def _row(name: str, found: _Found) -> list[str]:
    values = [
        median(found.all),
        percentile(found.all, 0.99),
        max(found.all),
        *(median(found.workers), percentile(found.workers, 0.99)),
        *(median(found.envoy), percentile(found.envoy, 0.99)),
        found.load.p99,
    ]
    return [name, *(f"{seconds * 1000:.0f}" for seconds in values)]
