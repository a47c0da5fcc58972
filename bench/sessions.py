"""Sessions in a gateway's database that no client of the bench holds, and ending them from outside.

Other processes do this while the gateway runs: ``menshen sessions revoke`` in the same way as here.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path

import uvloop

from bench.children import BenchFailed, Child
from bench.connection import Connection
from bench.stage import APPID, Stage, business
from bench.workers import question, route_stamp, workers
from menshen.config.login_rules import SessionKind
from menshen.envoy.addresses import FILES
from menshen.gateway.wire import HEADER_CODE
from menshen.sessions.claims import new_id
from menshen.sessions.records import SessionRecords
from menshen.sessions.reference import digest_of, new_reference
from menshen.storage.database import Database, sqlite_url
from menshen.storage.session_openings import OpenSession, open_sessions

__all__ = ["Door", "add_live", "doors", "records_in", "revoke_others", "session_of"]

_REVOKED = "4024"
_LIFE = 7200
_TOGETHER = 5000
_CHUNK = 1000
_LOOK_SECONDS = 0.002
_REFUSED_WITHIN = 10.0
_SETTLED_WITHIN = 60.0
_SID = re.compile(r'"([a-z2-7]{26})":')


@contextlib.asynccontextmanager
async def records_in(data_dir: Path) -> AsyncIterator[SessionRecords]:
    """The records of a gateway that may be running."""
    database = Database(sqlite_url(data_dir))
    try:
        yield SessionRecords(database, time.time)
    finally:
        await database.close()


def add_live(data_dir: Path, kind: SessionKind, count: int) -> list[str]:
    """The ids of so many sessions of as many other users, live for two hours."""
    return uvloop.run(_add_live(data_dir, kind, count))


async def _add_live(data_dir: Path, kind: SessionKind, count: int) -> list[str]:
    """As logins write them, but thousands in a transaction."""
    new = [_other(kind) for _ in range(count)]
    database = Database(sqlite_url(data_dir))
    try:
        for start in range(0, count, _TOGETHER):
            async with database.writing() as connection:
                await open_sessions(connection, new[start : start + _TOGETHER])
    finally:
        await database.close()
    return [session.sid for session in new]


def _other(kind: SessionKind) -> OpenSession:
    """A login of a user who logged in nowhere else, just now."""
    sid, now = new_id(secrets.token_bytes), int(time.time())
    return OpenSession(
        sid=sid,
        uid=f"u{new_id(secrets.token_bytes)}",
        platform="wechat",
        appid=APPID,
        plugin="shop-login",
        kind=kind,
        openid=f"openid-{sid}",
        unionid="",
        claims={},
        account="",
        digest=digest_of(new_reference(secrets.token_bytes)) if kind == "reference" else "",
        auth=now,
        state_issued_at=now,
        state_expires_at=now + _LIFE,
        state_end_at=now + _LIFE,
        lifetime=0,
        refresh_expires_at=0,
        ip="203.0.113.7",
        user_agent="MicroMessenger",
        max_sessions=0,
        replaces="",
        at=now,
    )


class Door:
    """One keep-alive connection on which a login state is either let through or refused."""

    def __init__(self, connection: Connection, ask: bytes) -> None:
        self._connection = connection
        self._ask = ask

    async def must_pass(self) -> None:
        if (reply := await self._connection.send(self._ask)).status != 200:
            raise BenchFailed(f"a live session was answered {reply.status}")

    async def refused(self, began: float) -> float:
        """Wait for the first refusal: its seconds after ``began`` (of ``time.perf_counter``)."""
        while (took := time.perf_counter() - began) < _REFUSED_WITHIN:
            reply = await self._connection.send(self._ask)
            took = time.perf_counter() - began
            if reply.status == 401 and reply.header(HEADER_CODE) == _REVOKED:
                return took
            if reply.status != 200:
                raise BenchFailed(f"a session that was revoked was answered {reply.status}")
            await asyncio.sleep(_LOOK_SECONDS)
        raise BenchFailed(f"a revoked session was let through for {took:.1f} s")

    def close(self) -> None:
        self._connection.close()


@contextlib.asynccontextmanager
async def doors(gateway: Child, state: str, route: str) -> AsyncIterator[tuple[Door, list[Door]]]:
    """Envoy, and each worker by itself: through Envoy one cannot tell who answered."""
    asked = question(state, route)
    opened = [Door(await Connection.open(gateway.host, gateway.port), business(state))]
    opened += [Door(await Connection.open(*address), asked) for address in workers(gateway)]
    try:
        yield opened[0], opened[1:]
    finally:
        for door in opened:
            door.close()


async def session_of(gateway: Child, state: str, route: str) -> str:
    """The session id of a login state, as a worker tells it to a backend."""
    connection = await Connection.open(*workers(gateway)[0])
    try:
        reply = await connection.send(question(state, route))
    finally:
        connection.close()
    if not (sid := reply.header("x-menshen-session")):
        raise BenchFailed(f"a worker answered {reply.status} and named no session")
    return sid


def revoke_others(stage: Stage, name: str, gateway: Child, count: int) -> None:
    """Revoke so many live signed sessions, and return when this gateway's workers and its Envoy have them all."""
    uvloop.run(_revoke_others(stage, name, gateway, count))


async def _revoke_others(stage: Stage, name: str, gateway: Child, count: int) -> None:
    data_dir = stage.data_dir(name)
    sids = await _add_live(data_dir, "signed", count)
    route = route_stamp(stage, "signed")
    (state,) = await asyncio.to_thread(stage.states, gateway, 1)
    async with records_in(data_dir) as records, doors(gateway, state, route) as (envoy, brain):
        last = await session_of(gateway, state, route)
        ended = [await records.end(sids[start : start + _CHUNK], "revoked") for start in range(0, count, _CHUNK)]
        if sum(ended) != count or await records.end([last], "revoked") != 1:
            raise BenchFailed(f"of {count} live sessions {sum(ended)} could be ended")
        began = time.perf_counter()
        await asyncio.gather(*(door.refused(began) for door in (envoy, *brain)))
    # They count now. Envoy is left alone until they are where they stay, so that no load meets the move.
    file = data_dir / "envoy" / FILES["settled"]
    wanted, deadline = set(sids), time.monotonic() + _SETTLED_WITHIN
    while wanted - set(_SID.findall(file.read_text())):
        if time.monotonic() > deadline:
            raise BenchFailed("Envoy's large set of revoked sessions is not complete")
        await asyncio.sleep(0.2)
    await asyncio.sleep(2.0)
