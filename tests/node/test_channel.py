"""The line between a node and its workers: whole states, secrets and all, and an end that is noticed."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from menshen.node.channel import Channel, Revoked, WorkerState
from menshen.sessions.keys import load_key_rings
from menshen.sessions.revocation import Revocation
from tests.gateway.samples import SNAPSHOT


async def pair() -> tuple[Channel, Channel]:
    ours, theirs = socket.socketpair()
    return await Channel.over(ours), await Channel.over(theirs)


def test_a_state_arrives_as_it_was_sent_and_is_acknowledged(tmp_path: Path) -> None:
    state = WorkerState(7, (SNAPSHOT, SNAPSHOT), load_key_rings(tmp_path))

    async def main() -> None:
        node, worker = await pair()
        await node.send_state(state)
        received = await worker.receive()
        assert isinstance(received, WorkerState)
        assert received == state
        assert received.snapshots[0].sealed().checksum == SNAPSHOT.checksum
        await worker.acknowledge(received.number)
        assert await node.heard() == 7
        node.close()
        with pytest.raises(EOFError):
            await worker.receive()
        worker.close()

    asyncio.run(main())


def test_a_snapshot_goes_over_the_line_once(tmp_path: Path) -> None:
    rings = load_key_rings(tmp_path)
    other = replace(SNAPSHOT, webhooks=()).sealed() if SNAPSHOT.webhooks else replace(SNAPSHOT, apps=()).sealed()

    async def main() -> None:
        node, worker = await pair()
        received = []
        for number, snapshots in enumerate([(SNAPSHOT,), (other, SNAPSHOT), (other,), (SNAPSHOT, other)], 1):
            await node.send_state(WorkerState(number, snapshots, rings))
            state = await worker.receive()
            assert state == WorkerState(number, snapshots, rings)
            received.append(state.snapshots)
        assert received[1][1] is received[0][0]
        assert received[2][0] is received[1][0] is received[3][1]
        assert received[3][0] is not received[0][0], "what was forgotten is sent again"
        for channel in (node, worker):
            channel.close()

    asyncio.run(main())


def test_revocations_travel_beside_states(tmp_path: Path) -> None:
    revoked = Revoked((Revocation(3, "s" * 26, "wechat", "wx1", 0, 1_800_000_000, "signed"),), 1_700_000_000.5)
    state = WorkerState(1, (SNAPSHOT,), load_key_rings(tmp_path))

    async def main() -> None:
        node, worker = await pair()
        await asyncio.gather(node.send_revoked(revoked), node.send_state(state), node.send_revoked(revoked))
        assert [type(await worker.receive()) for _ in range(3)] == [Revoked, WorkerState, Revoked]
        await node.send_revoked(Revoked((), 1.0, whole=True))
        assert await worker.receive() == Revoked((), 1.0, whole=True)
        for channel in (node, worker):
            channel.close()

    asyncio.run(main())


def test_a_worker_tells_what_it_has_counted_between_acknowledgements() -> None:
    async def main() -> None:
        node, worker = await pair()
        await worker.acknowledge(1)
        await worker.tell({"decisions": {"allow": 3}})
        await worker.tell({})
        await worker.acknowledge(2)
        assert [await node.heard() for _ in range(4)] == [1, {"decisions": {"allow": 3}}, {}, 2]
        for channel in (node, worker):
            channel.close()

    asyncio.run(main())


def test_a_state_does_not_print_its_secrets(tmp_path: Path) -> None:
    state = WorkerState(7, (SNAPSHOT,), load_key_rings(tmp_path))
    assert "planted" not in f"{state!r} {SNAPSHOT!r}"
