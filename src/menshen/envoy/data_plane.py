"""Envoy as the node sees it: start it with a snapshot, give it another one, stop it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from menshen.config.snapshot import Snapshot
from menshen.envoy.addresses import Addresses
from menshen.envoy.admin import Admin
from menshen.envoy.figures import EnvoyFigures, read_endpoints, read_figures, read_routes
from menshen.envoy.process import EnvoyProcess
from menshen.envoy.publisher import Publisher
from menshen.envoy.revoked import Denied
from menshen.figures.tally import Tally

__all__ = ["DataPlane"]

_NOTHING: Final = Denied()


class DataPlane:
    """The process and what it is told. Start it after the brain listens; stop it before the brain goes."""

    def __init__(
        self,
        addresses: Addresses,
        *,
        concurrency: int = 1,
        linger: float = 10.0,
        drain: float = 300.0,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        self.addresses = addresses
        self.admin = Admin(addresses.admin)
        self.process = EnvoyProcess(addresses, self.admin, concurrency=concurrency, drain=drain, on_line=on_line)
        self._publisher = Publisher(addresses, self.admin, log=self.process.lines, linger=linger, drain=drain)

    @property
    def pid(self) -> int | None:
        return self.process.pid

    @property
    def restarts(self) -> int:
        return self.process.restarts

    async def start(self, snapshot: Snapshot, *, keys: str = "", denied: Denied = _NOTHING) -> None:
        """Write the files, start Envoy, return when it serves them. Raises :class:`~menshen.errors.ChildFailed`.

        ``keys`` is the JWK Set of the public keys of signed login states, as JSON; without it Envoy judges none of them
        alone, and asks the brain. ``denied`` is what is revoked already.
        """
        self._publisher.prepare(snapshot, keys, denied)
        try:
            await self.process.start()
            await self._publisher.confirm()
        except BaseException:
            await self.stop(grace=0)
            raise

    async def apply(self, snapshot: Snapshot, known: Awaitable[None] | None = None) -> None:
        """Bring the running Envoy to another snapshot without dropping a request; the old one stays if it refuses.

        ``known`` is done when the brain knows the snapshot: Envoy routes by it no sooner.
        """
        await self._publisher.apply(snapshot, known)

    async def use_keys(self, keys: str) -> None:
        """Judge signed login states by these public keys from now on. Returns when Envoy does; drops no request."""
        await self._publisher.use_keys(keys)

    async def deny(self, denied: Denied) -> None:
        """This, all of it and nothing else, is revoked. Returns when Envoy refuses it; quick calls are done together.

        Raises :class:`~menshen.errors.ChildFailed`; what was denied before stays so.
        """
        await self._publisher.deny(denied)

    async def ready(self) -> bool:
        return await self.admin.ready()

    async def figures(self) -> EnvoyFigures | None:
        """What Envoy has counted, its routes apart; None where it does not answer."""
        return await read_figures(self.admin)

    async def routes(self) -> Tally | None:
        """What Envoy has counted by API; None where it does not answer."""
        return await read_routes(self.admin)

    async def endpoints(self) -> dict[str, list[tuple[str, bool]]] | None:
        """Upstream -> each endpoint's ``host:port`` and whether it is healthy; None where Envoy does not answer."""
        return await read_endpoints(self.admin)

    async def stop(self, grace: float = 5.0) -> None:
        """Drain for at most ``grace`` seconds and end."""
        await self._publisher.close()
        await self.process.stop(grace)
        await self.admin.close()
        self.addresses.admin.unlink(missing_ok=True)
        if self.addresses.admin.parent != self.addresses.directory:
            self.addresses.admin.parent.rmdir()  # made for the socket alone, for want of a shorter path
