"""A node from its start to its stop: everything it is made of, put together, and kept going."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from menshen.config.snapshot import Endpoint
from menshen.documents.configuration import Configuration
from menshen.documents.documents import Documents
from menshen.envoy import Addresses, DataPlane
from menshen.errors import ChildFailed
from menshen.gateway.access_tokens import AccessTokens
from menshen.gateway.component_tickets import COMPONENT_TICKET, ComponentTickets
from menshen.gateway.open_data import OpenData
from menshen.node.access_tokens import keep_tokens
from menshen.node.admin_site import admin_site
from menshen.node.data_directory import private
from menshen.node.keyring import KeyFiles
from menshen.node.node import Node, NodeSettings
from menshen.node.operating import avatars_of, operating_on
from menshen.node.operators import operators_of
from menshen.node.readings import NodeReadings
from menshen.node.trace_log import TraceLog
from menshen.node.webhooks import WebhookSender
from menshen.node.workers import Workers
from menshen.platforms.client import PlatformClient
from menshen.platforms.installed import installed_platforms
from menshen.sessions.records import SessionRecords
from menshen.storage.database import Database
from menshen.storage.database_url import database_url
from menshen.storage.proxy_secret import proxy_secret
from menshen.storage.revisions import Revisions
from menshen.storage.schema import migrate
from menshen.storage.sealing import Sealer, load_master_key
from menshen.web.console.try_it.calling import calling
from menshen.web.serving import serving

__all__ = ["running"]


@contextlib.asynccontextmanager
async def running(
    settings: NodeSettings, before_start: Callable[[Documents], Awaitable[None]] | None = None
) -> AsyncIterator[Node]:
    """A node that serves while the context is open. ``before_start`` may apply a document first.

    Raises ``ChildFailed`` (a port is taken, Envoy or a worker does not come up), ``ConfigInvalid``, ``KeyRingInvalid``.
    """
    data_dir = private(settings.data_dir)
    async with contextlib.AsyncExitStack() as stack:
        master_key = load_master_key(data_dir, os.environ)
        proxy_secret(master_key, os.environ)  # one that cannot be is said here, not by workers that die
        key_files = KeyFiles(data_dir / "keys")
        database = Database(database_url(data_dir, os.environ), create=False)
        stack.push_async_callback(database.close)
        operators = operators_of(data_dir, database, master_key)
        asked = Workers(settings.workers, data_dir, verify=settings.verify, verify_tls=settings.verify_tls)
        workers = await stack.enter_async_context(asked)
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
        readings = NodeReadings.of(node, workers, data_plane, database)
        client = await stack.enter_async_context(PlatformClient(installed_platforms().adapters))
        sender = WebhookSender(database, client, node.webhooks, time.time, secrets.token_bytes)
        token_sealer = Sealer(master_key, "access-token")
        tickets = ComponentTickets(database, Sealer(master_key, COMPONENT_TICKET))
        fetching = (database, token_sealer, client, time.time, secrets.token_bytes)
        tokens = AccessTokens(*fetching, counts=readings.counts, tickets=tickets)
        open_data = OpenData(database, Sealer(master_key, "session-key"), tokens, time.time)
        configuration = Configuration(documents, node.activate)
        phone = await stack.enter_async_context(calling())
        operating = operating_on(records, avatars, master_key, node.apps, node.webhooks, sender.test, data_dir / "keys")
        admin = admin_site(node, settings, operating, configuration, readings, tokens, open_data, phone)
        try:
            await stack.enter_async_context(serving(admin, settings.admin.host, settings.admin.port))
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
