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
from dataclasses import replace
from pathlib import Path

import uvloop

from menshen.gateway.assertion import Asserter
from menshen.gateway.codes import CodeBook
from menshen.gateway.decide import RouteTable, route_table
from menshen.gateway.login import Login
from menshen.node.channel import Channel
from menshen.node.logs import configure_logs
from menshen.platforms.client import PlatformClient
from menshen.sessions.claims import new_id
from menshen.sessions.keys import KeyRings, assertion_keys, sealed_keys
from menshen.sessions.sealed import SealedSessions
from menshen.storage.database import Database
from menshen.storage.sealing import Sealer, load_master_key
from menshen.users.pool import UserPool
from menshen.web.authorization import AuthorizationEndpoint, BrainState
from menshen.web.serving import serving

__all__ = ["main"]

log = logging.getLogger("menshen.worker")


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
    database = Database(arguments.database)
    async with PlatformClient() as platforms, contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        codes = CodeBook(database, Sealer(master_key, "code-outcome"), time.time, secrets.token_bytes)
        pool = UserPool(database, Sealer(master_key, "session-key"), lambda: f"u{new_id(secrets.token_bytes)}")
        endpoint = AuthorizationEndpoint(Login(platforms, pool, codes, time.time, secrets.token_bytes), time.time)
        channel = await Channel.over(socket.socket(fileno=arguments.channel))
        async with serving(endpoint, arguments.host, arguments.port, shared=True, cancel=False):
            follow = asyncio.create_task(_follow(channel, endpoint, stop))
            await stop.wait()
            follow.cancel()


async def _follow(channel: Channel, endpoint: AuthorizationEndpoint, stop: asyncio.Event) -> None:
    keys: KeyRings | None = None
    try:
        while True:
            state = await channel.receive_state()
            routes = route_table(state.snapshots)
            if endpoint.state is None or state.keys != keys:
                endpoint.state = _brain_state(routes, state.keys)
            else:
                endpoint.state = replace(endpoint.state, routes=routes)  # with the states it has opened already
            if keys is None:
                # What was imported is for ever: a collection need not walk it while requests wait. Once only, for
                # what is frozen is never collected, and snapshots come and go.
                gc.collect()
                gc.freeze()
            keys = state.keys
            await channel.acknowledge(state.number)
    except EOFError:
        pass
    except Exception:
        log.exception("state_refused")
    stop.set()


def _brain_state(routes: RouteTable, keys: KeyRings) -> BrainState:
    return BrainState(
        routes=routes,
        sessions=SealedSessions(sealed_keys(keys), secrets.token_bytes),
        asserter=Asserter(assertion_keys(keys)),
    )


if __name__ == "__main__":
    main()
