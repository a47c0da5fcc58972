"""What a node needs of those that it directs: somebody decides, somebody carries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from menshen.config.snapshot import Snapshot
from menshen.envoy import Denied
from menshen.node.channel import Revoked, WorkerState

__all__ = ["Carrier", "Deciders"]


class Deciders(Protocol):
    """Worker processes, or one that decides where the node itself is.

    ``revoked`` gives every revocation of now, for one that starts.
    """

    revoked: Callable[[], Revoked]

    @property
    def running(self) -> tuple[int, ...]:
        """Process ids of those that have a state."""
        ...

    async def start(self, state: WorkerState) -> None:
        """Give all their first state, and what is revoked before it. Raises ``ChildFailed``."""
        ...

    async def publish(self, state: WorkerState) -> None:
        """Return when every one decides with ``state``."""
        ...

    async def revoke(self, revoked: Revoked) -> None: ...


class Carrier(Protocol):
    """Envoy, or what takes requests to an application in this process. Its methods are those of ``DataPlane``."""

    @property
    def pid(self) -> int | None:
        """The process that carries; None while none does."""
        ...

    async def start(self, snapshot: Snapshot, *, keys: str, denied: Denied) -> None: ...

    async def apply(self, snapshot: Snapshot, known: Awaitable[None] | None = None) -> None: ...

    async def use_keys(self, keys: str) -> None: ...

    async def deny(self, denied: Denied) -> None: ...
