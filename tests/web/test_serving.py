"""Granian inside the loop: comes up, takes its port for itself, goes down."""

from __future__ import annotations

import asyncio
import logging
import socket
import time

import pytest
import uvloop

from menshen.web.serving import Bound, reserved, serving


async def hello(scope, receive, send):
    if scope["path"] == "/hang":
        await asyncio.sleep(120)
    if scope["path"] == "/slow":
        await asyncio.sleep(0.2)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-path", scope["raw_path"])]})
    await send({"type": "http.response.body", "body": b"hello"})


def telling(arrived: asyncio.Event):
    """``hello``, and who waits for it knows that a request has come in."""

    async def app(scope, receive, send):
        if scope["path"] in ("/hang", "/slow"):
            arrived.set()
        await hello(scope, receive, send)

    return app


async def get(bound: Bound, path: str = "/") -> bytes:
    reader, writer = await asyncio.open_connection(bound.host, bound.port)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request):
    return request.param


def hosts() -> list[str]:
    """Loopback as this machine has it: IPv6 is often off in containers."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return ["127.0.0.1"]
    return ["127.0.0.1", "::1"]


@pytest.mark.parametrize("host", [*hosts(), "localhost"])
def test_a_free_port_that_accepts_at_once(run, host):
    async def main():
        async with serving(hello, host, 0) as bound:
            assert (bound.host, bound.port) == bound
            assert bound.host == (host if host in hosts() else bound.host)
            assert bound.host in hosts()
            assert (await get(bound)).endswith(b"hello")
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*bound)

    run(main())


def test_origin():
    assert Bound("127.0.0.1", 80).origin == "http://127.0.0.1:80"
    assert Bound("::1", 80).origin == "http://[::1]:80"


def test_the_same_port_again_and_again(run):
    async def main():
        async with serving(hello, "127.0.0.1", 0) as first:
            await get(first)
        for _ in range(3):
            async with serving(hello, "127.0.0.1", first.port) as again:
                assert again == first
                await get(again)

    run(main())


def test_a_port_that_someone_serves_or_holds_is_refused(run):
    async def main():
        async with serving(hello, "127.0.0.1", 0) as bound:
            with pytest.raises(OSError, match="in use"):
                async with serving(hello, "127.0.0.1", bound.port):
                    pass
        with reserved("127.0.0.1", 0) as held, pytest.raises(OSError, match="in use"):
            async with serving(hello, "127.0.0.1", held.port):
                pass
        with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(OSError, match="in use"):
            async with serving(hello, "127.0.0.1", other.getsockname()[1], shared=True):
                pass

    run(main())


def test_sharers_that_know_of_each_other(run):
    async def main():
        with reserved("127.0.0.1", 0) as held:
            async with (
                serving(hello, "127.0.0.1", held.port, shared=True),
                serving(hello, "127.0.0.1", held.port, shared=True) as bound,
            ):
                assert bound == held
                assert (await get(bound)).endswith(b"hello")

    run(main())


def test_requests_in_flight_finish_within_the_drain(run):
    async def main():
        arrived = asyncio.Event()
        async with serving(telling(arrived), "127.0.0.1", 0, drain=60) as bound:
            slow = asyncio.create_task(get(bound, "/slow"))
            await asyncio.wait_for(arrived.wait(), 90)
        assert (await slow).endswith(b"hello")

    run(main())


def test_a_request_that_hangs_does_not_hold_up_the_end(run):
    async def main():
        arrived = asyncio.Event()
        async with serving(telling(arrived), "127.0.0.1", 0, drain=0.2) as bound:
            hanging = asyncio.create_task(get(bound, "/hang"))
            await asyncio.wait_for(arrived.wait(), 90)
            began = time.monotonic()
        assert time.monotonic() - began < 60
        assert b"hello" not in await hanging

    run(main())


def test_an_error_inside_the_context_stops_the_server(run):
    async def main():
        with pytest.raises(ZeroDivisionError):
            async with serving(hello, "127.0.0.1", 0) as bound:
                raise ZeroDivisionError
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*bound)

    run(main())


def test_other_peoples_logging_is_left_alone(run):
    handler = logging.StreamHandler()
    closed = []
    handler.close = lambda: closed.append(True)
    logging.getLogger("mine").addHandler(handler)

    async def main():
        async with serving(hello, "127.0.0.1", 0):
            assert not closed

    try:
        run(main())
    finally:
        logging.getLogger("mine").removeHandler(handler)


def test_an_address_that_is_not_ours(run):
    async def main():
        with pytest.raises(OSError, match="assign"):
            async with serving(hello, "192.0.2.1", 0):
                pass

    run(main())
