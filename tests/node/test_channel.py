"""The line between a node and its workers: whole states, secrets and all, and an end that is noticed."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from menshen.node.channel import Channel, WorkerState
from menshen.sessions.keys import load_key_rings
from tests.gateway.samples import SNAPSHOT


async def pair() -> tuple[Channel, Channel]:
    ours, theirs = socket.socketpair()
    return await Channel.over(ours), await Channel.over(theirs)


def test_a_state_arrives_as_it_was_sent_and_is_acknowledged(tmp_path: Path) -> None:
    state = WorkerState(7, (SNAPSHOT, SNAPSHOT), load_key_rings(tmp_path))

    async def main() -> None:
        node, worker = await pair()
        await node.send_state(state)
        received = await worker.receive_state()
        assert received == state
        assert received.snapshots[0].sealed().checksum == SNAPSHOT.checksum
        await worker.acknowledge(received.number)
        assert await node.acknowledged() == 7
        node.close()
        with pytest.raises(EOFError):
            await worker.receive_state()
        worker.close()

    asyncio.run(main())


def test_a_state_does_not_print_its_secrets(tmp_path: Path) -> None:
    state = WorkerState(7, (SNAPSHOT,), load_key_rings(tmp_path))
    assert "planted" not in f"{state!r} {SNAPSHOT!r}"
