"""The parts of a worker, kept as current as the node says: what it decides with, and what is revoked."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from functools import partial

from menshen.gateway.plugin_loading import installed_types
from menshen.gateway.plugin_steps import plugins_of_routes
from menshen.node.assembly import Parts, brain_state, following_state
from menshen.node.channel import Revoked, WorkerState
from menshen.sessions.keys import KeyRings
from menshen.storage.revocations import CHANGED

__all__ = ["Deciding"]

log = logging.getLogger("menshen.worker")

_SEEN_SECONDS = 1.0


class Deciding:
    """Parts that follow what a node says. They refuse every request before the first state."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._keys: KeyRings | None = None
        self._plugins = partial(plugins_of_routes, types=installed_types(), clock=time.perf_counter)

    def revoke(self, message: Revoked) -> None:
        revocations, references = self.parts.revocations, self.parts.references
        (revocations.replace if message.whole else revocations.add)(message.items)
        for item in message.items:
            if item.kind == CHANGED:
                references.changed(item.sid, item.before)
        revocations.forget(message.heard)
        references.heard(message.heard)

    def follow(self, state: WorkerState) -> None:
        """Decide with this from now on."""
        endpoint, references = self.parts.authorization, self.parts.references
        if endpoint.state is None or state.keys != self._keys:
            own = (references, secrets.token_bytes, self._plugins)
            endpoint.state = brain_state(state.snapshots, state.keys, *own)
        else:
            # With the states it has opened already.
            endpoint.state = following_state(endpoint.state, state.snapshots, self._plugins)
        self._keys = state.keys

    async def write_seen(self) -> None:
        """For ever: when each session was used last, a moment after it was."""
        while True:
            await asyncio.sleep(_SEEN_SECONDS)
            await self.write()

    async def write(self) -> None:
        """What is not written yet."""
        items = self.parts.seen.take()
        try:
            await self.parts.records.seen(items)
        except Exception as error:  # noqa: BLE001 - the times are coarse anyway, and checks go on without a database
            log.warning("last_seen_not_written", extra={"sessions": len(items), "why": type(error).__name__})
