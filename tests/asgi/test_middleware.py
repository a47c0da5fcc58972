"""Start, stop, another revision, and what only a middleware can meet: servers of many kinds."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from menshen.asgi import MenshenMiddleware
from menshen.asgi.arrival import arrival_of
from tests.asgi.in_process import Server, seen_by, serving
from tests.asgi.test_document import DOCUMENT, JUDGED, PLUGINS, with_plugin
from tests.edge.processes import REPOSITORY

PUBLIC = DOCUMENT.replace("path: /all}", "path: /all, access: public}")
LIMITED = with_plugin("RateLimit", PLUGINS["RateLimit"])
NO_STATE = (401, 4001, "session_missing")
NOT_RUNNING = (503, 5004, "brain_unavailable")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "menshen.yaml"
    say(file, DOCUMENT)
    return file


def say(config: Path, document: str) -> None:
    config.write_text(document)


def applied(data_dir: Path, document: str) -> None:
    """By a process of its own, as an operator does it."""
    file = data_dir.parent / "another.yaml"
    file.write_text(document)
    command = [sys.executable, "-m", "menshen", "apply", str(file), "--data-dir", str(data_dir)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, timeout=180)
    assert done.returncode == 0, done.stderr


async def becomes(server: Server, status: int) -> None:
    deadline = time.monotonic() + 90
    while (await server.ask("/mall/all")).status != status:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def test_before_the_start_and_after_the_stop_every_request_is_refused(config: Path, tmp_path: Path) -> None:
    async def run() -> None:
        scopes: list[Scope] = []
        app = MenshenMiddleware(seen_by(scopes), config=config, data_dir=tmp_path / "data")
        assert (await Server(app).ask("/mall/all")).refusal == NOT_RUNNING
        async with serving(app) as server:
            assert (await server.ask("/mall/all")).refusal == NO_STATE
        assert (await Server(app).ask("/mall/all")).refusal == NOT_RUNNING
        assert scopes == []

    asyncio.run(run())


def test_a_document_that_needs_envoy_stops_the_start_and_is_named(config: Path, tmp_path: Path) -> None:
    async def run() -> Message:
        say(config, LIMITED)
        return await Server(MenshenMiddleware(seen_by([]), config=config, data_dir=tmp_path / "data")).start()

    said = asyncio.run(run())
    assert said["type"] == "lifespan.startup.failed"
    assert "plugins[1]: more (RateLimit) needs Envoy" in said["message"]
    assert "需要 Envoy" in said["message"]


def test_a_revision_of_another_process_runs_here_too(config: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(MenshenMiddleware(seen_by([]), config=config, data_dir=tmp_path / "data")) as server:
            assert (await server.ask("/mall/all")).status == 401
            await asyncio.to_thread(applied, tmp_path / "data", PUBLIC)
            await becomes(server, 200)

    asyncio.run(run())


def test_a_file_that_changes_is_applied(config: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(MenshenMiddleware(seen_by([]), config=config, data_dir=tmp_path / "data")) as server:
            say(config, PUBLIC)
            await becomes(server, 200)

    asyncio.run(run())


def test_a_later_document_that_needs_envoy_is_refused_and_the_running_one_stays(
    config: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with serving(MenshenMiddleware(seen_by([]), config=config, data_dir=tmp_path / "data")) as server:
            await asyncio.to_thread(applied, tmp_path / "data", LIMITED.replace("path: /all}", "path: /other}"))
            deadline = time.monotonic() + 90
            while not (told := [each for each in caplog.records if each.getMessage() == "revision_refused"]):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)
            assert "more (RateLimit) needs Envoy" in told[0].why  # type: ignore[attr-defined]
            assert (await server.ask("/mall/all")).refusal == NO_STATE

    asyncio.run(run())


def test_without_a_file_the_active_revision_of_the_data_directory_runs(tmp_path: Path) -> None:
    async def run() -> None:
        applied(tmp_path / "data", PUBLIC)
        async with serving(MenshenMiddleware(seen_by([]), data_dir=tmp_path / "data")) as server:
            assert (await server.ask("/mall/all")).status == 200

    asyncio.run(run())


def test_an_application_starts_after_the_gateway_and_stops_before_it(config: Path, tmp_path: Path) -> None:
    async def run() -> None:
        happened: list[str] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            assert (await receive())["type"] == "lifespan.startup"
            happened.append(f"started, keys: {len(middleware.jwks()['keys'])}")
            await send({"type": "lifespan.startup.complete"})
            assert (await receive())["type"] == "lifespan.shutdown"
            happened.append(f"stopped, keys: {len(middleware.jwks()['keys'])}")
            await send({"type": "lifespan.shutdown.complete"})

        middleware = MenshenMiddleware(app, config=config, data_dir=tmp_path / "data")
        server = Server(middleware)
        assert (await server.start())["type"] == "lifespan.startup.complete"
        assert await server.stop() == {"type": "lifespan.shutdown.complete"}
        assert happened == ["started, keys: 1", "stopped, keys: 1"]
        assert middleware.jwks() == {"keys": []}

    asyncio.run(run())


def test_it_is_added_to_a_starlette_application_like_any_middleware(config: Path, tmp_path: Path) -> None:
    async def told(request: Request) -> JSONResponse:
        return JSONResponse(
            [request.url.path, request.headers["x-menshen-user"], request.headers.get("x_menshen_user")]
        )

    async def run() -> None:
        say(config, PUBLIC.replace("strip_prefix: true, ", ""))
        ours = Middleware(MenshenMiddleware, config=config, data_dir=tmp_path / "data")
        async with serving(Starlette(routes=[Route("/mall/all", told)], middleware=[ours])) as server:
            reply = await server.ask("/mall//x/../all", ("X-Menshen-User", "forged"), ("x_menshen_user", "forged"))
            assert reply.json == ["/mall/all", "", None]

    asyncio.run(run())


def test_a_server_that_gives_no_raw_path_is_not_believed(config: Path, tmp_path: Path) -> None:
    async def run() -> None:
        say(config, PUBLIC)
        async with serving(MenshenMiddleware(seen_by([]), config=config, data_dir=tmp_path / "data")) as server:
            assert (await server.ask("/mall/all")).status == 200
            assert (await server.ask("/mall/all", raw_path=None)).refusal == (500, 5005, "internal_fault")

    asyncio.run(run())


@pytest.mark.parametrize("host", ["", "a b", "a@b", "a, b", "a/b"])
def test_a_host_that_is_none_is_refused(host: str, config: Path, tmp_path: Path) -> None:
    async def run() -> None:
        say(config, PUBLIC)
        async with serving(MenshenMiddleware(seen_by([]), config=config, data_dir=tmp_path / "data")) as server:
            for headers in ([(b"host", host.encode())], [(b"host", b"x"), (b"host", b"y")], []):
                assert (await server.ask("/mall/all", headers=headers)).refusal[2] == "malformed_request"

    asyncio.run(run())


def test_an_application_sees_the_path_that_was_matched_and_the_body_in_its_pieces(config: Path, tmp_path: Path) -> None:
    async def run() -> Scope:
        say(config, PUBLIC)
        scopes: list[Scope] = []
        async with serving(MenshenMiddleware(seen_by(scopes), config=config, data_dir=tmp_path / "data")) as server:
            await server.ask("/mall/%61ll?a=%2F", chunks=(b"a", b"b" * 20_000, b"c"))
        return scopes[0]

    scope = asyncio.run(run())
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/all", b"/all", b"a=%2F")
    assert scope["body"] == b"a" + b"b" * 20_000 + b"c"


@pytest.mark.parametrize(
    ("hops", "said", "address"),
    [
        (0, "203.0.113.5", "192.0.2.9"),
        (1, "198.51.100.1, 203.0.113.5", "203.0.113.5"),
        (2, "198.51.100.1, 203.0.113.5", "198.51.100.1"),
        (3, "198.51.100.1, 203.0.113.5", "192.0.2.9"),
        (1, "nonsense", "192.0.2.9"),
    ],
)
def test_the_caller_is_who_the_trusted_proxies_say(hops: int, said: str, address: str) -> None:
    scope = {
        "type": "http",
        "raw_path": b"/",
        "query_string": b"",
        "client": ("192.0.2.9", 1),
        "headers": [(b"host", b"x"), (b"x-forwarded-for", said.encode())],
    }
    arrival = arrival_of(scope, lambda _: False, hops)
    assert arrival is not None
    assert arrival.client == address


@pytest.mark.parametrize("answers", [True, False], ids=["a server that can answer", "one that cannot"])
def test_a_handshake_is_refused_where_only_a_request_can_be_judged(answers: bool, config: Path, tmp_path: Path) -> None:
    """A key pair signs a request's body; the gateway's own API has no sockets at all."""

    async def run() -> None:
        say(config, with_plugin("KeyPair", JUDGED["KeyPair"]))
        extensions = {"websocket.http.response": {}} if answers else None
        async with serving(MenshenMiddleware(seen_by([]), config=config, data_dir=tmp_path / "data")) as server:
            for target in ("/mall/all", "/v1/sessions"):
                sent = await server.shake(target, ("user_session", "x"), extensions=extensions)
                if answers:
                    assert [each["type"] for each in sent] == [
                        "websocket.http.response.start",
                        "websocket.http.response.body",
                    ]
                    assert (sent[0]["status"], b"malformed_request" in sent[1]["body"]) == (403, True)
                else:
                    assert [each["type"] for each in sent] == ["websocket.close"]

    asyncio.run(run())


def test_a_kind_of_scope_that_nobody_knows_reaches_no_application(config: Path, tmp_path: Path) -> None:
    async def run() -> None:
        scopes: list[Scope] = []
        async with serving(MenshenMiddleware(seen_by(scopes), config=config, data_dir=tmp_path / "data")) as server:
            with pytest.raises(ValueError, match="webtransport"):
                await server.ask("/mall/all", type="webtransport")
        assert scopes == []

    asyncio.run(run())


def test_a_request_that_breaks_the_judge_is_refused(
    config: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        scopes: list[Scope] = []
        async with serving(MenshenMiddleware(seen_by(scopes), config=config, data_dir=tmp_path / "data")) as server:
            assert (await server.ask("/mall/all", client=7)).refusal == (500, 5005, "internal_fault")
        assert scopes == []
        assert "request_not_judged" in [each.getMessage() for each in caplog.records]

    asyncio.run(run())
