"""Changes to a running Envoy, without a dropped request: make before break, and back again if Envoy refuses.

Routes name clusters, so the order is: clusters old and new together, then the listener if its bytes changed at all,
then the routes, and after a while, when no request can be on its way by an old route any more, the new clusters alone.
Each step waits until Envoy has taken it. A refused step (NACK) puts every file back as it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from menshen.config.snapshot import Snapshot, Tls
from menshen.envoy.addresses import FILES, Addresses, Subscription
from menshen.envoy.admin import Admin
from menshen.envoy.clusters import clusters
from menshen.envoy.http_connection_manager import STAT_PREFIX
from menshen.envoy.resources import build, clusters_file, place, version_of, write
from menshen.envoy.routes import ROUTES
from menshen.envoy.typed import Json
from menshen.errors import ChildFailed

__all__ = ["Publisher"]

_log = logging.getLogger("menshen.envoy")

_STATS: Final[dict[Subscription, str]] = {
    "cds": "cluster_manager.cds",
    "lds": "listener_manager.lds",
    "rds": f"http.{STAT_PREFIX}.rds.{ROUTES}",
}

_WARMING: Final = {"cds": "cluster_manager.warming_clusters", "lds": "listener_manager.total_listeners_warming"}

_STEP_LIMIT: Final = 15.0
_REFUSALS: Final = ("update_rejected", "update_failure")


@dataclass(slots=True)
class _Running:
    """What Envoy has: the files, and the clusters among them."""

    files: dict[str, bytes]
    clusters: list[Json]


class Publisher:
    """Hands snapshots to Envoy. ``log`` is the tail of Envoy's log, for the reason of a refusal.

    ``linger`` is for how long a removed upstream can still be reached by requests that were routed before; it covers
    the time that a login may wait for its platform.
    """

    def __init__(self, addresses: Addresses, admin: Admin, *, log: Sequence[str] = (), linger: float = 10.0) -> None:
        self._addresses = addresses
        self._admin = admin
        self._envoy_log = log
        self._linger = linger
        self._running: _Running | None = None
        self._lock = asyncio.Lock()
        self._pruning: asyncio.Task[None] | None = None

    def prepare(self, snapshot: Snapshot) -> None:
        """Write everything, before Envoy starts."""
        _check_certificate(snapshot.listener.tls)
        files = build(snapshot, self._addresses)
        write(files, self._addresses.directory)
        self._running = _Running(files, clusters(snapshot, self._addresses))

    async def confirm(self) -> None:
        """After the start: Envoy is live even when it refused its listener, so ask what it took."""
        if self._running is None:
            raise ChildFailed("nothing was prepared for Envoy")
        for subscription in _STATS:
            wanted = version_of(self._running.files[FILES[subscription]])
            await self._taken(subscription, wanted, dict.fromkeys(_STATS, 0))

    async def apply(self, snapshot: Snapshot) -> None:
        """Bring Envoy to this snapshot. Raises :class:`ChildFailed` with Envoy's reason; the old one then runs on."""
        async with self._lock:
            if self._running is None:
                raise ChildFailed("Envoy has not been started")
            _check_certificate(snapshot.listener.tls)
            new = _Running(build(snapshot, self._addresses), clusters(snapshot, self._addresses))
            old = self._running
            try:
                await self._bring(old, new)
            except (ChildFailed, asyncio.CancelledError):
                write(old.files, self._addresses.directory)
                raise

    async def close(self) -> None:
        await self._cancel_pruning()

    async def _bring(self, old: _Running, new: _Running) -> None:
        await self._cancel_pruning()
        names = {cluster["name"] for cluster in new.clusters}
        both = [*new.clusters, *(cluster for cluster in old.clusters if cluster["name"] not in names)]
        both.sort(key=lambda cluster: str(cluster["name"]))
        # Envoy reads only what it is told of, so files that it follows through another one go first.
        await self._offer("cds", old.files, clusters_file(both))
        place(self._addresses.file("sds"), new.files[FILES["sds"]])
        await self._offer("lds", old.files, new.files[FILES["lds"]])
        await self._offer("rds", old.files, new.files[FILES["rds"]])
        removed = len(both) > len(new.clusters)
        self._running = _Running({**new.files, FILES["cds"]: clusters_file(both)}, both) if removed else new
        if removed:
            self._pruning = asyncio.create_task(self._prune(new), name="envoy-prune")

    async def _offer(self, subscription: Subscription, old: dict[str, bytes], content: bytes) -> None:
        if content == old[FILES[subscription]]:
            return
        before = await self._refused()
        place(self._addresses.file(subscription), content)
        await self._taken(subscription, version_of(content), before)

    async def _refused(self) -> dict[Subscription, int]:
        """How often each subscription has been refused so far."""
        stats = await self._admin.stats(rf"\.({'|'.join(_REFUSALS)})$") or {}
        return {s: sum(int(stats.get(f"{name}.{r}", 0)) for r in _REFUSALS) for s, name in _STATS.items()}

    async def _taken(self, subscription: Subscription, version: str, before: dict[Subscription, int]) -> None:
        """Wait until Envoy runs this version. It may die and come back meanwhile: it then reads the same file."""
        name, warming = _STATS[subscription], _WARMING.get(subscription, "")
        pattern = rf"^({name}\.({'|'.join(_REFUSALS)}|version_text)|{warming or name})$"
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _STEP_LIMIT
        pause = 0.002
        while True:
            stats = await self._admin.stats(pattern)
            if stats is not None:
                if stats.get(f"{name}.version_text") == version and not stats.get(warming, 0):
                    return
                if sum(int(stats.get(f"{name}.{r}", 0)) for r in _REFUSALS) > before[subscription]:
                    await asyncio.sleep(0.05)  # the reason comes over another pipe
                    raise ChildFailed(f"Envoy refused the new {subscription}: {self._reason()}")
            if loop.time() > deadline:
                raise ChildFailed(f"Envoy did not take the new {subscription} within {_STEP_LIMIT:g} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.1)

    def _reason(self) -> str:
        told = (line for line in reversed(self._envoy_log) if "rejected" in line or "update failure" in line)
        return next(told, "see its log")

    async def _prune(self, new: _Running) -> None:
        await asyncio.sleep(self._linger)
        async with self._lock:
            old, self._running = self._running, new
            if old is not None:
                try:
                    await self._offer("cds", old.files, new.files[FILES["cds"]])
                except ChildFailed as error:
                    _log.warning("old_upstreams_stay", extra={"why": str(error)})

    async def _cancel_pruning(self) -> None:
        if self._pruning is not None:
            self._pruning.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pruning
            self._pruning = None


def _check_certificate(tls: Tls | None) -> None:
    """Envoy would keep the old certificate, or open no listener at all, and say so only in a counter."""
    if tls is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key)
    except (OSError, ssl.SSLError) as error:
        raise ChildFailed(f"certificate {tls.certificate} with key {tls.key} cannot be used: {error}") from error
