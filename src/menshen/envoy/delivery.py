"""Handing one file to a running Envoy, and waiting until it has taken it or said no."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from menshen.envoy.addresses import Addresses, Subscription
from menshen.envoy.admin import Admin
from menshen.envoy.http_connection_manager import STAT_PREFIX
from menshen.envoy.limits import LIMITS
from menshen.envoy.resources import place, version_of
from menshen.envoy.revoked import REVOKED_FILTERS
from menshen.envoy.routes import table_name
from menshen.envoy.states import STATES
from menshen.envoy.tokens import TOKENS
from menshen.errors import ChildFailed

__all__ = ["Delivery"]

_FILTER: Final = "extension_config_discovery.http_filter"

_STATS: Final[dict[Subscription, str]] = {
    "cds": "cluster_manager.cds",
    "lds": "listener_manager.lds",
    "states": f"{_FILTER}.{STATES}",
    "tokens": f"{_FILTER}.{TOKENS}",
    **{stage: f"{_FILTER}.{name}" for stage, name in LIMITS.items()},
    **{subscription: f"{_FILTER}.{name}" for subscription, name in REVOKED_FILTERS.items()},
}

_WARMING: Final = {"cds": "cluster_manager.warming_clusters", "lds": "listener_manager.total_listeners_warming"}

_STEP_LIMIT: Final = 15.0
_REFUSALS: Final = ("update_rejected", "update_failure")


class Delivery:
    """``log`` is the tail of Envoy's log, for the reason of a refusal."""

    def __init__(self, addresses: Addresses, admin: Admin, log: Sequence[str] = ()) -> None:
        self._addresses = addresses
        self._admin = admin
        self._log = log

    async def offer(self, subscription: Subscription, content: bytes, generation: int = 0) -> None:
        """Put the file in place and wait. Raises :class:`ChildFailed` with Envoy's reason and leaves the file."""
        before = await self.refused(subscription, generation)
        place(self._addresses.file(subscription, generation), content)
        await self.taken(subscription, content, before, generation)

    async def taken(self, subscription: Subscription, content: bytes, before: int = 0, generation: int = 0) -> None:
        """Wait until Envoy runs this file. It may die and come back meanwhile: it then reads the same file.

        ``before`` is how often it had refused this subscription until then.
        """
        version = version_of(content)
        name, warming = _stats(subscription, generation), _WARMING.get(subscription, "")
        pattern = rf"^({name}\.({'|'.join(_REFUSALS)}|version_text)|{warming or name})$"
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _STEP_LIMIT
        pause = 0.002
        while True:
            stats = await self._admin.stats(pattern)
            if stats is not None:
                if stats.get(f"{name}.version_text") == version and not stats.get(warming, 0):
                    return
                if _sum(stats, name) > before:
                    await asyncio.sleep(0.05)  # the reason comes over another pipe
                    raise ChildFailed(f"Envoy refused the new {subscription}: {self._reason()}")
            if loop.time() > deadline:
                raise ChildFailed(f"Envoy did not take the new {subscription} within {_STEP_LIMIT:g} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.1)

    async def refused(self, subscription: Subscription, generation: int = 0) -> int:
        """How often Envoy has refused it so far."""
        name = _stats(subscription, generation)
        return _sum(await self._admin.stats(rf"^{name}\.({'|'.join(_REFUSALS)})$") or {}, name)

    def _reason(self) -> str:
        told = (line for line in reversed(self._log) if "rejected" in line or "update failure" in line)
        return next(told, "see its log")


def _stats(subscription: Subscription, generation: int) -> str:
    """How the names of its counters begin."""
    return f"http.{STAT_PREFIX}.rds.{table_name(generation)}" if subscription == "rds" else _STATS[subscription]


def _sum(stats: dict[str, int | str], name: str) -> int:
    return sum(int(stats.get(f"{name}.{refusal}", 0)) for refusal in _REFUSALS)
