"""A worker process of its own, and the line to its node in the test's hands."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import socket
import sys
import termios
from pathlib import Path

from menshen.node.channel import Channel, Revoked, WorkerState
from menshen.sessions.keys import load_key_rings
from menshen.web.serving import reserved
from tests.envoy.fakes import eventually
from tests.gateway.samples import SNAPSHOT


async def has_read(sock: socket.socket) -> bool:
    """Nothing that was sent waits for the other end any more."""
    return fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)) == bytes(4)


async def answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


def test_a_port_opens_when_there_is_a_state_to_decide_with(tmp_path: Path) -> None:
    """A worker that has none can only refuse, in no time: the least busy of all, it would draw the requests."""
    state = WorkerState(1, (SNAPSHOT,), load_key_rings(tmp_path / "keys"))

    async def main(port: int) -> None:
        ours, theirs = socket.socketpair()
        own = ["--host", "127.0.0.1", "--port", str(port), "--data-dir", str(tmp_path)]
        with theirs:
            line = ["--channel", str(theirs.fileno())]
            command = [sys.executable, "-m", "menshen.node.worker", *own, *line]
            worker = await asyncio.create_subprocess_exec(*command, pass_fds=[theirs.fileno()])
        try:
            node = await Channel.over(ours)
            await node.send_revoked(Revoked((), 0.0, whole=True))
            await eventually(lambda: has_read(ours), limit=90)
            for _ in range(30):
                await asyncio.sleep(0.01)
                assert not await answers(port)
            await node.send_state(state)
            while await asyncio.wait_for(node.heard(), 90) != 1:
                pass
            assert await answers(port), "what is acknowledged can be asked for"
            node.close()
            assert await asyncio.wait_for(worker.wait(), 60) == 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                worker.kill()
            await worker.wait()

    with reserved("127.0.0.1", 0) as bound:
        asyncio.run(main(bound.port))
