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
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from menshen.config.snapshot import App, Endpoint, Snapshot
from menshen.config.user_rules import WebhookRules
from menshen.documents.documents import Documents, as_written
from menshen.documents.history import Refused, Running
from menshen.errors import ChildFailed, ConfigInvalid, DatabaseUnavailable, KeyRingInvalid, MenshenError, RevisionMoved
from menshen.node.channel import WorkerState
from menshen.node.duties import Carrier, Deciders
from menshen.node.keyring import KeyFiles
from menshen.node.retention import forget
from menshen.node.revocations import RevocationFeed
from menshen.operators.service import OperatorService
from menshen.sessions.keys import KeyRings, public_jwks, session_jwks
from menshen.sessions.records import SessionRecords
from menshen.storage.database import Database
from menshen.users.avatars import Avatars
from menshen.web.serving import TlsFiles

__all__ = ["Node", "NodeSettings"]

log = logging.getLogger("menshen.node")

_FOLLOW_SECONDS = 0.3
_AGAIN_SECONDS = 1.0
_PRUNE_SECONDS = 60.0
_SWEEP_EVERY = 60
"""Of those rounds, one looks through all files of avatars."""

_KEEP_SNAPSHOTS = 4
"""Requests that Envoy stamped just before a change are still known; older stamps are refused as stale."""


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """``listen`` is the public side, ``admin`` the node's own. ``workers`` counts processes.

    ``console_origin`` is where operators open the console, "" for the admin address itself.
    ``verify`` is where other proxies ask, None for nowhere; ``verify_tls`` what it shows and asks of them there.
    """

    data_dir: Path
    listen: Endpoint
    admin: Endpoint
    workers: int
    envoy_threads: int
    console_origin: str = ""
    verify: Endpoint | None = None
    verify_tls: TlsFiles | None = None


class Node:
    """A running node. Made by :func:`running`."""

    def __init__(
        self,
        documents: Documents,
        database: Database,
        records: SessionRecords,
        key_files: KeyFiles,
        workers: Deciders,
        data_plane: Carrier,
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
                refused = None  # nobody could read it, which is no reason to run without its guards for ever
            except MenshenError:
                continue
            except Exception:
                log.exception("following_revisions")
                refused = None
                await asyncio.sleep(_AGAIN_SECONDS)

    async def follow_keys(self) -> None:
        """Run whatever keys lie in the data directory. Envoy knows a new key before anybody signs with it.

        What fails is tried again: a key that was taken away, because somebody else has it, must not stay good.
        """
        rings: KeyRings | None = None
        while True:
            await asyncio.sleep(_FOLLOW_SECONDS)
            try:
                rings = self._key_files.changed() or rings
                if rings is not None and rings != self._keys:
                    async with self._activating:
                        await self.data_plane.use_keys(_text(session_jwks(rings)))
                        self._keys = rings
                        await self.workers.publish(self._state())
                    log.info("keys_active")
            except (KeyRingInvalid, ChildFailed) as error:
                log.warning("keys_refused", extra={"why": str(error)})
                await asyncio.sleep(_AGAIN_SECONDS)
            except Exception:
                log.exception("following_keys")
                await asyncio.sleep(_AGAIN_SECONDS)

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


def _text(jwks: dict[str, Any]) -> str:
    return json.dumps(jwks)
