"""How many calls run at once: no service takes the connections of the others."""

from __future__ import annotations

import asyncio

from menshen.platforms.base import Flow, PlatformRequest
from menshen.platforms.client import PlatformClient
from tests.platforms.wire import Peer, http


def asking(url: str) -> Flow[int]:
    reply = yield PlatformRequest("GET", url, timeout=60.0)
    return reply.status


def test_a_slow_service_keeps_its_own_callers_waiting_and_nobody_else() -> None:
    async def main() -> None:
        waiting, go_on = asyncio.Event(), asyncio.Event()
        came = 0

        async def slowly(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal came
            while True:
                await peer.read(reader)
                came += 1
                waiting.set()
                await go_on.wait()
                writer.write(http(b"{}"))
                await writer.drain()

        async def at_once(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                await peer.read(reader)
                writer.write(http(b"{}"))
                await writer.drain()

        async with (
            Peer(slowly).listening() as slow,
            Peer(at_once).listening() as quick,
            PlatformClient(limit=2, limit_of_one=1) as client,
        ):
            many = [asyncio.create_task(client.run(asking(slow.origin))) for _ in range(5)]
            await waiting.wait()
            assert [await client.run(asking(quick.origin)) for _ in range(3)] == [200] * 3
            assert came == 1
            go_on.set()
            assert await asyncio.gather(*many) == [200] * 5

    asyncio.run(main())
