"""What a node follows, revisions and keys, is run in the end, whatever fails on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from menshen.config.snapshot import Listener, Snapshot
from menshen.errors import ChildFailed, DatabaseUnavailable
from menshen.node.channel import Revoked, WorkerState
from menshen.node.keyring import KeyFiles
from menshen.node.node import Node
from menshen.sessions.rotation import rotate
from tests.envoy.fakes import eventually

GUARDED = Snapshot(listener=Listener(client_api="")).sealed()


@dataclass
class World:
    """A database, workers and an Envoy, each of which fails as often as it is told to."""

    active: int | None = 1
    read_fails: list[Exception] = field(default_factory=list)
    envoy_fails: list[Exception] = field(default_factory=list)
    applied: list[Snapshot] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    states: list[WorkerState] = field(default_factory=list)
    revoked: Callable[[], Revoked] = lambda: Revoked((), 0.0)
    running: tuple[int, ...] = (1,)
    pid: int = 1

    async def active_id(self) -> int | None:
        return self.active

    async def get(self, number: int) -> Any:
        if self.read_fails:
            raise self.read_fails.pop()
        return SimpleNamespace(id=number)

    async def apply(self, snapshot: Snapshot, known: Awaitable[None] | None = None) -> None:
        if known is not None:
            await known
        if self.envoy_fails:
            raise self.envoy_fails.pop()
        self.applied.append(snapshot)

    async def use_keys(self, keys: str) -> None:
        if self.envoy_fails:
            raise self.envoy_fails.pop()
        self.keys.append(keys)

    async def publish(self, state: WorkerState) -> None:
        self.states.append(state)

    async def revoke(self, revoked: Revoked) -> None: ...

    async def deny(self, denied: Any) -> None: ...

    def node(self, key_files: KeyFiles) -> Node:
        loaded = SimpleNamespace(snapshot=GUARDED)
        documents: Any = SimpleNamespace(revisions=self, load=lambda _: loaded)
        nothing: Any = None
        either: Any = self
        return Node(documents, nothing, nothing, key_files, either, either, nothing, nothing)


def follow(work: Coroutine[Any, Any, None], until: Callable[[], bool]) -> None:
    async def done() -> bool:
        return until()

    async def main() -> None:
        task = asyncio.create_task(work)
        try:
            await eventually(done, 20)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


@pytest.mark.parametrize("fault", [DatabaseUnavailable("gone"), OSError("no space left")], ids=["database", "disk"])
def test_a_revision_that_could_not_be_read_runs_when_it_can(fault: Exception, tmp_path: Path) -> None:
    """Nothing was wrong with it, and its guards are wanted."""
    world = World(read_fails=[fault])
    node = world.node(KeyFiles(tmp_path))
    follow(node.follow_revisions(), lambda: node.revision == 1)
    assert world.applied == [GUARDED]


def test_keys_that_envoy_did_not_take_are_brought_again(tmp_path: Path) -> None:
    """The key that was withdrawn would be good for as long as the node runs."""
    world = World(envoy_fails=[ChildFailed("not within 15 s"), OSError("no space left")])
    node = world.node(KeyFiles(tmp_path))
    before = node.keys
    rotate(tmp_path, "signed", 1_800_000_000)
    follow(node.follow_keys(), lambda: bool(world.states))
    assert len(world.keys) == 1
    assert node.keys != before
    assert world.states[-1].keys == node.keys
