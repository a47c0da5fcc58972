"""The client when the platform fails it: what was sent, what it is called, what it does not tell."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
import time
import traceback

import pytest

from menshen.errors import PlatformReplyInvalid, PlatformSaysBusy, PlatformTimeout, PlatformUnreachable, Refusal
from menshen.platforms.base import PlatformRequest
from menshen.platforms.client import REPLY_LIMIT, PlatformClient
from tests.platforms.wire import BODY, CODE, IDENTITY, SECRET, app, http
from tests.ports import free_port

# One script for each way to fail after the request was sent.


async def never(p, reader, writer):
    await p.read(reader)
    await asyncio.sleep(120)


async def drip(p, reader, writer):
    await p.read(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def drip_head(p, reader, writer):
    await p.read(reader)
    for byte in b"HTTP/1.1 200 OK\r\nx-slow: " + b"y" * 500:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.02)


async def close(p, reader, writer):
    await p.read(reader)


async def reset(p, reader, writer):
    await p.read(reader)
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def half_a_head(p, reader, writer):
    await p.read(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-le")


async def half_a_body(p, reader, writer):
    await p.read(reader)
    writer.write(http()[:-20])


async def half_a_chunk(p, reader, writer):
    await p.read(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n" + BODY)


async def bad_chunk(p, reader, writer):
    await p.read(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n" + BODY)
    await asyncio.sleep(120)


async def not_http(p, reader, writer):
    await p.read(reader)
    writer.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
    await asyncio.sleep(120)


async def long_header(p, reader, writer):
    await p.read(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nx-long: " + b"y" * 100_000 + b"\r\n\r\n")
    await asyncio.sleep(120)


async def huge(p, reader, writer):
    await p.read(reader)
    writer.write(http(BODY + b" " * REPLY_LIMIT))
    await writer.drain()
    await asyncio.sleep(120)


async def endless(p, reader, writer):
    await p.read(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1000\r\n" + b" " * 4096 + b"\r\n")
        await writer.drain()


async def bomb(p, reader, writer):
    await p.read(reader)
    writer.write(http(gzip.compress(BODY + b" " * 1_000_000), headers="content-encoding: gzip\r\n"))
    await asyncio.sleep(120)


async def redirect(p, reader, writer):
    while True:
        await p.read(reader)
        writer.write(http(b"", status="302 Found", headers=f"location: {p.origin}/elsewhere\r\n"))


async def bad_gateway(p, reader, writer):
    await p.read(reader)
    writer.write(http(b"<html>502</html>", status="502 Bad Gateway"))


async def echo(p, reader, writer):
    head = await p.read(reader)
    writer.write(http(b'{"errcode":40013,"errmsg":"' + head.split(b" ")[1] + b'"}'))


async def echo_unparsed(p, reader, writer):
    writer.write(http(await p.read(reader)))


FAILURES = [
    (never, PlatformTimeout),
    (drip, PlatformTimeout),
    (drip_head, PlatformTimeout),
    (close, PlatformTimeout),
    (reset, PlatformTimeout),
    (half_a_head, PlatformTimeout),
    (half_a_body, PlatformReplyInvalid),
    (half_a_chunk, PlatformReplyInvalid),
    (bad_chunk, PlatformReplyInvalid),
    (not_http, PlatformReplyInvalid),
    (long_header, PlatformReplyInvalid),
    (huge, PlatformReplyInvalid),
    (endless, PlatformReplyInvalid),
    (bomb, PlatformReplyInvalid),
    (redirect, PlatformReplyInvalid),
    (bad_gateway, PlatformSaysBusy),
    (echo, Refusal),
    (echo_unparsed, PlatformReplyInvalid),
]


def assert_tells_nothing(refused: Refusal) -> None:
    """Neither the message, nor the traceback with everything chained to it, nor the frames' locals tell."""
    frames = "".join(traceback.format_exception(refused))
    assert CODE not in f"{refused} {refused!r} {refused.detail} {refused.args} {frames}"
    assert refused.__cause__ is None
    assert refused.__context__ is None
    told = "".join(traceback.TracebackException.from_exception(refused, capture_locals=True).format())
    assert SECRET not in told


@pytest.mark.parametrize(("script", "kind"), FAILURES, ids=[script.__name__ for script, _ in FAILURES])
def test_failures_once_sent(run, peer, script, kind):
    async def main():
        # What has an answer, or an end, may be slow in coming; what has none was sent before it is given up.
        limit = 2.5 if script in (never, drip, drip_head) else 60
        async with peer(script) as p, PlatformClient(timeout=limit) as client:
            began = time.monotonic()
            with pytest.raises(kind) as raised:
                await client.code2session(app(p.origin), CODE)
            assert time.monotonic() - began < 50
            assert not isinstance(raised.value, PlatformUnreachable)
            assert_tells_nothing(raised.value)
            await asyncio.sleep(0.02)
            assert len(p.heads) == 1

    run(main())


def test_a_reply_at_the_limit_is_read_and_one_byte_more_is_not(run, answering):
    async def main():
        async with PlatformClient(timeout=60) as client:
            async with answering(BODY + b" " * (REPLY_LIMIT - len(BODY))) as p:
                assert await client.code2session(app(p.origin), CODE) == IDENTITY
            async with answering(BODY + b" " * (REPLY_LIMIT + 1 - len(BODY))) as p:
                with pytest.raises(PlatformReplyInvalid):
                    await client.code2session(app(p.origin), CODE)

    run(main())


def test_the_rest_of_a_huge_reply_does_not_meet_the_next_request(run, answering):
    async def main():
        async with answering(BODY + b" " * 10 * REPLY_LIMIT) as p, PlatformClient(timeout=60, limit=1) as client:
            for _ in range(2):
                with pytest.raises(PlatformReplyInvalid):
                    await client.code2session(app(p.origin), CODE)
            assert p.connections == 2

    run(main())


# Before anything was sent.


def test_refused_or_unknown_host(run):
    async def main():
        async with PlatformClient(timeout=60) as client:
            for base in (
                f"http://127.0.0.1:{free_port()}",
                "http://no-such-host.invalid",
                "http://",
                "ftp://127.0.0.1",
                "nonsense",
            ):
                with pytest.raises(PlatformUnreachable) as raised:
                    await client.code2session(app(base), CODE)
                assert_tells_nothing(raised.value)

    run(main())


def test_tls_that_fails_or_hangs(run, answering, peer):
    async def hang(p, reader, writer):
        await asyncio.sleep(120)

    async def main():
        async with PlatformClient(timeout=0.3) as client:
            async with answering(BODY) as p:
                with pytest.raises(PlatformUnreachable) as raised:
                    await client.code2session(app(f"https://127.0.0.1:{p.port}"), CODE)
                assert_tells_nothing(raised.value)
            async with peer(hang) as p:
                with pytest.raises(PlatformUnreachable) as raised:
                    await client.code2session(app(f"https://127.0.0.1:{p.port}"), CODE)
                assert_tells_nothing(raised.value)

    run(main())


def test_waiting_for_a_free_connection_counts_as_not_sent(run, peer):
    async def main():
        async with peer(never) as p, PlatformClient(timeout=2.5, limit=1) as client:
            logins = (client.code2session(app(p.origin), f"code{n}") for n in range(5))
            kinds = [type(outcome) for outcome in await asyncio.gather(*logins, return_exceptions=True)]
            assert set(kinds) == {PlatformTimeout, PlatformUnreachable}
            # Whoever was not sent is told so, and nobody else.
            await asyncio.sleep(0.02)
            assert kinds.count(PlatformTimeout) == len(p.heads)

    run(main())


def test_a_call_may_have_a_time_limit_of_its_own(run, peer):
    def flow(url):
        yield PlatformRequest("GET", url, timeout=2.5)

    async def main():
        async with peer(never) as p, PlatformClient(timeout=100) as client:
            began = time.monotonic()
            with pytest.raises(PlatformTimeout):
                await client.run(flow(p.origin))
            assert time.monotonic() - began < 60

    run(main())
