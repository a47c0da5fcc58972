"""A node: one machine's gateway. Its workers decide, its Envoy carries, its revisions say what.

Order matters. Starting: workers first, for they take longest and refuse everything until they have a revision; Envoy
once they have it, so that nothing is carried that nobody can judge. A new revision: first the workers know it (and
still the one before), then Envoy routes by it. Stopping: the reverse.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from menshen.config.snapshot import App, Endpoint, Snapshot
from menshen.config.user_rules import WebhookRules
from menshen.documents.configuration import Configuration
from menshen.documents.documents import Documents, as_written
from menshen.documents.history import Refused, Running
from menshen.envoy import Addresses, DataPlane
from menshen.errors import ChildFailed, ConfigInvalid, DatabaseUnavailable, KeyRingInvalid, MenshenError, RevisionMoved
from menshen.gateway.access_tokens import AccessTokens
from menshen.gateway.open_data import OpenData
from menshen.gateway.plugin_loading import installed_types
from menshen.node.access_tokens import keep_tokens
from menshen.node.channel import WorkerState
from menshen.node.console import console_views, rollout_views
from menshen.node.keyring import KeyFiles
from menshen.node.operating import avatars_of, configuration_endpoints, operating_on, operator_endpoints, people_views
from menshen.node.operators import operators_of
from menshen.node.readings import NodeReadings
from menshen.node.retention import forget
from menshen.node.revocations import RevocationFeed
from menshen.node.trace_log import TraceLog
from menshen.node.trying import trying_views
from menshen.node.webhooks import WebhookSender
from menshen.node.workers import Workers
from menshen.operators.service import OperatorService
from menshen.platforms.client import PlatformClient
from menshen.sessions.keys import KeyRings, public_jwks, session_jwks
from menshen.sessions.records import SessionRecords
from menshen.storage.database import Database
from menshen.storage.database_url import database_url
from menshen.storage.revisions import Revisions
from menshen.storage.schema import migrate
from menshen.storage.sealing import Sealer, load_master_key
from menshen.users.avatars import Avatars
from menshen.web.admin import admin_app
from menshen.web.admin_api.apps import app_endpoints, session_key_endpoints
from menshen.web.admin_api.dispatch import admin_routes
from menshen.web.admin_api.figures import figure_endpoints
from menshen.web.admin_api.openapi import with_openapi
from menshen.web.admin_api.operators import operator_account_endpoints
from menshen.web.admin_api.tokens import token_endpoints
from menshen.web.console.audit import audit_views
from menshen.web.console.configuring.views import configuration_views
from menshen.web.console.door import console_routes
from menshen.web.console.overview import overview_views
from menshen.web.console.try_it.calling import calling
from menshen.web.hosts import known_hosts_only
from menshen.web.metrics import metrics_route
from menshen.web.serving import serving

__all__ = ["Node", "NodeSettings", "open_documents", "running"]

log = logging.getLogger("menshen.node")

_FOLLOW_SECONDS = 0.3
_PRUNE_SECONDS = 60.0
_SWEEP_EVERY = 60
"""Of those rounds, one looks through all files of avatars."""

_KEEP_SNAPSHOTS = 4
"""Requests that Envoy stamped just before a change are still known; older stamps are refused as stale."""


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """``listen`` is the public side, ``admin`` the node's own. ``workers`` counts processes.

    ``console_origin`` is where operators open the console, "" for the admin address itself.
    """

    data_dir: Path
    listen: Endpoint
    admin: Endpoint
    workers: int
    envoy_threads: int
    console_origin: str = ""


@contextlib.asynccontextmanager
async def open_documents(data_dir: Path) -> AsyncIterator[Documents]:
    """The revisions of a data directory, or of its PostgreSQL, for commands that need no running node."""
    database = Database(database_url(_private(data_dir), os.environ))
    try:
        await migrate(database)
        master_key = load_master_key(data_dir, os.environ)
        yield Documents(Revisions(database), Sealer(master_key, "app-secret"), os.environ, time.time)
    finally:
        await database.close()


class Node:
    """A running node. Made by :func:`running`."""

    def __init__(
        self,
        documents: Documents,
        database: Database,
        records: SessionRecords,
        key_files: KeyFiles,
        workers: Workers,
        data_plane: DataPlane,
        avatars: Avatars,
        operators: OperatorService,
    ) -> None:
        self.documents = documents
        self.operators = operators
        self.workers = workers
        self.data_plane = data_plane
        self._database = database
        self._records = records
        self._avatars = avatars
        self._key_files = key_files
        self._keys = key_files.load()
        self.revocations = RevocationFeed(records, workers.revoke, data_plane.deny, time.time)
        workers.revoked = self.revocations.all
        self._snapshots: tuple[Snapshot, ...] = (Snapshot().sealed(),)
        self._revision: int | None = None
        self._refused: Refused | None = None
        self._number = 0
        self._activating = asyncio.Lock()
        self._database_answers = True

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshots[0]

    @property
    def keys(self) -> KeyRings:
        """Those that are made with now: never to be shown."""
        return self._keys

    @property
    def database_answers(self) -> bool:
        """Whether it did when it was asked last, a moment ago."""
        return self._database_answers

    @property
    def revision(self) -> int | None:
        """The number of the running revision; None while the node runs an empty document."""
        return self._revision

    def runs_here(self) -> Running:
        """What runs, and what could not."""
        return Running(self._revision, self._refused)

    def parts(self) -> dict[str, bool]:
        """What must work for requests to be served, and whether it does."""
        return {"workers": bool(self.workers.running), "envoy": self.data_plane.pid is not None}

    def facts(self) -> dict[str, bool | int | None]:
        """What does not: without the database login states go on being checked, and an empty document serves 404."""
        return {"database": self._database_answers, "revision": self._revision}

    def apps(self) -> Mapping[str, tuple[str, str]]:
        """Platform and AppID of each app of the running revision."""
        return {app.name: (app.platform, app.appid) for app in self.snapshot.apps}

    def configured_apps(self) -> Sequence[App]:
        """Those of the running revision."""
        return self.snapshot.apps

    def webhooks(self) -> Sequence[WebhookRules]:
        """Those of the running revision."""
        return self.snapshot.webhooks

    def jwks(self) -> dict[str, Any]:
        return public_jwks(self._keys)

    def session_jwks(self) -> dict[str, Any]:
        return session_jwks(self._keys)

    async def start(self) -> None:
        """Bring up workers and Envoy with the active revision. Raises ``ConfigInvalid`` or ``ChildFailed``."""
        active = await self.documents.revisions.active()
        snapshot = self.documents.load(active).snapshot if active else Snapshot().sealed()
        self._snapshots = (snapshot,)
        self._revision = active.id if active else None
        await self.revocations.start()
        await self.workers.start(self._state())
        await self.data_plane.start(snapshot, keys=_text(session_jwks(self._keys)), denied=self.revocations.denied())

    async def activate(self, number: int | None) -> None:
        """Run another revision. The one before stays if this one does not hold, and is made active again."""
        async with self._activating:
            if number is None or number == self._revision:
                return
            revision = await self.documents.revisions.get(number)
            try:
                await self._run(self.documents.load(revision).snapshot)
            except (ConfigInvalid, ChildFailed) as error:
                why = self.documents.without_environment(as_written(revision))(str(error))
                self._refused = Refused(number, time.time(), why)
                log.warning("revision_refused", extra={"revision": number, "running": self._revision, "why": why})
                if self._revision is not None:
                    # Only instead of the refused one: another node may have activated a third meanwhile.
                    with contextlib.suppress(RevisionMoved):
                        await self.documents.reactivate(self._revision, author="menshen", refused=why, expected=number)
                raise
            self._revision = number
            if self._refused is not None and self._refused.revision == number:
                self._refused = None
            log.info("revision_active", extra={"revision": number, "checksum": self.snapshot.checksum})

    async def _run(self, snapshot: Snapshot) -> None:
        before = self._snapshots
        self._snapshots = (snapshot, *(s for s in before if s.checksum != snapshot.checksum))[:_KEEP_SNAPSHOTS]
        known = asyncio.create_task(self.workers.publish(self._state()))
        try:
            await self.data_plane.apply(snapshot, known)
        except ChildFailed:
            await known
            self._snapshots = before
            await self.workers.publish(self._state())
            raise

    def _state(self) -> WorkerState:
        self._number += 1
        return WorkerState(self._number, self._snapshots, self._keys)

    async def follow_revisions(self) -> None:
        """Run whatever revision becomes active, whoever made it so."""
        refused: int | None = None
        while True:
            await asyncio.sleep(_FOLLOW_SECONDS)
            try:
                number = await self.documents.revisions.active_id()
                self._database_answers = True
                if number != refused:
                    refused = number
                    await self.activate(number)
                    refused = None
            except DatabaseUnavailable:
                self._database_answers = False
            except MenshenError:
                continue
            except Exception:
                log.exception("following_revisions")

    async def follow_keys(self) -> None:
        """Run whatever keys lie in the data directory. Envoy knows a new key before anybody signs with it."""
        while True:
            await asyncio.sleep(_FOLLOW_SECONDS)
            try:
                rings = self._key_files.changed()
                if rings is not None and rings != self._keys:
                    async with self._activating:
                        await self.data_plane.use_keys(_text(session_jwks(rings)))
                        self._keys = rings
                        await self.workers.publish(self._state())
                    log.info("keys_active")
            except (KeyRingInvalid, ChildFailed) as error:
                log.warning("keys_refused", extra={"why": str(error)})
            except Exception:
                log.exception("following_keys")

    async def prune(self) -> None:
        """Forget what is old, now and then: spent codes, logs, sessions that are long over, avatars of nobody."""
        for rounds in itertools.count(1):
            await asyncio.sleep(_PRUNE_SECONDS)
            try:
                await forget(self._database, self.snapshot, time.time())
                await self._records.tidy(time.time())
                if rounds % _SWEEP_EVERY == 0:
                    await self._avatars.sweep(time.time())
            except Exception:
                log.exception("pruning")


@contextlib.asynccontextmanager
async def running(
    settings: NodeSettings, before_start: Callable[[Documents], Awaitable[None]] | None = None
) -> AsyncIterator[Node]:
    """A node that serves while the context is open. ``before_start`` may apply a document first.

    Raises ``ChildFailed`` (a port is taken, Envoy or a worker does not come up), ``ConfigInvalid``, ``KeyRingInvalid``.
    """
    data_dir = _private(settings.data_dir)
    async with contextlib.AsyncExitStack() as stack:
        master_key = load_master_key(data_dir, os.environ)
        key_files = KeyFiles(data_dir / "keys")
        database = Database(database_url(data_dir, os.environ), create=False)
        stack.push_async_callback(database.close)
        operators = operators_of(data_dir, database, master_key)
        workers = await stack.enter_async_context(Workers(settings.workers, data_dir))
        await migrate(database)
        documents = Documents(Revisions(database), Sealer(master_key, "app-secret"), os.environ, time.time)
        if before_start is not None:
            await before_start(documents)
        brain = [Endpoint(bound.host, bound.port) for bound in workers.addresses]
        addresses = Addresses.under(data_dir / "envoy", listen=settings.listen, brain=brain)
        data_plane = DataPlane(addresses, concurrency=settings.envoy_threads)
        records = SessionRecords(database, time.time)
        avatars = avatars_of(records, data_dir)
        node = Node(documents, database, records, key_files, workers, data_plane, avatars, operators)
        readings = NodeReadings.of(node, database)
        client = await stack.enter_async_context(PlatformClient())
        sender = WebhookSender(database, client, node.webhooks, time.time, secrets.token_bytes)
        token_sealer = Sealer(master_key, "access-token")
        tokens = AccessTokens(database, token_sealer, client, time.time, secrets.token_bytes, counts=readings.counts)
        open_data = OpenData(database, Sealer(master_key, "session-key"), tokens, time.time)
        configuration = Configuration(documents, node.activate)
        operating = operating_on(records, avatars, master_key, node.apps, node.webhooks, sender.test, data_dir / "keys")
        endpoints = [
            *operator_endpoints(operating),
            *operator_account_endpoints(operators),
            *token_endpoints(operators),
            *app_endpoints(tokens, node.configured_apps),
            *session_key_endpoints(open_data, node.configured_apps),
            *configuration_endpoints(configuration),
            *figure_endpoints(readings.desk),
        ]
        api = admin_routes(with_openapi(endpoints), operators.access.principal_of_bearer)
        phone = await stack.enter_async_context(calling())
        trying = trying_views(lambda: node.snapshot, settings.listen, phone, records)
        rollout = rollout_views(configuration, documents.revisions, node.runs_here)
        configuring = configuration_views(configuration, installed_types(), lambda: readings.now().endpoints)
        overview = overview_views(readings.desk, lambda: len(node.snapshot.apps))
        people, logs = people_views(operating), audit_views(operating.directory)
        views = console_views(operators, overview, configuring, rollout, people, logs, trying)
        console = console_routes(views, operators.access, settings.console_origin)
        shown = [metrics_route(readings.now), *api, *console]
        admin = admin_app(node.jwks, node.session_jwks, node.parts, shown, facts=node.facts)
        at_door = known_hosts_only(admin, settings.console_origin)
        try:
            await stack.enter_async_context(serving(at_door, settings.admin.host, settings.admin.port))
        except OSError as error:
            raise ChildFailed(f"admin address {settings.admin.host}:{settings.admin.port}: {error.strerror}") from None
        traces = TraceLog(addresses.traces, database)
        stack.push_async_callback(traces.finish)
        stack.push_async_callback(readings.history.write)  # of the minute that the stop is in
        stack.push_async_callback(data_plane.stop)
        traces.open()
        await node.start()
        following = (node.follow_revisions(), node.follow_keys(), node.revocations.follow())
        keeping = (node.prune(), sender.follow(), traces.follow(), keep_tokens(tokens, node.configured_apps))
        counting = (readings.figures.follow(), readings.history.follow())
        tasks = [asyncio.create_task(each) for each in (*following, *keeping, *counting)]
        try:
            yield node
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _text(jwks: dict[str, Any]) -> str:
    return json.dumps(jwks)


def _private(data_dir: Path) -> Path:
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return data_dir.absolute()
