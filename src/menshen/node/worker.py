"""A worker: one process that answers Envoy's authorization requests.

Started by ``workers.py`` as ``python -m menshen.node.worker``. It decides nothing before its node has sent a state, and
ends when its node does: the line between them closes with either.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import secrets
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import uvloop

from menshen.gateway.assertion import Asserter
from menshen.gateway.client_api import ClientApi, ClientRoute, client_table
from menshen.gateway.codes import CodeBook
from menshen.gateway.decide import RouteTable, route_table
from menshen.gateway.login import Login
from menshen.node.channel import Channel, Revoked
from menshen.node.logs import configure_logs
from menshen.platforms.client import PlatformClient
from menshen.sessions.claims import SessionClaims, new_id
from menshen.sessions.keys import KeyRings, assertion_keys, refresh_keys, sealed_keys, signed_keys
from menshen.sessions.loading import ReferenceLoader
from menshen.sessions.records import Seen, SessionRecords
from menshen.sessions.reference import References
from menshen.sessions.refresh import RefreshTokens
from menshen.sessions.revocation import Revocations
from menshen.sessions.sealed import SealedSessions
from menshen.sessions.seen import SeenLog
from menshen.sessions.signed import SignedSessions
from menshen.sessions.states import States
from menshen.storage.database import Database
from menshen.storage.revocations import CHANGED
from menshen.storage.sealing import Sealer, load_master_key
from menshen.storage.session_rows import GRACE
from menshen.users.pool import UserPool
from menshen.web.authorization import AuthorizationEndpoint, BrainState
from menshen.web.serving import serving

__all__ = ["main"]

log = logging.getLogger("menshen.worker")

_SEEN_SECONDS = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m menshen.node.worker")
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--data-dir", type=Path, required=True)
    arguments = parser.parse_args()
    configure_logs()
    uvloop.run(_run(arguments))


async def _run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    master_key = load_master_key(arguments.data_dir, os.environ)
    database = Database(arguments.database, create=False)
    async with PlatformClient() as platforms, contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        codes = CodeBook(database, Sealer(master_key, "code-outcome"), time.time, secrets.token_bytes)
        pool = UserPool(database, Sealer(master_key, "session-key"), lambda: f"u{new_id(secrets.token_bytes)}")
        records = SessionRecords(database, time.time)
        revocations, references, seen = Revocations(), References(), SeenLog()
        loader = ReferenceLoader(references, records)

        def ended(claims: SessionClaims) -> None:
            revocations.end(claims.sid, int(time.time()) + GRACE + max(claims.life, claims.exp - claims.iat))

        endpoint = AuthorizationEndpoint(
            Login(platforms, pool, codes, records, time.time, secrets.token_bytes),
            ClientApi(records, loader, revocations.revoked, ended),
            loader,
            revocations.revoked,
            seen,
            time.time,
        )
        channel = await Channel.over(socket.socket(fileno=arguments.channel))
        async with serving(endpoint, arguments.host, arguments.port, shared=True, cancel=False):
            tasks = [
                asyncio.create_task(_follow(channel, endpoint, revocations, references, stop)),
                asyncio.create_task(_write_seen(records, seen)),
            ]
            await stop.wait()
            for task in tasks:
                task.cancel()
        await _write(records, seen.take())


async def _follow(
    channel: Channel,
    endpoint: AuthorizationEndpoint,
    revocations: Revocations,
    references: References,
    stop: asyncio.Event,
) -> None:
    keys: KeyRings | None = None
    try:
        while True:
            message = await channel.receive()
            if isinstance(message, Revoked):
                (revocations.replace if message.whole else revocations.add)(message.items)
                for item in message.items:
                    if item.kind == CHANGED:
                        references.changed(item.sid, item.before)
                revocations.forget(message.heard)
                references.heard(message.heard)
                continue
            routes, clients = route_table(message.snapshots), client_table(message.snapshots)
            if endpoint.state is None or message.keys != keys:
                endpoint.state = _brain_state(routes, clients, message.keys, references)
            else:
                # With the states it has opened already.
                endpoint.state = replace(endpoint.state, routes=routes, clients=clients)
            if keys is None:
                # What was imported is for ever: a collection need not walk it while requests wait. Once only, for
                # what is frozen is never collected, and snapshots come and go.
                gc.collect()
                gc.freeze()
            keys = message.keys
            await channel.acknowledge(message.number)
    except EOFError:
        pass
    except Exception:
        log.exception("state_refused")
    stop.set()


async def _write_seen(records: SessionRecords, seen: SeenLog) -> None:
    while True:
        await asyncio.sleep(_SEEN_SECONDS)
        await _write(records, seen.take())


async def _write(records: SessionRecords, items: Sequence[Seen]) -> None:
    try:
        await records.seen(items)
    except Exception as error:  # noqa: BLE001 - the times are coarse anyway, and checks go on without a database
        log.warning("last_seen_not_written", extra={"sessions": len(items), "why": type(error).__name__})


def _brain_state(
    routes: RouteTable, clients: Mapping[str, ClientRoute], keys: KeyRings, references: References
) -> BrainState:
    states = States(
        sealed=SealedSessions(sealed_keys(keys), secrets.token_bytes),
        signed=SignedSessions(signed_keys(keys)),
        references=references,
        refresh=RefreshTokens(refresh_keys(keys), secrets.token_bytes),
    )
    return BrainState(routes, clients, states, Asserter(assertion_keys(keys)))


if __name__ == "__main__":
    main()
