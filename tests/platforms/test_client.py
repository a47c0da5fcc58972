"""The client against real peers on loopback, well and badly behaved."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
import time
import traceback
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from menshen.config.snapshot import App
from menshen.errors import (
    CodeMalformed,
    InternalFault,
    PlatformReplyInvalid,
    PlatformSaysBusy,
    PlatformTimeout,
    PlatformUnreachable,
    Refusal,
)
from menshen.platforms.base import PlatformIdentity, PlatformRequest
from menshen.platforms.client import REPLY_LIMIT, PlatformClient
from menshen.secret import Secret

SECRET = "5ec4e7canary0123456789abcdef0123"
CODE = "051canary00ObAyK19vV1005SDWf0v0m"
BODY = b'{"session_key":"+ayNafOPeRTHJkc0H67XCw==","openid":"oGZUI0egBJY1zhBYw2KhdUfwVJJE"}'
IDENTITY = PlatformIdentity("oGZUI0egBJY1zhBYw2KhdUfwVJJE", "", Secret("+ayNafOPeRTHJkc0H67XCw=="))


def app(base_url: str) -> App:
    return App("shop", "wechat", "wx4f4bc4dec97d474b", Secret(SECRET), base_url)


def http(body: bytes = BODY, *, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body


def sent(head: bytes) -> list[tuple[str, str]]:
    """The parameters in a request head, decoded as any server does it."""
    return parse_qsl(urlsplit(head.split(b" ")[1].decode("ascii")).query, keep_blank_values=True, strict_parsing=True)


def asking(url: str, query: dict[str, str], **more):
    """A flow with one request and the answer's body as openid."""
    reply = yield PlatformRequest("GET", url, query={k: Secret(v) for k, v in query.items()}, **more)
    return PlatformIdentity(reply.body.decode("latin-1"), str(reply.status), Secret(""))


def test_a_login(run, answering):
    async def main():
        async with answering(BODY, headers="content-type: text/plain\r\n") as p, PlatformClient() as client:
            assert await client.code2session(app(p.origin + "/wechat/"), CODE) == IDENTITY
            head = p.heads[0]
        assert head.startswith(b"GET /wechat/sns/jscode2session?")
        assert sent(head) == [
            ("appid", "wx4f4bc4dec97d474b"),
            ("secret", SECRET),
            ("js_code", CODE),
            ("grant_type", "authorization_code"),
        ]
        assert b"accept-encoding: identity\r\n" in head.lower()
        assert b"cookie" not in head.lower()

    run(main())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=st.text(st.characters(exclude_categories=["Cs"])) | st.text("&=+%26;#?/\\ \r\n\t\0'\"<>[]@:ä神", max_size=30)
)
def test_parameters_arrive_exactly(answering, value):
    async def main():
        async with answering(BODY) as p, PlatformClient() as client:
            await client.run(asking(p.origin + "/x", {"js_code": value, "appid": "mine"}))
            assert sent(p.heads[0]) == [("js_code", value), ("appid", "mine")]

    asyncio.run(main())


def test_json_and_form_bodies_and_several_calls_in_one_flow(run, peer):
    async def script(p, reader, writer):
        for _ in range(2):
            head = (await p.read(reader)).lower()
            length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            body = await reader.readexactly(length)
            kind = head.split(b"content-type: ")[1].split(b"\r\n")[0].split(b";")[0]
            writer.write(http(kind + b" " + body))

    def flow(url):
        first = yield PlatformRequest("POST", url, json={"secret": Secret("a&b"), "n": "1"}, headers={"x-a": "b"})
        second = yield PlatformRequest("POST", url, form={"secret": Secret("a&b")})
        return PlatformIdentity(first.body.decode(), second.body.decode(), Secret(""))

    async def main():
        async with peer(script) as p, PlatformClient() as client:
            identity = await client.run(flow(p.origin))
            assert identity.openid == 'application/json {"secret": "a&b", "n": "1"}'
            assert identity.unionid == "application/x-www-form-urlencoded secret=a%26b"
            assert b"x-a: b" in p.heads[0].lower()
            assert p.connections == 1

    run(main())


def test_a_request_on_a_dropped_connection_is_not_repeated(run, peer):
    """aiohttp repeats a GET when a kept-alive connection is dropped; that would spend the code twice."""

    async def script(p, reader, writer):
        await p.read(reader)
        writer.write(http())
        await p.read(reader)  # and close without an answer

    async def main():
        async with peer(script) as p, PlatformClient() as client:
            assert await client.code2session(app(p.origin), "first") == IDENTITY
            with pytest.raises(PlatformTimeout):
                await client.code2session(app(p.origin), "second")
            await asyncio.sleep(0.05)
            assert [dict(sent(head))["js_code"] for head in p.heads] == ["first", "second"]
            assert p.connections == 1
            # The next login gets a connection of its own.
            assert await client.code2session(app(p.origin), "third") == IDENTITY

    run(main())


def test_nor_on_a_first_connection(run, peer):
    async def script(p, reader, writer):
        await p.read(reader)

    async def main():
        async with peer(script) as p, PlatformClient() as client:
            with pytest.raises(PlatformTimeout):
                await client.code2session(app(p.origin), CODE)
            await asyncio.sleep(0.05)
            assert (len(p.heads), p.connections) == (1, 1)

    run(main())


def test_an_idle_connection_that_the_platform_closed_is_not_used(run, peer):
    async def script(p, reader, writer):
        await p.read(reader)
        writer.write(http())

    async def main():
        async with peer(script) as p, PlatformClient() as client:
            for _ in range(3):
                assert await client.code2session(app(p.origin), CODE) == IDENTITY
                await asyncio.sleep(0.02)
            assert p.connections == 3

    run(main())


# One script for each way to fail after the request was sent.


async def never(p, reader, writer):
    await p.read(reader)
    await asyncio.sleep(30)


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
    await asyncio.sleep(1)


async def not_http(p, reader, writer):
    await p.read(reader)
    writer.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
    await asyncio.sleep(1)


async def long_header(p, reader, writer):
    await p.read(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nx-long: " + b"y" * 100_000 + b"\r\n\r\n")
    await asyncio.sleep(1)


async def huge(p, reader, writer):
    await p.read(reader)
    writer.write(http(BODY + b" " * REPLY_LIMIT))
    await writer.drain()
    await asyncio.sleep(1)


async def endless(p, reader, writer):
    await p.read(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1000\r\n" + b" " * 4096 + b"\r\n")
        await writer.drain()


async def bomb(p, reader, writer):
    await p.read(reader)
    writer.write(http(gzip.compress(BODY + b" " * 1_000_000), headers="content-encoding: gzip\r\n"))
    await asyncio.sleep(1)


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
        async with peer(script) as p, PlatformClient(timeout=0.3) as client:
            began = time.monotonic()
            with pytest.raises(kind) as raised:
                await client.code2session(app(p.origin), CODE)
            assert time.monotonic() - began < 0.8
            assert not isinstance(raised.value, PlatformUnreachable)
            assert_tells_nothing(raised.value)
            await asyncio.sleep(0.02)
            assert len(p.heads) == 1

    run(main())


def test_a_reply_at_the_limit_is_read_and_one_byte_more_is_not(run, answering):
    async def main():
        async with PlatformClient() as client:
            async with answering(BODY + b" " * (REPLY_LIMIT - len(BODY))) as p:
                assert await client.code2session(app(p.origin), CODE) == IDENTITY
            async with answering(BODY + b" " * (REPLY_LIMIT + 1 - len(BODY))) as p:
                with pytest.raises(PlatformReplyInvalid):
                    await client.code2session(app(p.origin), CODE)

    run(main())


def test_the_rest_of_a_huge_reply_does_not_meet_the_next_request(run, answering):
    async def main():
        async with answering(BODY + b" " * 10 * REPLY_LIMIT) as p, PlatformClient(limit=1) as client:
            for _ in range(2):
                with pytest.raises(PlatformReplyInvalid):
                    await client.code2session(app(p.origin), CODE)
            assert p.connections == 2

    run(main())


# Before anything was sent.


def refused_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def test_refused_or_unknown_host(run):
    async def main():
        async with PlatformClient(timeout=2) as client:
            for base in (
                f"http://127.0.0.1:{refused_port()}",
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
        await asyncio.sleep(30)

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
        async with peer(never) as p, PlatformClient(timeout=0.2, limit=1) as client:
            logins = (client.code2session(app(p.origin), f"code{n}") for n in range(5))
            kinds = [type(outcome) for outcome in await asyncio.gather(*logins, return_exceptions=True)]
            assert set(kinds) == {PlatformTimeout, PlatformUnreachable}
            # Whoever was not sent is told so, and nobody else.
            await asyncio.sleep(0.02)
            assert kinds.count(PlatformTimeout) == len(p.heads)

    run(main())


# What is ambient stays out.


def test_no_proxy_from_the_environment(run, answering, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{refused_port()}")

    async def main():
        async with answering(BODY) as p, PlatformClient() as client:
            assert await client.code2session(app(p.origin), CODE) == IDENTITY

    run(main())


def test_no_cookies(run, answering):
    async def main():
        async with answering(BODY, headers="set-cookie: a=b; Path=/\r\n") as p, PlatformClient() as client:
            for _ in range(2):
                await client.code2session(app(p.origin), CODE)
            assert b"cookie" not in b"".join(p.heads).lower()

    run(main())


def test_many_at_once_share_the_pool(run, answering):
    async def main():
        async with answering(BODY) as p, PlatformClient(limit=8) as client:
            logins = (client.code2session(app(p.origin), f"code{n}") for n in range(200))
            assert set(await asyncio.gather(*logins)) == {IDENTITY}
            assert p.connections <= 8
            assert sorted(dict(sent(head))["js_code"] for head in p.heads) == sorted(f"code{n}" for n in range(200))

    run(main())


def test_a_cancelled_caller_leaves_a_client_that_works(run, peer):
    async def script(p, reader, writer):
        head = await p.read(reader)
        if b"slow" in head:
            await asyncio.sleep(30)
        writer.write(http())

    async def main():
        async with peer(script) as p, PlatformClient(limit=1) as client:
            task = asyncio.create_task(client.code2session(app(p.origin), "slow"))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await client.code2session(app(p.origin), "quick") == IDENTITY

    run(main())


def test_misuse_is_a_fault_of_ours(run):
    async def main():
        client = PlatformClient()
        with pytest.raises(InternalFault):
            await client.code2session(app("http://127.0.0.1:9"), CODE)
        async with client:
            with pytest.raises(InternalFault):
                await client.code2session(App("a", "nokia", "x", Secret(SECRET)), CODE)
            with pytest.raises(CodeMalformed):
                await client.code2session(app("http://127.0.0.1:9"), "a&b")

    run(main())
