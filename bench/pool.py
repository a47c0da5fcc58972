"""h. Logins in a small and a large pool of users, on SQLite and PostgreSQL: a worker whole, the platform at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import fmean, median
from typing import Any

import uvloop
from sqlalchemy import func, select

from bench.children import BenchFailed
from bench.people import APPID, fill, openid_of
from bench.report import Goal, Report
from menshen.config.snapshot import App, Snapshot
from menshen.documents.documents import load_document
from menshen.gateway.hooks import Hooks
from menshen.gateway.wire import AUTHZ_PREFIX, HEADER_CLIENT, HEADER_RECEIVED, HEADER_REQUEST_ID, HEADER_ROUTE, stamp
from menshen.node.assembly import Parts, assembled, brain_state
from menshen.platforms.base import PlatformIdentity
from menshen.platforms.client import PlatformClient
from menshen.secret import Secret
from menshen.sessions.keys import load_key_rings
from menshen.storage.database import Database, sqlite_url
from menshen.storage.log_tables import login_log
from menshen.storage.tables import identities, sessions
from menshen.web.authorization import BrainState
from tests.postgresql import running_postgresql

__all__ = ["measure_pool"]

_SIZES = 1_000, 1_000_000
_AT_ONCE = 64
_GOAL = 0.8

_DOCUMENT = f"""
version: 1
apps: [{{name: shop, platform: wechat, appid: {APPID}, secret: 0123456789abcdef0123456789abcdef}}]
upstreams: [{{name: orders, endpoints: ["127.0.0.1:9"]}}]
groups: [{{name: mall, prefix: /mall, upstream: orders, apis: [{{name: login, path: /login}}]}}]
plugins: [{{name: shop-login, type: WeChatMpLogin, app: shop}}]
bindings: [{{plugin: shop-login, group: mall}}]
"""


def measure_pool(directory: Path, *, rounds: int, seconds: float) -> Report:
    """Half of the logins are of users who are there, half of new ones."""
    with running_postgresql() as server, contextlib.ExitStack() as stack:
        urls = {}
        for size in _SIZES:
            (directory / f"pool-{size}").mkdir()
            urls["SQLite", size] = sqlite_url(directory / f"pool-{size}")
            urls["PostgreSQL", size] = stack.enter_context(server.database())
        notes = []
        for (kind, size), url in urls.items():
            began = time.perf_counter()
            uvloop.run(fill(url, size))
            notes.append(f"{kind}: {size:,} users made in {time.perf_counter() - began:.1f} s")
        os.sync()  # what was filled is on the disk before anything is measured
        kinds = dict.fromkeys(kind for kind, _ in urls)
        found = {kind: [_round(directory, kind, urls, seconds) for _ in range(rounds)] for kind in kinds}
    return _report(found, rounds, notes[len(_SIZES) :])


def _round(directory: Path, kind: str, urls: dict[tuple[str, int], str], seconds: float) -> tuple[float, float]:
    """Logins/s in the small and in the large pool. Small, large, large, small: what else goes on meets both."""
    small, large = _SIZES
    rates: dict[int, list[float]] = {small: [], large: []}
    for size in (small, large, large, small):
        rates[size].append(uvloop.run(_logins(directory, urls[kind, size], size, seconds / 2)))
    return fmean(rates[small]), fmean(rates[large])


def _report(found: dict[str, list[tuple[float, float]]], rounds: int, notes: list[str]) -> Report:
    rows, goals = [], []
    for kind, own in found.items():
        few, many = [small for small, _ in own], [large for _, large in own]
        ratio = median(large / small for small, large in own)
        each = [" ".join(f"{rate:,.0f}" for rate in rates) for rates in (few, many)]
        rows.append([kind, f"{median(few):,.0f}", f"{median(many):,.0f}", f"{ratio:.2f}", *each])
        goals.append(Goal(f"{kind}: logins/s with a million users to a thousand", ratio, _GOAL, "x"))
    return Report(
        f"h. Logins/s of one worker with find-or-create, session record and login log, medians of {rounds}",
        ["", *(f"{size:,} users" for size in _SIZES), "ratio", "rounds, few", "rounds, many"],
        rows,
        goals,
        [*notes, f"{_AT_ONCE} at once in the worker's own process, no Envoy, no socket but the database's"],
    )


@dataclass(slots=True)
class _Platform:
    """Says at once who has which code."""

    random: Random
    users: int
    _openids: dict[str, str] = field(default_factory=dict)

    def code(self) -> str:
        code = secrets.token_hex(16)
        known = self.random.random() < 0.5
        number = self.random.randrange(self.users) if known else self.random.getrandbits(90) + self.users
        self._openids[code] = openid_of(number)
        return code

    async def code2session(self, _app: App, code: str) -> PlatformIdentity:
        return PlatformIdentity(self._openids.pop(code), "", Secret("tiihtNczf5v6AKRyjwEUhQ=="))


async def _logins(directory: Path, url: str, users: int, seconds: float) -> float:
    """Logins a second. Raises ``BenchFailed`` where one failed or left anything out."""
    platform = _Platform(Random(secrets.randbits(64)), users)
    async with _worker(directory, url, platform) as (parts, route):
        before = await _rows(parts)
        await _log_in(parts, platform, route)  # a connection and the statements: what only a first login needs
        until = time.perf_counter() + seconds
        began = time.perf_counter()
        counts = await asyncio.gather(*(_log_in_until(parts, platform, route, until) for _ in range(_AT_ONCE)))
        rate = sum(counts) / (time.perf_counter() - began)
        after = await _rows(parts)
    made = [new - old for new, old in zip(after, before, strict=True)]
    if made[:2] != [sum(counts) + 1] * 2 or not made[2]:
        raise BenchFailed(f"{sum(counts) + 1} logins made {made} sessions, rows of the login log, and identities")
    return rate


@contextlib.asynccontextmanager
async def _worker(directory: Path, url: str, platform: _Platform) -> AsyncIterator[tuple[Parts, str]]:
    snapshot = load_document(_DOCUMENT, {}).snapshot
    database = Database(url, create=False)
    async with PlatformClient() as client:
        hooks = Hooks(())
        try:
            parts = assembled(
                database, bytes(32), directory, client, hooks, time.time, secrets.token_bytes, platforms=platform
            )
            parts.authorization.state = _state(snapshot, directory / "keys", parts)
            yield parts, stamp("mall/login", snapshot.checksum)
        finally:
            hooks.close()
            await database.close()


def _state(snapshot: Snapshot, keys: Path, parts: Parts) -> BrainState:
    return brain_state((snapshot,), load_key_rings(keys), parts.references, secrets.token_bytes, lambda _: {})


async def _log_in_until(parts: Parts, platform: _Platform, route: str, until: float) -> int:
    count = 0
    while time.perf_counter() < until:
        await _log_in(parts, platform, route)
        count += 1
    return count


async def _log_in(parts: Parts, platform: _Platform, route: str) -> None:
    """One login, as Envoy asks for it."""
    headers = {
        "js_code": platform.code(),
        "user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) MicroMessenger/8.0.49",
        HEADER_RECEIVED: f"{time.time():.6f}",
        HEADER_REQUEST_ID: secrets.token_hex(16),
        HEADER_ROUTE: route,
        HEADER_CLIENT: "203.0.113.7",
    }
    scope = {
        "type": "http",
        "method": "GET",
        "path": f"{AUTHZ_PREFIX}/mall/login",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    answers: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        answers.append(message)

    await parts.brain(scope, _nothing, send)
    if answers[0]["status"] != 200:
        raise BenchFailed(f"a login was answered {answers[0]['status']}: {answers[1]['body']!r}")


async def _nothing() -> dict[str, Any]:
    return {"type": "http.request"}


async def _rows(parts: Parts) -> list[int]:
    async with parts.records.database.reading() as connection:
        return [
            (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (sessions, login_log, identities)
        ]
