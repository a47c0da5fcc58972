"""Peers that play a script, and both event loops."""

from __future__ import annotations

import asyncio

import pytest
import uvloop

from tests.platforms.wire import Peer, http


@pytest.fixture
def peer():
    """``async with peer(script) as p``: a peer that plays ``script`` on every connection."""
    return lambda script: Peer(script).listening()


@pytest.fixture
def answering(peer):
    """``async with answering(body, ...) as p``: a peer that answers every request the same way, kept alive."""

    def start(body: bytes, **how: str):
        async def script(p: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                await p.read(reader)
                writer.write(http(body, **how))
                await writer.drain()

        return peer(script)

    return start


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request):
    """Runs a coroutine on each event loop: their transports fail in different ways."""
    return request.param
