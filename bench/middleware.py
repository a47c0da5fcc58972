"""k. What the middleware adds to a request, in microseconds of processor time."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from statistics import median

import uvloop
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bench.children import BenchFailed
from bench.report import Goal, Report
from bench.stage import BUSINESS, LOGIN, Stage
from menshen.asgi import MenshenMiddleware
from menshen.config.login_rules import SessionKind

__all__ = ["measure_middleware"]

_STATES = 1000
_REQUESTS = 5000
_PUBLIC = "/mall/static/logo.png"
_NEW = "public, no path remembered"
"""More paths in turn than the middleware keeps the routes of."""

_LIMIT = 250.0
"""Microseconds: a tenth of what a small endpoint of a Python framework takes with its database."""

_KINDS: tuple[SessionKind, ...] = ("sealed", "signed", "reference")
_HEADERS = (
    (b"host", b"127.0.0.1"),
    (b"user-agent", b"bench"),
    (b"accept", b"*/*"),
    (b"referer", b"https://servicewechat.com"),
)


def measure_middleware(stage: Stage, *, rounds: int) -> Report:
    """In one process, with no server and no socket: nothing is measured but what runs for a request."""
    alone = [uvloop.run(_alone()) for _ in range(rounds)]
    seen: dict[str, list[float]] = {"public": [], _NEW: [], **{f"a check, {kind}": [] for kind in _KINDS}}
    for kind in _KINDS:
        public, new, check = uvloop.run(_behind(stage, kind, rounds))
        seen["public"] += public
        seen[_NEW] += new
        seen[f"a check, {kind}"] += check
    cost = {name: median(found) - median(alone) for name, found in seen.items()}
    return Report(
        f"k. The middleware: {_STATES:,} login states, {_REQUESTS:,} requests one after the other, CPU, medians",
        ["", "µs a request", "µs more than alone", "µs of each round"],
        [
            ["the application alone", f"{median(alone):.1f}", "", _each(alone)],
            *([name, f"{median(found):.1f}", f"{cost[name]:.1f}", _each(found)] for name, found in seen.items()),
        ],
        [Goal(f"middleware, {name}", cost[name], _LIMIT, "µs", at_least=False) for name in seen],
    )


def _each(found: Sequence[float]) -> str:
    return " ".join(f"{each:.1f}" for each in found)


async def _alone() -> float:
    return await _microseconds(_answers, [_request(_PUBLIC)])


async def _behind(stage: Stage, kind: SessionKind, rounds: int) -> tuple[list[float], list[float], list[float]]:
    config = stage.config(f"middleware-{kind}")
    await asyncio.to_thread(config.write_text, stage.document("required", kind))
    app = MenshenMiddleware(_answers, config=config, data_dir=stage.data_dir(f"middleware-{kind}"))
    events: asyncio.Queue[Message] = asyncio.Queue()
    told: asyncio.Queue[Message] = asyncio.Queue()
    events.put_nowait({"type": "lifespan.startup"})
    life = asyncio.create_task(app({"type": "lifespan"}, events.get, told.put))
    if (said := await told.get())["type"] != "lifespan.startup.complete":
        raise BenchFailed(f"the middleware did not start: {said}")
    try:
        codes = await asyncio.to_thread(stage.codes, _STATES, f"middleware-{kind}-")
        checks = [_request(BUSINESS, await _log_in(app, code)) for code in codes]
        public, new, checked = [], [], []
        paths = [_request(f"/mall/static/{number}.png") for number in range(_REQUESTS)]
        for _ in range(rounds):
            public.append(await _microseconds(app, [_request(_PUBLIC)]))
            new.append(await _microseconds(app, paths))
            checked.append(await _microseconds(app, checks))
        return public, new, checked
    finally:
        events.put_nowait({"type": "lifespan.shutdown"})
        await life


async def _log_in(app: ASGIApp, code: str) -> bytes:
    answer = await _answer(app, _request(LOGIN, code.encode(), b"js_code"))
    return next(bytes(value) for name, value in answer["headers"] if name == b"user_session")


async def _microseconds(app: ASGIApp, scopes: Sequence[Scope]) -> float:
    """Of processor time, for one request, after a round that is not counted: who else is busy makes no difference."""
    for scope in scopes:
        if (await _answer(app, scope))["status"] != 200:
            raise BenchFailed("a request was refused")
    turn = list(itertools.islice(itertools.cycle(scopes), _REQUESTS))
    began = time.process_time()
    for scope in turn:
        await app(scope, _receive, _send)
    return (time.process_time() - began) / _REQUESTS * 1e6


async def _answer(app: ASGIApp, scope: Scope) -> Message:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, _receive, send)
    return sent[0]


def _request(path: str, credential: bytes = b"", name: bytes = b"user_session") -> Scope:
    return {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "client": ("127.0.0.1", 1),
        "headers": [*_HEADERS, *([(name, credential)] if credential else [])],
    }


async def _answers(scope: Scope, _: Receive, send: Send) -> None:
    """The least that an application does; it knows no lifespan events."""
    if scope["type"] != "http":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message: Message) -> None:
    pass
