"""A worker: one process that answers Envoy's authorization requests.

Started by ``workers.py`` as ``python -m menshen.node.worker``. Its port opens once its node has sent a state, so that
until then Envoy asks the others: a worker that could only refuse would be the least busy of them. It ends when its node
does: the line between them closes with either.
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
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from menshen.figures.counting import Counts
from menshen.figures.tally import Tally
from menshen.gateway.hooks import Hooks, load_hooks
from menshen.node.assembly import assembled
from menshen.node.channel import Channel, Revoked
from menshen.node.deciding import Deciding
from menshen.node.logs import configure_logs
from menshen.node.span_export import SpanExport
from menshen.platforms.client import PlatformClient
from menshen.platforms.installed import installed_platforms
from menshen.storage.database import Database
from menshen.storage.database_url import database_url
from menshen.storage.proxy_secret import proxy_secret
from menshen.storage.sealing import load_master_key
from menshen.web.serving import TlsFiles, serving
from menshen.web.verify import VerifyEndpoint

__all__ = ["main"]

log = logging.getLogger("menshen.worker")

_COUNTS_SECONDS = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m menshen.node.worker")
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--verify-host", default="")
    parser.add_argument("--verify-port", type=int, default=0)
    parser.add_argument("--verify-cert", type=Path)
    parser.add_argument("--verify-key", type=Path)
    parser.add_argument("--verify-client-ca", type=Path)
    parser.add_argument("--data-dir", type=Path, required=True)
    arguments = parser.parse_args()
    configure_logs()
    uvloop.run(_run(arguments))


async def _run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    master_key = load_master_key(arguments.data_dir, os.environ)
    database = Database(database_url(arguments.data_dir, os.environ), create=False)
    async with PlatformClient(installed_platforms().adapters) as platforms, contextlib.AsyncExitStack() as stack:
        # Asked about every call, and slow where the team's checker is: no login may wait for a connection behind them.
        checkers = await stack.enter_async_context(PlatformClient(limit=2048, limit_of_one=512))
        stack.push_async_callback(database.close)
        hooks = Hooks(load_hooks())
        stack.callback(hooks.close)
        spans = SpanExport()
        stack.push_async_callback(spans.close)
        parts = assembled(
            *(database, master_key, arguments.data_dir, platforms, hooks, time.time, secrets.token_bytes),
            checkers=checkers,
            spans=spans,
        )
        deciding = Deciding(parts)
        stack.push_async_callback(deciding.write)
        channel = await Channel.over(socket.socket(fileno=arguments.channel))

        async def begin() -> None:
            brain, door = parts.brain, arguments.verify_host
            await stack.enter_async_context(serving(brain, arguments.host, arguments.port, shared=True, cancel=False))
            if door:
                known = proxy_secret(master_key, os.environ)
                verify = VerifyEndpoint(parts.authorization, brain, known, secrets.token_bytes)
                port: int = arguments.verify_port
                tls = _tls(arguments)
                await stack.enter_async_context(serving(verify, door, port, shared=True, cancel=False, tls=tls))

        tasks = [
            asyncio.create_task(_follow(channel, deciding, spans, stop, begin)),
            asyncio.create_task(deciding.write_seen()),
            asyncio.create_task(_tell_counts(channel, parts.counts)),
        ]
        await stop.wait()
        for task in tasks:
            task.cancel()


def _tls(arguments: argparse.Namespace) -> TlsFiles | None:
    if arguments.verify_cert is None:
        return None
    return TlsFiles(arguments.verify_cert, arguments.verify_key, arguments.verify_client_ca)


async def _follow(
    channel: Channel, deciding: Deciding, spans: SpanExport, stop: asyncio.Event, begin: Callable[[], Awaitable[object]]
) -> None:
    """What the node says, until it is gone. ``begin`` is called once, when there is a state to decide with."""
    begun = False
    try:
        while True:
            message = await channel.receive()
            if isinstance(message, Revoked):
                deciding.revoke(message)
                continue
            await spans.follow(message.snapshots[0].tracing if message.snapshots else None)
            deciding.follow(message)
            if not begun:
                # What was imported is for ever: a collection need not walk it while requests wait. Once only, for
                # what is frozen is never collected, and snapshots come and go.
                gc.collect()
                gc.freeze()
                await begin()
                begun = True
            await channel.acknowledge(message.number)
    except (EOFError, ConnectionError):  # the node is gone, before an answer or in the middle of ours
        pass
    except Exception:
        log.exception("state_refused")
    stop.set()


async def _tell_counts(channel: Channel, counts: Counts) -> None:
    """Often enough for who looks on, seldom enough to cost nothing; a worker that does nothing says nothing."""
    told: Tally = {}
    with contextlib.suppress(OSError):  # the node is gone, and so will this worker be
        while True:
            await asyncio.sleep(_COUNTS_SECONDS)
            now = counts.tally()
            if now != told:
                await channel.tell(now)
                told = now


if __name__ == "__main__":
    main()
