"""A node without workers and Envoy: who decides and who carries are in the process of the application."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from menshen.asgi.document import AppDocuments
from menshen.asgi.door import Door
from menshen.config.snapshot import Snapshot
from menshen.envoy import Denied
from menshen.errors import MenshenError
from menshen.gateway.access_tokens import AccessTokens
from menshen.gateway.component_tickets import COMPONENT_TICKET, ComponentTickets
from menshen.gateway.hooks import Hooks, load_hooks
from menshen.node.access_tokens import keep_tokens
from menshen.node.assembly import Parts, assembled
from menshen.node.channel import Revoked, WorkerState
from menshen.node.config_file import ConfigFile
from menshen.node.data_directory import private
from menshen.node.deciding import Deciding
from menshen.node.keyring import KeyFiles
from menshen.node.node import Node
from menshen.node.operating import avatars_of
from menshen.node.operators import operators_of
from menshen.node.webhooks import WebhookSender
from menshen.platforms.client import PlatformClient
from menshen.platforms.installed import installed_platforms
from menshen.sessions.records import SessionRecords
from menshen.storage.database import Database
from menshen.storage.database_url import database_url
from menshen.storage.revisions import Revisions
from menshen.storage.schema import migrate
from menshen.storage.sealing import Sealer, load_master_key

__all__ = ["Doorkeeper", "running"]

log = logging.getLogger("menshen.asgi")


class InProcess:
    """Decides where the node is: what a worker hears over its line is a call here."""

    def __init__(self, deciding: Deciding) -> None:
        self.revoked: Callable[[], Revoked] = lambda: Revoked((), 0.0, whole=True)
        self._deciding = deciding
        self._running: tuple[int, ...] = ()

    @property
    def running(self) -> tuple[int, ...]:
        return self._running

    async def start(self, state: WorkerState) -> None:
        self._deciding.revoke(self.revoked())  # what it must not let through comes before what it may
        await self.publish(state)
        self._running = (os.getpid(),)

    async def publish(self, state: WorkerState) -> None:
        self._deciding.follow(state)

    async def revoke(self, revoked: Revoked) -> None:
        self._deciding.revoke(revoked)


class Doorkeeper:
    """Carries where the node is: ``door`` is that of the running revision, None before there is one."""

    def __init__(self) -> None:
        self.door: Door | None = None

    @property
    def pid(self) -> int | None:
        return os.getpid() if self.door is not None else None

    async def start(self, snapshot: Snapshot, *, keys: str, denied: Denied) -> None:  # noqa: ARG002
        self.door = Door(snapshot)

    async def apply(self, snapshot: Snapshot, known: Awaitable[None] | None = None) -> None:
        door = Door(snapshot)
        if known is not None:
            await known
        self.door = door

    async def use_keys(self, keys: str) -> None:
        """Login states are judged by the brain alone."""

    async def deny(self, denied: Denied) -> None:
        """As with keys."""


@contextlib.asynccontextmanager
async def running(config: Path | None, data_dir: Path, doorkeeper: Doorkeeper) -> AsyncIterator[tuple[Node, Parts]]:
    """All that a node does for its one application, while the context is open; ``doorkeeper`` gets the doors.

    Raises ``ConfigInvalid`` (the document is wrong, or needs Envoy), ``ConfigUnavailable``, ``KeyRingInvalid``.
    """
    data_dir = private(data_dir)
    async with contextlib.AsyncExitStack() as stack:
        master_key = load_master_key(data_dir, os.environ)
        database = Database(database_url(data_dir, os.environ))
        stack.push_async_callback(database.close)
        await migrate(database)
        documents = AppDocuments(Revisions(database), Sealer(master_key, "app-secret"), os.environ, time.time)
        file = ConfigFile(config, _complain, _applied) if config is not None else None
        if file is not None:
            await file.at_start(documents)
        client = await stack.enter_async_context(PlatformClient(installed_platforms().adapters))
        # Asked about every call, and slow where the team's checker is: no login may wait for a connection behind them.
        checkers = await stack.enter_async_context(PlatformClient(limit=2048, limit_of_one=512))
        hooks = Hooks(load_hooks())
        stack.callback(hooks.close)
        own = (database, master_key, data_dir, client, hooks, time.time, secrets.token_bytes)
        deciding = Deciding(assembled(*own, checkers=checkers))
        stack.push_async_callback(deciding.write)
        records = SessionRecords(database, time.time)
        served = (KeyFiles(data_dir / "keys"), InProcess(deciding), doorkeeper, avatars_of(records, data_dir))
        node = Node(documents, database, records, *served, operators_of(data_dir, database, master_key))
        fetching = (database, Sealer(master_key, "access-token"), client, time.time, secrets.token_bytes)
        tickets = ComponentTickets(database, Sealer(master_key, COMPONENT_TICKET))
        tokens = AccessTokens(*fetching, tickets=tickets)
        sender = WebhookSender(database, client, node.webhooks, time.time, secrets.token_bytes)
        await node.start()
        stack.callback(setattr, doorkeeper, "door", None)
        following = [node.follow_revisions(), node.follow_keys(), node.revocations.follow(), deciding.write_seen()]
        keeping = [node.prune(), sender.follow(), keep_tokens(tokens, node.configured_apps)]
        if file is not None:
            following.append(file.follow(node))
        tasks = [asyncio.create_task(each) for each in (*following, *keeping)]
        try:
            yield node, deciding.parts
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _complain(error: MenshenError, running: str) -> None:
    log.warning("document_refused", extra={"running": running, "why": str(error)})


def _applied(number: int | None) -> None:
    log.info("document_applied", extra={"revision": number})
