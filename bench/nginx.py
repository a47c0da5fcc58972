"""l. nginx in front of the backend: alone, asking who lets everything pass, and asking ``menshen serve --verify``."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.accounting import cpu_seconds, name_of, tree
from bench.children import REPOSITORY, BenchFailed, Child, child
from bench.load import Load
from bench.replay import Replay
from bench.report import Goal, Report
from bench.stage import Stage, business
from menshen.cli.address import free_port
from menshen.config.login_rules import SessionKind
from tests.nginx import nginx_command

__all__ = ["measure_nginx"]

_STATES = 1000
_WARM_SECONDS = 1.0
_UP_WITHIN = 10.0
_PLAIN = "nginx alone"
_UNTOLD = "alone, and tells the backend nothing"
_EMPTY = "asking an empty application"
_KINDS: tuple[SessionKind, ...] = ("sealed", "signed", "reference")
_GOAL = 0.30

# What the printed configuration tells a backend of a request, as those do that distributions print.
_FORWARDED = """\
        proxy_set_header Host $http_host;
        proxy_set_header X-Request-Id $request_id;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
"""

# What the printed configuration does for a backend, without a question ("off") or with the barest one.
_SITE = """\
    upstream backend {{ server {backend}; keepalive 64; }}
    upstream asked {{ server {asked}; keepalive 64; }}
    server {{
        listen {listen};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        {headers}
        location / {{
            auth_request {question};
            proxy_pass http://backend;
        }}
        location = /asked {{
            internal;
            proxy_pass_request_body off;
            proxy_pass http://asked;
        }}
    }}
"""

_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))  # where Debian puts it

_HEAD = [
    "",
    "requests/s",
    "of alone",
    "p50 ms",
    "p99 ms",
    "CPU s/1,000: nginx",
    "worker",
    "with backend and load",
    "requests/s of each round",
]


@dataclass(frozen=True, slots=True)
class _Scenario:
    """``asked`` is who is, None where nobody is."""

    nginx: Child
    asked: Child | None
    requests: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _Round:
    """CPU seconds for 1,000 requests."""

    load: Load
    nginx: float
    worker: float
    all: float


def measure_nginx(stage: Stage, replay: Replay, *, rounds: int, seconds: float) -> Report:
    """All run all the time, each nginx of one process; the rounds take turns, so that a noisy neighbour meets each.

    They are twice as many and half as long as others: one noisy round of three would be a third of what is seen.
    """
    rounds, seconds = 2 * rounds, seconds / 2
    program = shutil.which("nginx", path=_PATH)
    if program is None:
        goals = [Goal(f"nginx asking, {kind} / {_PLAIN}, requests/s", math.nan, _GOAL) for kind in _KINDS]
        return Report("l. nginx: not measured, for it is not installed", [""], [], goals)
    with contextlib.ExitStack() as stack:
        asked = {f"asking, {kind}": _asking(stack, stage, program, kind) for kind in _KINDS}
        states = next(iter(asked.values())).requests  # carried, and nobody looks at them
        empty = stack.enter_context(child(["-m", "bench.answers", "empty"], stage.directory / "nginx-empty.log"))
        plain = {_PLAIN: (_FORWARDED, None), _UNTOLD: ("", None), _EMPTY: (_FORWARDED, empty)}
        bare = {
            name: _Scenario(stack.enter_context(_bare(stage, program, headers, who)), who, states)
            for name, (headers, who) in plain.items()
        }
        scenarios = bare | asked
        for scenario in scenarios.values():
            replay.run(scenario.nginx.host, scenario.nginx.port, scenario.requests, _WARM_SECONDS)
        seen: dict[str, list[_Round]] = {name: [] for name in scenarios}
        for _ in range(rounds):
            for name, scenario in scenarios.items():
                seen[name].append(_round(name, scenario, stage, replay, seconds))
    # Of the same turn, so that who else was busy meanwhile counts in both.
    alone = [each.load.rate for each in seen[_PLAIN]]
    share = {name: [of.load.rate / to for of, to in zip(found, alone, strict=True)] for name, found in seen.items()}
    cost = {name: median(each.all for each in found) for name, found in seen.items()}
    busy = max(each.load.generator / each.load.seconds for found in seen.values() for each in found)
    return Report(
        f"l. nginx: {_STATES:,} login states, 64 connections, {rounds} rounds each in turn, medians",
        _HEAD,
        [_row(name, found, share[name]) for name, found in seen.items()],
        [Goal(f"nginx {name} / {_PLAIN}, requests/s", median(share[name]), _GOAL) for name in asked],
        [
            *(f"{name}, of alone in each turn: {' '.join(f'{each:.2f}' for each in share[name])}" for name in asked),
            "by CPU, which who else is busy changes little: "
            + ", ".join(f"{cost[_PLAIN] / cost[name]:.2f} {name}" for name in asked),
            f"the load generator took at most {busy:.0%} of a core",
        ],
    )


def _asking(stack: contextlib.ExitStack, stage: Stage, program: str, kind: SessionKind) -> _Scenario:
    name = f"nginx-{kind}"
    verify = f"127.0.0.1:{free_port('127.0.0.1')}"
    gateway = stack.enter_context(stage.gateway(name, "required", "--verify", verify, kind=kind))
    directory = stage.directory / f"{name}-conf"
    directory.mkdir()
    listen = f"127.0.0.1:{free_port('127.0.0.1')}"
    options = ["integrate", "nginx", "--data-dir", str(stage.data_dir(name))]
    (directory / "menshen.conf").write_text(_menshen(*options, "--verify", verify, "--listen", listen))
    (directory / "menshen-secret.conf").write_text(_menshen(*options, "--secret"))
    nginx = stack.enter_context(_nginx(program, directory, f"include {directory}/menshen.conf;", listen))
    states = stage.states(nginx, _STATES)
    return _Scenario(nginx, gateway, tuple(map(business, states)))


def _bare(stage: Stage, program: str, headers: str, asked: Child | None) -> contextlib.AbstractContextManager[Child]:
    directory = Path(tempfile.mkdtemp(prefix="nginx-", dir=stage.directory))
    question = "off" if asked is None else "/asked"
    listen = f"127.0.0.1:{free_port('127.0.0.1')}"
    backend, asked_at = (each.origin.removeprefix("http://") for each in (stage.backend, asked or stage.backend))
    site = _SITE.format(listen=listen, backend=backend, asked=asked_at, question=question, headers=headers)
    return _nginx(program, directory, site, listen)


@contextlib.contextmanager
def _nginx(program: str, directory: Path, site: str, listen: str) -> Iterator[Child]:
    command = nginx_command(directory, f"keepalive_requests 1000000;\n{site}", main="pcre_jit on;", program=program)
    log = directory / "nginx.log"
    with log.open("ab") as errors:
        process = subprocess.Popen(command, stdout=errors, stderr=errors)
    try:
        host, _, port = listen.rpartition(":")
        deadline = time.monotonic() + _UP_WITHIN
        while True:
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchFailed(f"nginx: not ready\n{log.read_text(errors='replace')[-2000:]}")
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
                break
            time.sleep(0.02)
        yield Child(process.pid, f"http://{listen}")
    finally:
        process.terminate()
        process.wait()


def _menshen(*arguments: str) -> str:
    command = [sys.executable, "-m", "menshen", *arguments]
    return subprocess.run(command, check=True, cwd=REPOSITORY, capture_output=True, text=True).stdout


def _round(name: str, scenario: _Scenario, stage: Stage, replay: Replay, seconds: float) -> _Round:
    asked = [] if scenario.asked is None else tree(scenario.asked.pid)
    workers = [pid for pid in asked if name_of(pid) not in ("node", "envoy")]  # which have nothing to do
    parts = tree(scenario.nginx.pid), workers, tree(stage.backend.pid)
    before = [cpu_seconds(each) for each in parts]
    load = replay.run(scenario.nginx.host, scenario.nginx.port, scenario.requests, seconds)
    used = [cpu_seconds(each) - was for each, was in zip(parts, before, strict=True)]
    if load.failed:
        raise BenchFailed(f"{name}: {load.failed} of {load.requests} requests failed")
    nginx, worker, everybody = (each / load.requests * 1000 for each in (*used[:2], sum(used) + load.generator))
    return _Round(load, nginx, worker, everybody)


def _row(name: str, rounds: list[_Round], share: list[float]) -> list[str]:
    return [
        name,
        f"{median(each.load.rate for each in rounds):,.0f}",
        f"{median(share):.2f}",
        f"{median(each.load.p50 for each in rounds) * 1000:.2f}",
        f"{median(each.load.p99 for each in rounds) * 1000:.2f}",
        f"{median(each.nginx for each in rounds):.3f}",
        f"{median(each.worker for each in rounds):.3f}",
        f"{median(each.all for each in rounds):.3f}",
        " ".join(f"{each.load.rate:,.0f}" for each in rounds),
    ]
