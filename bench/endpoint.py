"""b. The authorization endpoint, asked directly as Envoy asks it, against an empty application served the same way."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from statistics import median

from bench.accounting import name_of, tree
from bench.children import BenchFailed, Child, child
from bench.connection import request
from bench.load import Load
from bench.replay import Replay
from bench.report import Goal, Report
from bench.stage import BUSINESS, Stage
from menshen.gateway.wire import AUTHZ_PREFIX, HEADER_RECEIVED, HEADER_REQUEST_ID, HEADER_ROUTE, stamp
from menshen.node.documents import load_document

__all__ = ["measure_endpoint"]

_STATES = 1000


def measure_endpoint(stage: Stage, replay: Replay, *, rounds: int, seconds: float) -> Report:
    """One worker, started by a node; its node and its Envoy are idle meanwhile."""
    empty_log = stage.directory / "empty.log"
    with (
        stage.gateway("direct", "required", "--workers", "1") as gateway,
        child(["-m", "bench.answers", "empty"], empty_log) as empty,
    ):
        route = _route(stage)
        requests = tuple(_question(state, route) for state in stage.states(gateway, _STATES))
        seen: dict[str, list[Load]] = {"empty application": [], "authorization endpoint": []}
        addresses = dict(zip(seen, ((empty.host, empty.port), _worker(gateway)), strict=True))
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


def _route(stage: Stage) -> str:
    """The stamp of the business route in the document that the gateway runs."""
    snapshot = load_document(stage.document("required"), os.environ).snapshot
    return stamp("mall/order", snapshot.checksum)


def _question(state: str, route: str) -> bytes:
    """What Envoy asks about a business request, header by header."""
    return request(
        AUTHZ_PREFIX + BUSINESS,
        {
            "content-length": "0",
            "user_session": state,
            HEADER_RECEIVED: f"{time.time():.6f}",
            HEADER_REQUEST_ID: str(uuid.uuid4()),
            HEADER_ROUTE: route,
            "x-envoy-internal": "true",
            "x-envoy-expected-rq-timeout-ms": "7000",
        },
    )


def _worker(gateway: Child) -> tuple[str, int]:
    """Where the gateway's one worker listens, from its command line."""
    for pid in tree(gateway.pid):
        if name_of(pid) == "worker":
            words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            return words[words.index("--host") + 1], int(words[words.index("--port") + 1])
    raise BenchFailed("the gateway has no worker")


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
