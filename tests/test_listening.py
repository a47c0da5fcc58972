"""The tests' own server: whenever it ends, nothing of it is left for the collector to complain of."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import warnings

import pytest

from tests.listening import Listener


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()


async def _ended_after(turns: int) -> list[bytes]:
    listener = Listener(_echo)
    clients = [socket.create_connection(("127.0.0.1", listener.port), timeout=60) for _ in range(3)]
    for _ in range(turns):
        await asyncio.sleep(0)
    await listener.stop()
    left = []
    for client in clients:
        with client, contextlib.suppress(ConnectionResetError):
            left.append(client.recv(1))
    return left


@pytest.mark.parametrize("turns", range(8))
def test_it_can_end_in_any_turn_after_a_connection(turns: int) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert not any(asyncio.run(_ended_after(turns)))
        gc.collect()
    assert [str(each.message) for each in told] == []


def test_a_port_can_be_taken_again_at_once() -> None:
    async def again() -> bytes:
        first = Listener(_echo)
        reader, writer = await asyncio.open_connection("127.0.0.1", first.port)
        await first.stop()
        assert await reader.read() == b""
        writer.close()
        second = Listener(_echo, first.port)
        reader, writer = await asyncio.open_connection("127.0.0.1", second.port)
        writer.write(b"hello\n")
        line = await reader.readline()
        writer.close()
        await second.stop()
        return line

    assert asyncio.run(again()) == b"hello\n"
