"""g. The store of session records: the same questions to 1,000 and to 1,000,000 records."""

from __future__ import annotations

import asyncio
import itertools
import random
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import uvloop
from sqlalchemy import delete

from bench.report import Goal, Report
from menshen.sessions.claims import SessionClaims
from menshen.sessions.records import NewSession, SessionRecords
from menshen.storage import tidying
from menshen.storage.database import Database, sqlite_url
from menshen.storage.schema import migrate
from menshen.storage.tables import revocations

__all__ = ["measure_records"]

_SIZES = 1_000, 1_000_000
_APPS = [("wechat", f"wx{n:016}") for n in range(4)]
_SESSIONS_A_USER = 4
_LIFE = 30 * 86_400
_NOW = 1_800_000_000
_AT_ONCE = 16
_CHUNKS = 40
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"

_COLUMNS = """
    sid uid platform appid plugin kind openid unionid claims digest auth state_issued_at state_expires_at
    state_end_at lifetime protect_until refresh_generation refresh_expires_at last_seen_at expires_at ip
    user_agent ended_why
"""

Times = dict[str, list[float]]


class _Enough(Exception):
    pass


def measure_records(directory: Path) -> Report:
    """Each database has its users spread over four apps, four live sessions each, a third of kind ``reference``."""
    found: dict[int, Times] = {}
    notes = []
    for size in _SIZES:
        # The small one is emptied by what is measured last, so it is made a few times for as many figures.
        rounds = [directory / f"records-{size}-{number}" for number in range(1 if size > 100_000 else 5)]
        times: Times = {}
        for path in rounds:
            path.mkdir()
            began = time.perf_counter()
            _fill(path, size)
            notes.append(f"{size:,} records filled in {time.perf_counter() - began:.1f} s")
            for name, own in uvloop.run(_measure(path, size)).items():
                times.setdefault(name, []).extend(own)
        found[size] = times
    small, large = ({name: median(own) * 1000 for name, own in found[size].items()} for size in _SIZES)
    file = directory / f"records-{_SIZES[1]}-0" / "menshen.db"
    return Report(
        "g. Session records, one SQLite file, medians in ms",
        ["", *(f"{size:,}" for size in _SIZES), "ratio"],
        [[name, f"{small[name]:.2f}", f"{large[name]:.2f}", f"{large[name] / small[name]:.1f}"] for name in small],
        [
            Goal(f"{name}, a million records to a thousand", large[name] / small[name], 3, "x", at_least=False)
            for name in ("list newest 50", "list by user", "list by app", "revoke one session", "revoke one user")
        ]
        + [Goal("revoke an app, a million records", large["revoke an app"], 100, "ms", at_least=False)],
        [notes[0], notes[-1], f"the large file has {file.stat().st_size / 2**20:,.0f} MiB"],
    )


def _sids(size: int) -> Iterator[str]:
    choices = random.Random(size).choices
    return ("".join(choices(_ALPHABET, k=26)) for _ in range(size))


def _auth(number: int, size: int) -> int:
    """Logins of the last week, oldest first."""
    return _NOW - 1 - 7 * 86_400 * (size - number) // size


def _rows(size: int) -> Iterator[tuple[Any, ...]]:
    users = max(1, size // _SESSIONS_A_USER)
    for number, sid in enumerate(_sids(size)):
        uid, auth = number % users, _auth(number, size)
        platform, appid = _APPS[uid % len(_APPS)]
        kind, digest = ("reference", _digest(number)) if number % 3 == 0 else ("sealed", None)
        until = auth + _LIFE
        yield (
            *(sid, f"u{uid:026}", platform, appid, "shop-login", kind, f"openid-{uid:020}", "", "{}", digest),
            *(auth, auth, until, until, _LIFE, until, 0, 0, auth, until, "203.0.113.7", "MicroMessenger", ""),
        )


def _digest(number: int) -> str:
    return f"{random.Random(number).getrandbits(256):064x}"


def _fill(path: Path, size: int) -> None:
    """The indices are there from the beginning: they are as ragged as logins would have left them."""

    async def prepare() -> None:
        database = Database(sqlite_url(path))
        await migrate(database)
        await database.close()

    asyncio.run(prepare())
    connection = sqlite3.connect(path / "menshen.db")
    connection.executescript("PRAGMA synchronous=OFF; PRAGMA cache_size=-1000000;")
    marks = ", ".join("?" * len(_COLUMNS.split()))
    with connection:
        connection.executemany(f"INSERT INTO sessions ({', '.join(_COLUMNS.split())}) VALUES ({marks})", _rows(size))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


async def _measure(path: Path, size: int) -> Times:
    database = Database(sqlite_url(path))
    clock = itertools.count(_NOW)
    records = SessionRecords(database, lambda: float(next(clock)))
    chosen = random.Random(1)
    sids = list(_sids(size))
    users = max(1, size // _SESSIONS_A_USER)

    def uid() -> str:
        return f"u{chosen.randrange(users):026}"

    async def login() -> None:
        number = chosen.randrange(users)
        platform, appid = _APPS[number % len(_APPS)]
        at = next(clock)
        sid = "".join(chosen.choices(_ALPHABET, k=26))
        end = at + _LIFE
        claims = SessionClaims(f"u{number:026}", sid, platform, appid, "o", "", at, end, at, end, _LIFE)
        replaces = chosen.choice(sids) if chosen.random() < 0.5 else ""
        await records.open(NewSession(claims, "sealed", "shop-login", max_sessions=5, replaces=replaces))

    try:
        return {
            "list newest 50": await _each(200, lambda: records.list()),
            "list by user": await _each(200, lambda: records.list(uid=uid())),
            "list by app": await _each(200, lambda: records.list(app=chosen.choice(_APPS))),
            "find a reference": await _each(200, lambda: records.find(_digest(chosen.randrange(0, size, 3)))),
            f"a login's record, {_AT_ONCE} at once": await _at_once(800, login),
            "revoke one session": await _each(60, lambda: records.end([chosen.choice(sids)], "revoked")),
            "revoke one user": await _each(60, lambda: records.end_user(uid(), "revoked")),
            "revoke an app": await _each(60, lambda: records.end_app(*chosen.choice(_APPS))),
            "tidy: mark 1,000 revoked": await _marked(database, records),
            "tidy: delete 1,000 old": await _deleted(database),
        }
    finally:
        await database.close()


async def _each(repeats: int, work: Callable[[], Awaitable[object]]) -> list[float]:
    return [await _timed(work) for _ in range(repeats)]


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def _at_once(count: int, work: Callable[[], Awaitable[object]]) -> list[float]:
    """How long each takes while the others are under way."""

    async def some() -> list[float]:
        return await _each(count // _AT_ONCE, work)

    return [seconds for own in await asyncio.gather(*(some() for _ in range(_AT_ONCE))) for seconds in own]


async def _marked(database: Database, records: SessionRecords) -> list[float]:
    await records.end_before()
    return await _chunks(database, _NOW)


async def _deleted(database: Database) -> list[float]:
    async with database.writing() as connection:
        await connection.execute(delete(revocations))  # nothing is left to mark
    return await _chunks(database, _NOW + 2 * _LIFE)


async def _chunks(database: Database, now: float) -> list[float]:
    """Seconds of each of the first transactions of a tidying, each with the looking for its rows."""
    times = []
    began = time.perf_counter()

    async def rest() -> None:
        nonlocal began
        times.append(time.perf_counter() - began)
        if len(times) == _CHUNKS:
            raise _Enough
        began = time.perf_counter()

    with suppress(_Enough):
        await tidying.tidy(database, now, rest)
    return times
