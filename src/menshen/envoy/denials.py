"""Revocations on their way to Envoy: at once, and however many there are.

A session id is in one of two sets, and Envoy asks both. ``recent`` is small and written at every revocation;
``settled`` is large and written rarely. On the move an id is in both: the large set is taken before the small one is
made smaller, so there is no moment in which a revoked session is in neither.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Iterable
from typing import Final

from menshen.envoy.addresses import Addresses, Subscription
from menshen.envoy.delivery import Delivery
from menshen.envoy.resources import filter_file, place
from menshen.envoy.revoked import REVOKED_FILTERS, Denied, revoked_apps, revoked_sessions
from menshen.errors import ChildFailed

__all__ = ["Denials"]

_log = logging.getLogger("menshen.envoy")

_SMALL: Final = 500
"""Ids in the small set before they move on: about 10 ms of Envoy's main thread at each revocation."""

_REST: Final = 10.0
"""Seconds between two moves: 10,000 ids in the large set cost a quarter of a second each time it is written."""


class Denials:
    """``followed`` says whether Envoy follows these files now; where it does not, they wait for it on the disk.

    ``small`` and ``rest`` are the limits above.
    """

    def __init__(
        self,
        addresses: Addresses,
        delivery: Delivery,
        followed: Callable[[], bool],
        *,
        small: int = _SMALL,
        rest: float = _REST,
    ) -> None:
        self._addresses = addresses
        self._delivery = delivery
        self._followed = followed
        self._small = small
        self._rest = rest
        self._wanted: frozenset[str] = frozenset()
        self._wanted_apps = b""
        self._settled: frozenset[str] = frozenset()
        self._files: dict[Subscription, bytes] = {}
        self._turns = {subscription: asyncio.Lock() for subscription in REVOKED_FILTERS}
        self._moving: asyncio.Task[None] | None = None
        self._moved_at = -math.inf

    def prepare(self, denied: Denied) -> None:
        """Write everything, before Envoy starts."""
        self._wanted = self._settled = frozenset(denied.sids)
        self._files = {"settled": _sids("settled", self._settled), "recent": _sids("recent", ()), "apps": _apps(denied)}
        for subscription, content in self._files.items():
            place(self._addresses.file(subscription), content)

    async def confirm(self) -> None:
        """Wait until Envoy runs what was written last; only while it follows the files."""
        for subscription, turn in self._turns.items():
            async with turn:
                await self._delivery.taken(subscription, self._files[subscription])

    async def deny(self, denied: Denied) -> None:
        """This is what is revoked from now on. Returns when Envoy refuses it; raises :class:`ChildFailed`.

        Calls that come while one is under way are done together. An id that is revoked no longer may stay until the
        large set is written again: its states have run out.
        """
        self._wanted, self._wanted_apps = frozenset(denied.sids), _apps(denied)
        await self._bring("recent", self._recent)
        await self._bring("apps", lambda: self._wanted_apps)
        if self._moving is None or self._moving.done():
            self._moving = asyncio.create_task(self._move(), name="envoy-revoked")

    async def close(self) -> None:
        if self._moving is not None:
            self._moving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._moving
            self._moving = None

    async def _bring(self, subscription: Subscription, make: Callable[[], bytes]) -> None:
        """``make`` is called when it is this call's turn, so that one write does for all who waited."""
        async with self._turns[subscription]:
            content, path = make(), self._addresses.file(subscription)
            if content == self._files[subscription]:
                return
            if self._followed():
                try:
                    await self._delivery.offer(subscription, content)
                except ChildFailed:
                    place(path, self._files[subscription])
                    raise
            else:
                place(path, content)
            self._files[subscription] = content

    def _recent(self) -> bytes:
        return _sids("recent", self._wanted - self._settled)

    async def _move(self) -> None:
        """From the small set to the large one, when the one has grown or the other is mostly spent."""
        clock = asyncio.get_running_loop().time
        while self._uneven():
            await asyncio.sleep(max(0.0, self._moved_at + self._rest - clock()))
            try:
                await self._settle(self._wanted)
            except ChildFailed as error:
                _log.warning("revoked_sets_stay", extra={"why": str(error)})
            self._moved_at = clock()

    async def _settle(self, target: frozenset[str]) -> None:
        """Make the large set this. Revocations go on through the small one meanwhile."""
        content = await asyncio.to_thread(_sids, "settled", target)
        await self._bring("settled", lambda: content)
        self._settled = target
        await self._bring("recent", self._recent)

    def _uneven(self) -> bool:
        recent, spent = len(self._wanted - self._settled), len(self._settled - self._wanted)
        return recent > self._small or spent > self._small + len(self._wanted)


def _sids(subscription: Subscription, sids: Iterable[str]) -> bytes:
    return filter_file(REVOKED_FILTERS[subscription], revoked_sessions(sids))


def _apps(denied: Denied) -> bytes:
    return filter_file(REVOKED_FILTERS["apps"], revoked_apps(denied.apps))
