"""A gateway's workers, asked directly as Envoy asks them."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import uvloop

from bench.accounting import name_of, tree
from bench.children import BenchFailed, Child
from bench.connection import request
from bench.load import as_fast
from bench.stage import BUSINESS, Stage
from menshen.config.login_rules import SessionKind
from menshen.documents.documents import load_document
from menshen.gateway.wire import AUTHZ_PREFIX, HEADER_RECEIVED, HEADER_REQUEST_ID, HEADER_ROUTE, stamp

__all__ = ["first_sight", "question", "route_stamp", "workers"]


def route_stamp(stage: Stage, kind: SessionKind) -> str:
    """The stamp of the business route in the document of a gateway that checks states of this kind."""
    snapshot = load_document(stage.document("required", kind), os.environ).snapshot
    return stamp("mall/order", snapshot.checksum)


def question(state: str, route: str) -> bytes:
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


def workers(gateway: Child) -> list[tuple[str, int]]:
    """Where each of the gateway's workers listens, from its command line."""
    found = []
    for pid in tree(gateway.pid):
        if name_of(pid) == "worker":
            words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            found.append((words[words.index("--host") + 1], int(words[words.index("--port") + 1])))
    if not found:
        raise BenchFailed("the gateway has no worker")
    return found


def first_sight(stage: Stage, gateway: Child, kind: SessionKind, states: Sequence[str]) -> float:
    """Let every worker see every state once, which a measurement of checks is not about; states a second of one."""
    route = route_stamp(stage, kind)
    rates = []
    for address in workers(gateway):
        questions = iter([question(state, route) for state in states])
        load = uvloop.run(as_fast(*address, questions, connections=16, seconds=60))
        if load.failed or load.requests != len(states):
            raise BenchFailed(f"a worker let {load.requests - load.failed} of {len(states)} states of kind {kind} in")
        rates.append(load.rate)
    return median(rates)
