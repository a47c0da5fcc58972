"""The client against real peers on loopback, well and badly behaved."""

from __future__ import annotations

import asyncio
import traceback
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from menshen.config.snapshot import App
from menshen.errors import (
    CodeMalformed,
    InternalFault,
    PlatformTimeout,
)
from menshen.platforms.base import PlatformIdentity, PlatformRequest, TokenRefused
from menshen.platforms.client import PlatformClient
from menshen.secret import Secret
from tests.platforms.wire import BODY, CODE, IDENTITY, SECRET, app, http
from tests.ports import free_port


def sent(head: bytes) -> list[tuple[str, str]]:
    """The parameters in a request head, decoded as any server does it."""
    return parse_qsl(urlsplit(head.split(b" ")[1].decode("ascii")).query, keep_blank_values=True, strict_parsing=True)


def asking(url: str, query: dict[str, str], **more):
    """A flow with one request and the answer's body as openid."""
    reply = yield PlatformRequest("GET", url, query={k: Secret(v) for k, v in query.items()}, **more)
    return PlatformIdentity(reply.body.decode("latin-1"), str(reply.status), Secret(""))


def test_a_login(run, answering):
    async def main():
        async with answering(BODY, headers="content-type: text/plain\r\n") as p, PlatformClient(timeout=60) as client:
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
        async with answering(BODY) as p, PlatformClient(timeout=60) as client:
            await client.run(asking(p.origin + "/x", {"js_code": value, "appid": "mine"}))
            assert sent(p.heads[0]) == [("js_code", value), ("appid", "mine")]

    asyncio.run(main())


def test_headers_that_came_once_come_with_the_answer_and_others_not(run, answering):
    """A signature is of one of them, and which one was looked at, nobody could say."""

    def asking_for_headers(url):
        reply = yield PlatformRequest("GET", url)
        return dict(reply.headers)

    async def main():
        headers = "Wechatmp-Serial: one\r\nWeChatMP-Signature: a\r\nwechatmp-signature: b\r\n"
        async with answering(BODY, headers=headers) as p, PlatformClient(timeout=60) as client:
            told = await client.run(asking_for_headers(p.origin + "/x"))
        assert told == {"wechatmp-serial": "one", "content-length": str(len(BODY))}

    run(main())


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
        async with peer(script) as p, PlatformClient(timeout=60) as client:
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
        async with peer(script) as p, PlatformClient(timeout=60) as client:
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
        async with peer(script) as p, PlatformClient(timeout=60) as client:
            with pytest.raises(PlatformTimeout):
                await client.code2session(app(p.origin), CODE)
            await asyncio.sleep(0.05)
            assert (len(p.heads), p.connections) == (1, 1)

    run(main())


def keeps(client: PlatformClient) -> bool:
    """Whether it has a connection that it takes for open: it hears of the end of one in a later turn of the loop."""
    kept = client._session.connector._conns.values()
    return any(protocol.is_connected() for connections in kept for protocol, _ in connections)


def test_an_idle_connection_that_the_platform_closed_is_not_used(run, peer):
    async def script(p, reader, writer):
        await p.read(reader)
        writer.write(http())

    async def main():
        async with peer(script) as p, PlatformClient(timeout=60) as client:
            for _ in range(3):
                assert await client.code2session(app(p.origin), CODE) == IDENTITY
                while keeps(client):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert p.connections == 3

    run(main())


# What is ambient stays out.


def test_no_proxy_from_the_environment(run, answering, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")

    async def main():
        async with answering(BODY) as p, PlatformClient(timeout=60) as client:
            assert await client.code2session(app(p.origin), CODE) == IDENTITY

    run(main())


def test_no_cookies(run, answering):
    async def main():
        async with answering(BODY, headers="set-cookie: a=b; Path=/\r\n") as p, PlatformClient(timeout=60) as client:
            for _ in range(2):
                await client.code2session(app(p.origin), CODE)
            assert b"cookie" not in b"".join(p.heads).lower()

    run(main())


def test_many_at_once_share_the_pool(run, answering):
    async def main():
        async with answering(BODY) as p, PlatformClient(timeout=60, limit=8) as client:
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
        async with peer(script) as p, PlatformClient(timeout=60, limit=1) as client:
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


@pytest.mark.parametrize(
    "request_",
    [
        f"http://127.0.0.1:9/?secret={SECRET}",
        PlatformRequest("GET", "http://127.0.0.1:9/", query={"secret": SECRET.encode()}),
        PlatformRequest("POST", "http://127.0.0.1:9/", json={"secret": SECRET.encode()}),
        PlatformRequest("GET", f"http://127.0.0.1:9/{SECRET}".encode()),
    ],
    ids=["text", "query", "json", "url"],
)
def test_what_is_no_request_is_our_fault_and_nothing_of_it_is_told(run, request_):
    def flow():
        yield request_

    async def main():
        async with PlatformClient(timeout=60) as client:
            with pytest.raises(InternalFault) as raised:
                await client.run(flow())
            assert SECRET not in "".join(traceback.format_exception(raised.value))
            assert raised.value.__context__ is None

    run(main())


def test_a_body_goes_out_byte_by_byte(run, peer):
    """A signed call: what is signed and what is sent must be the same bytes."""
    body = b'{"password": "canary",\x00\xff "n":1}'

    async def script(p, reader, writer):
        head = (await p.read(reader)).lower()
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        writer.write(http(await reader.readexactly(length)))

    def flow(url):
        request = PlatformRequest("POST", url, headers={"content-type": "application/json"}, body=body)
        assert "canary" not in repr(request)
        return (yield request).body

    async def main():
        async with peer(script) as p, PlatformClient(timeout=60) as client:
            assert await client.run(flow(p.origin)) == body
            assert p.heads[0].lower().count(b"content-type: application/json\r\n") == 1

    run(main())


def test_json_values_keep_their_kind(run, peer):
    async def script(p, reader, writer):
        head = (await p.read(reader)).lower()
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        writer.write(http(await reader.readexactly(length)))

    def flow(url):
        return (yield PlatformRequest("POST", url, json={"force_refresh": False, "n": "1"})).body

    async def main():
        async with peer(script) as p, PlatformClient(timeout=60) as client:
            assert await client.run(flow(p.origin)) == b'{"force_refresh": false, "n": "1"}'

    run(main())


def test_a_flow_gives_what_it_gives(run, answering):
    """Any result; and a token that is refused comes out as itself, without the adapter's frames."""

    def refused(url):
        reply = yield PlatformRequest("GET", url)
        raise TokenRefused(str(reply.status), platform_errcode=40001)

    def plain(url):
        reply = yield PlatformRequest("GET", url)
        return [reply.status]

    async def main():
        async with answering(BODY) as p, PlatformClient(timeout=60) as client:
            assert await client.run(plain(p.origin)) == [200]
            with pytest.raises(TokenRefused) as raised:
                await client.run(refused(p.origin))
            assert (raised.value.detail, raised.value.platform_errcode) == ("200", 40001)
            assert raised.value.__context__ is None or raised.value.__suppress_context__
            frames = []
            trace = raised.value.__traceback__
            while trace is not None:
                frames.append(trace.tb_frame.f_code.co_name)
                trace = trace.tb_next
            assert "refused" not in frames

    run(main())
