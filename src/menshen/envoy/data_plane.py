"""Envoy as the node sees it: start it with a snapshot, give it another one, stop it."""

from __future__ import annotations

from collections.abc import Callable

from menshen.config.snapshot import Snapshot
from menshen.envoy.addresses import Addresses
from menshen.envoy.admin import Admin
from menshen.envoy.process import EnvoyProcess
from menshen.envoy.publisher import Publisher

__all__ = ["DataPlane"]


class DataPlane:
    """The process and what it is told. Start it after the brain listens; stop it before the brain goes."""

    def __init__(
        self,
        addresses: Addresses,
        *,
        concurrency: int = 1,
        linger: float = 10.0,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        self.addresses = addresses
        self.admin = Admin(addresses.admin)
        self.process = EnvoyProcess(addresses, self.admin, concurrency=concurrency, on_line=on_line)
        self._publisher = Publisher(addresses, self.admin, log=self.process.lines, linger=linger)

    @property
    def pid(self) -> int | None:
        return self.process.pid

    @property
    def restarts(self) -> int:
        return self.process.restarts

    async def start(self, snapshot: Snapshot) -> None:
        """Write the files, start Envoy, return when it serves them. Raises :class:`~menshen.errors.ChildFailed`."""
        self._publisher.prepare(snapshot)
        try:
            await self.process.start()
            await self._publisher.confirm()
        except BaseException:
            await self.stop(grace=0)
            raise

    async def apply(self, snapshot: Snapshot) -> None:
        """Bring the running Envoy to another snapshot without dropping a request; the old one stays if it refuses."""
        await self._publisher.apply(snapshot)

    async def ready(self) -> bool:
        return await self.admin.ready()

    async def stop(self, grace: float = 5.0) -> None:
        """Drain for at most ``grace`` seconds and end."""
        await self._publisher.close()
        await self.process.stop(grace)
        await self.admin.close()
        self.addresses.admin.unlink(missing_ok=True)
