"""Envoy's admin interface, over the unix socket that only we can open."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import msgspec

__all__ = ["Admin", "Stats"]

Stats = dict[str, int | str]

_TIMEOUT: Final = aiohttp.ClientTimeout(total=2.0)


class Admin:
    """Asks and tells. Envoy may be starting, gone or coming back: no answer is an answer (False, None), not an error.

    Every request has a connection of its own, so that none outlives the process it was made to.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ready(self) -> bool:
        """Whether Envoy is live: first configuration read, listeners open, not draining."""
        return await self._ask("GET", "/ready") is not None

    async def stats(self, pattern: str, *, used: bool = False) -> Stats | None:
        """Counters, gauges and texts whose names match ``pattern``; of ``used`` ones alone, those that ever changed."""
        only = {"usedonly": "1"} if used else {}
        body = await self._ask("GET", "/stats", {"format": "json", "filter": pattern, **only})
        if body is None:
            return None
        try:
            found = msgspec.json.decode(body)["stats"]
        except (msgspec.DecodeError, KeyError, TypeError):
            return None
        return {stat["name"]: stat["value"] for stat in found if "name" in stat and "value" in stat}

    async def histogram(self, pattern: str) -> str | None:
        """Histograms whose names match, in the text format of Prometheus: the one that has the sum."""
        body = await self._ask("GET", "/stats/prometheus", {"filter": pattern})
        return None if body is None else body.decode()

    async def clusters(self) -> list[dict[str, Any]] | None:
        """Every cluster with its hosts and their health."""
        body = await self._ask("GET", "/clusters", {"format": "json"})
        try:
            found: list[dict[str, Any]] | None = None if body is None else msgspec.json.decode(body)["cluster_statuses"]
        except (msgspec.DecodeError, KeyError, TypeError):
            return None
        return found

    async def fail_health_check(self) -> bool:
        return await self._ask("POST", "/healthcheck/fail") is not None

    async def drain(self) -> bool:
        """Ask clients, with every answer, to connect anew elsewhere; go on serving meanwhile."""
        return await self._ask("POST", "/drain_listeners?graceful&skip_exit") is not None

    async def _ask(self, method: str, path: str, query: dict[str, str] | None = None) -> bytes | None:
        if self._session is None:
            connector = aiohttp.UnixConnector(path=str(self._socket), force_close=True)
            self._session = aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT)
        try:
            async with self._session.request(method, f"http://envoy{path}", params=query) as reply:
                body = await reply.read()
                return body if reply.status == 200 else None
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None
