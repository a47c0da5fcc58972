"""A gateway in one process: everything but Envoy, the platform and the clock is the real thing.

Two workers on one SQLite file, each with a database, caches and notes of its own, a node that feeds them, key files in
a directory. What background tasks do by the clock is a method here, so that a test says when it happens.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from menshen.config.snapshot import App, Snapshot
from menshen.errors import Refusal
from menshen.gateway.decide import admit, decide
from menshen.gateway.decision import Allow, Deny, Load
from menshen.gateway.hooks import Hooks
from menshen.gateway.request import AuthRequest
from menshen.gateway.wire import WIRE_STATUSES, stamp
from menshen.node.assembly import assembled, brain_state
from menshen.node.channel import Revoked
from menshen.node.revocations import RevocationFeed
from menshen.platforms.base import PlatformIdentity
from menshen.platforms.client import PlatformClient
from menshen.secret import Secret
from menshen.sessions.keys import (
    KeyRings,
    load_key_rings,
    public_jwks,
    session_jwks,
)
from menshen.sessions.loading import ReferenceLoader
from menshen.sessions.records import SessionRecords
from menshen.sessions.reference import References
from menshen.sessions.states import States
from menshen.storage.codes import prune_codes
from menshen.storage.database import Database, sqlite_url
from menshen.storage.revocations import CHANGED
from tests.life.envoy import EnvoyJudge

__all__ = ["CODE", "STATE", "TOKEN", "Clock", "Gateway", "Reply", "Worker"]

CODE, STATE, TOKEN = "js_code", "user_session", "user_refresh"
"""Headers of every plugin here: the code, the login state, the refresh token that a login returns."""


class Clock:
    """Stands still until it is moved. Unix seconds."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Platform:
    """Codes are ``<openid>-<anything>``, as if every platform were that open."""

    async def code2session(self, app: App, code: str) -> PlatformIdentity:
        await asyncio.sleep(0)
        return PlatformIdentity(code.split("-")[0], "", Secret("c2Vzc2lvbi1rZXkta2V5IQ=="))


@dataclass(frozen=True)
class Reply:
    """What Envoy makes of the answer. ``body`` is that of a reply of the gateway's own."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        return "allowed" if self.status == 200 else str(self.body["reason"])


class Worker:
    """What ``node/worker.py`` runs, without its process. No platform, verifier or sender is ever called by HTTP."""

    def __init__(self, url: str, master_key: bytes, data_dir: Path, clock: Clock, snapshot: Snapshot) -> None:
        self.database = Database(url)
        self._clock = clock
        self._snapshot = snapshot
        client, hooks = PlatformClient(), Hooks()
        parts = assembled(
            self.database, master_key, data_dir, client, hooks, clock, secrets.token_bytes, platforms=Platform()
        )
        self._records, self._endpoint, self._brain = parts.records, parts.authorization, parts.brain
        self.revocations, self.references, self.seen = parts.revocations, parts.references, parts.seen

    @property
    def states(self) -> States:
        assert self._endpoint.state is not None
        return self._endpoint.state.states

    def hear(self, message: Revoked) -> None:
        (self.revocations.replace if message.whole else self.revocations.add)(message.items)
        for item in message.items:
            if item.kind == CHANGED:
                self.references.changed(item.sid, item.before)
        self.revocations.forget(message.heard)
        self.references.heard(message.heard)

    def run(self, keys: KeyRings) -> None:
        self._endpoint.state = brain_state((self._snapshot,), keys, self.references, secrets.token_bytes, lambda _: {})

    async def ask(
        self, route: str, headers: Mapping[str, str], body: object = None, received: float | None = None
    ) -> Reply:
        """As Envoy asks, with its stamps. ``route`` is a route's id, or ``~`` and a path of the user API."""
        data = b"" if body is None else json.dumps(body).encode()
        sent = {
            "x-menshen-route": stamp(route, self._snapshot.checksum),
            "x-menshen-received": f"{self._clock() if received is None else received:.6f}",
            "content-length": str(len(data)),
            "content-type": "application/json",
            **headers,
        }
        scope = {
            "type": "http",
            "method": "GET" if route == "~sessions" or not (data or route.startswith("~")) else "POST",
            "path": f"/api/{self._snapshot.checksum}/{route[1:]}" if route.startswith("~") else "/authz/any",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        }
        said: list[Any] = []

        async def send(message: Any) -> None:
            said.append(message)

        async def receive() -> Any:
            return {"type": "http.request", "body": data, "more_body": False}

        await self._brain(scope, receive, send)
        given = {name.decode(): value.decode() for name, value in said[0]["headers"]}
        status = said[0]["status"]
        return Reply(WIRE_STATUSES.get(status, status), given, json.loads(said[1]["body"] or "{}"))

    async def would_say(self, route: str, text: str) -> str:
        """The verdict on a state, of the same functions, leaving no trace: nothing renewed, noted or kept."""
        brain = self._endpoint.state
        assert brain is not None
        now = self._clock()
        request = AuthRequest(stamp(route, self._snapshot.checksum), {STATE.encode(): text.encode()}, received=now)
        decision = decide(request, brain.routes, brain.states.open, self.revocations.revoked, now)
        if isinstance(decision, Load):
            plugin = decision.route.login
            assert plugin is not None
            try:
                claims = await ReferenceLoader(References(), self._records).load(decision.state, now)
            except Refusal as refusal:
                return refusal.reason
            decision = admit(decision.route, plugin, claims, decision.state, self.revocations.revoked, now)
        if isinstance(decision, Deny):
            return decision.refusal.reason
        assert isinstance(decision, Allow)
        return "allowed"

    async def note(self) -> None:
        """What it does every second: have the record know of the sessions in use."""
        await self._records.seen(self.seen.take())


class Gateway:
    """The node and its workers. ``directory`` holds a migrated database."""

    def __init__(self, directory: Path, clock: Clock, snapshot: Snapshot) -> None:
        self.clock = clock
        self.snapshot = snapshot
        self.keys_directory = directory / "keys"
        self._url = sqlite_url(directory)
        self._master_key = secrets.token_bytes(32)
        self._keys = load_key_rings(self.keys_directory, clock)
        self.workers: list[Worker] = []

    async def start(self) -> None:
        self._keys = load_key_rings(self.keys_directory, self.clock)
        self._database = Database(self._url)
        self.records = SessionRecords(self._database, self.clock)
        self._feed = RevocationFeed(self.records, self._tell_workers, self._tell_envoy, self.clock)
        await self._feed.start()
        self.workers = [self._worker() for _ in range(2)]
        self.envoy = EnvoyJudge(session_jwks(self._keys), self._feed.denied(), self.clock)

    async def stop(self) -> None:
        for worker in self.workers:
            await worker.database.close()
        await self._database.close()

    @property
    def assertion_jwks(self) -> dict[str, Any]:
        return public_jwks(self._keys)

    async def restart_worker(self, number: int) -> None:
        """Its process was killed: what it had not written down is lost."""
        await self.workers[number].database.close()
        self.workers[number] = self._worker()

    async def restart(self) -> None:
        """The whole node was killed. Envoy starts with the keys and the revocations of now."""
        await self.stop()
        await self.start()

    async def spread(self) -> None:
        """What happens within a second: everybody knows of every revocation."""
        await self._feed._look()
        if self._feed._envoy_due.is_set():
            self._feed._envoy_due.clear()
            await self._tell_envoy(self._feed.denied())

    async def use_keys(self, restarted: int | None = None) -> None:
        """What happens when a key file changed. A worker may be ``restarted`` while the others are told."""
        keys = load_key_rings(self.keys_directory, self.clock)
        self.envoy.keys = session_jwks(keys)
        self._keys = keys
        for number, worker in enumerate(self.workers):
            if number == restarted:
                await self.restart_worker(number)
            else:
                worker.run(keys)

    async def tidy(self) -> None:
        """What the node does every minute."""
        async with self._database.writing() as connection:
            await prune_codes(connection, self.clock())
        await self.records.tidy(self.clock())

    def _worker(self) -> Worker:
        worker = Worker(self._url, self._master_key, self.keys_directory.parent, self.clock, self.snapshot)
        worker.hear(self._feed.all())
        worker.run(self._keys)
        return worker

    async def _tell_workers(self, message: Revoked) -> None:
        for worker in self.workers:
            worker.hear(message)

    async def _tell_envoy(self, denied: Any) -> None:
        self.envoy.denied = denied
