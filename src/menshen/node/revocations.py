"""Revocations on their way: from the database, where any process may have put one, to every worker and to Envoy.

The promise is one second. The database is looked at several times in it, the workers are told what is new at each look
(and that there is nothing else, which lets them trust what they know of references), Envoy is told whenever its part of
the set changed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from menshen.envoy import Denied
from menshen.errors import ChildFailed, DatabaseUnavailable
from menshen.node.channel import Revoked
from menshen.sessions.records import SessionRecords
from menshen.sessions.revocation import Revocation

__all__ = ["RevocationFeed"]

log = logging.getLogger("menshen.node")

_LOOK_SECONDS = 0.15
_AGAIN_SECONDS = 60.0
"""How often everything is read anew, to drop what has run out."""


class RevocationFeed:
    """``tell_workers`` and ``tell_envoy`` pass on; ``clock`` gives Unix seconds."""

    def __init__(
        self,
        records: SessionRecords,
        tell_workers: Callable[[Revoked], Awaitable[None]],
        tell_envoy: Callable[[Denied], Awaitable[None]],
        clock: Callable[[], float],
    ) -> None:
        self._records = records
        self._tell_workers = tell_workers
        self._tell_envoy = tell_envoy
        self._clock = clock
        self._known: dict[int, Revocation] = {}
        self._newest = 0
        self._heard = 0.0
        self._read_at = 0.0
        self._envoy_knows = Denied()
        self._envoy_due = asyncio.Event()

    async def start(self) -> None:
        """Read what there is, before anybody is let through. Raises ``DatabaseUnavailable``."""
        await self._read_all(self._clock())
        self._envoy_knows = self.denied()

    def all(self) -> Revoked:
        """Everything, for a worker that has just started."""
        return Revoked(tuple(self._known.values()), self._heard, whole=True)

    @property
    def active(self) -> int:
        """How many are known: of sessions and of apps, those that ran out a moment ago among them."""
        return len(self._known)

    def denied(self) -> Denied:
        """Envoy's part: it judges the kind ``signed`` alone."""
        now = self._clock()
        live = [item for item in self._known.values() if not item.until or item.until > now]
        return Denied(
            sids=tuple(sorted(item.sid for item in live if item.sid and item.kind == "signed")),
            apps=tuple(sorted((item.platform, item.appid, item.before) for item in live if not item.sid)),
        )

    async def follow(self) -> None:
        """Look again and again, whatever happens."""
        envoy = asyncio.create_task(self._follow_envoy())
        silent = False
        try:
            while True:
                await asyncio.sleep(_LOOK_SECONDS)
                try:
                    await self._look()
                    silent = False
                except DatabaseUnavailable as error:
                    if not silent:  # once: what is known stays known, and references are not trusted meanwhile
                        log.warning("revocations_unknown", extra={"why": str(error)})
                    silent = True
                except Exception:
                    log.exception("following_revocations")
        finally:
            envoy.cancel()

    async def _look(self) -> None:
        now = self._clock()
        if now - self._read_at > _AGAIN_SECONDS:
            await self._read_all(now)
            await self._tell_workers(self.all())
            self._envoy_due.set()
            return
        new = await self._records.revocations(self._newest)
        self._take(new, now)
        if new:
            self._envoy_due.set()
        await self._tell_workers(Revoked(tuple(new), now))

    async def _read_all(self, now: float) -> None:
        found = await self._records.revocations(0)
        self._known.clear()
        self._take(found, now)
        self._read_at = now

    def _take(self, items: list[Revocation], now: float) -> None:
        for item in items:
            self._known[item.id] = item
            self._newest = max(self._newest, item.id)
        self._heard = now

    async def _follow_envoy(self) -> None:
        while True:
            await self._envoy_due.wait()
            self._envoy_due.clear()
            wanted = self.denied()
            if wanted == self._envoy_knows:
                continue
            try:
                await self._tell_envoy(wanted)
                self._envoy_knows = wanted
            except ChildFailed as error:
                log.warning("revocation_not_taken", extra={"why": str(error)})
                await asyncio.sleep(_LOOK_SECONDS)
                self._envoy_due.set()
            except Exception:
                log.exception("telling_envoy_of_revocations")
                await asyncio.sleep(1.0)
                self._envoy_due.set()
