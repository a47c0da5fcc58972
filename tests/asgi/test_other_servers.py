"""The middleware under servers that are not ours: each the real one, with what of a server it leans on."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from menshen.errors import REFUSALS
from tests.asgi.stage import running_app
from tests.edge import test_websocket
from tests.edge.conftest import APPID, DOCUMENT, Stack
from tests.edge.processes import REPOSITORY
from tests.edge.test_error_table import PROVOKED

SERVERS = ("uvicorn", "hypercorn")
REASONS = (
    *("session_missing", "session_invalid", "session_expired", "session_revoked", "refresh_reused", "code_used"),
    *("ambiguous_credential", "body_malformed", "body_too_large", "client_sent_secret", "platform_limit"),
    *("no_such_route", "method_not_allowed", "malformed_request", "platform_says_busy", "user_blocked"),
)


@pytest.fixture(scope="module", params=SERVERS)
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_app(tmp_path_factory.mktemp(request.param), DOCUMENT, server=request.param) as running:
        yield running


def test_a_login_reaches_the_application_and_gives_the_client_its_state(stack: Stack) -> None:
    login = stack.gateway("/mall/login", ("js_code", stack.code("zhangsan")), ("X-Menshen-Openid", "forged"))
    assert login.status == 200
    assert login.identity["x-menshen-appid"] == APPID
    assert login.identity["x-menshen-openid"] != "forged"
    check = stack.gateway("/mall/orders/1?a=%2f&b=1;2", ("user_session", login.headers["user_session"]))
    assert check.identity["x-menshen-user"] == login.identity["x-menshen-user"] != ""
    assert (check.json["path"], check.json["query"]) == ("/mall/orders/1", "a=%2f&b=1;2")
    assert "user_session" not in check.seen


@pytest.mark.parametrize("name", ["X-Menshen-User", "x_menshen_user", "X-MENSHEN_User", "X-WX-OPENID"])
def test_no_client_says_who_he_is(name: str, stack: Stack) -> None:
    reply = stack.gateway("/mall/news", (name, "forged"))
    assert "forged" not in reply.raw.decode()


@pytest.mark.parametrize("reason", REASONS)
def test_a_refusal_has_its_true_status_and_its_body(reason: str, stack: Stack) -> None:
    status, provoke = PROVOKED[reason]
    assert provoke(stack).refusal == (status, REFUSALS[reason].code, reason)


def test_a_body_streams_through_as_it_comes(stack: Stack) -> None:
    """No server may wait for all of it: the application hears of the first part before the second is sent."""
    connection = http.client.HTTPConnection(stack.gateway.host, stack.gateway.port, timeout=90)
    connection.putrequest("POST", "/mall/orders/1?stream=1")
    connection.putheader("user_session", stack.log_in("zhangsan"))
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    connection.send(b"5\r\nfirst\r\n")
    response = connection.getresponse()
    assert response.status == 200
    assert response.read(5) == b"first"
    connection.send(b"6\r\nsecond\r\n0\r\n\r\n")
    assert response.read() == b"second"
    connection.close()


def test_a_large_body_comes_whole(stack: Stack) -> None:
    state = ("user_session", stack.log_in("zhangsan"))
    reply = stack.gateway("/mall/orders/1", state, method="POST", body=b"\0x" * 500_000)
    assert (reply.status, reply.json["body_bytes"]) == (200, 1_000_000)


def test_a_handshake_without_a_login_state_is_refused(stack: Stack) -> None:
    test_websocket.test_a_handshake_without_a_login_state_is_refused(stack)


def test_a_handshake_with_one_reaches_the_application_with_identity(stack: Stack) -> None:
    test_websocket.test_a_handshake_with_one_reaches_the_backend_with_identity(stack)


@pytest.mark.parametrize("server", SERVERS)
def test_it_stops_with_its_server(server: str, tmp_path: Path) -> None:
    with running_app(tmp_path, DOCUMENT, server=server) as running:
        assert running.gateway("/mall/orders/1").status == 401
        running.serve.process.send_signal(signal.SIGTERM)
        assert running.serve.process.wait(60) == 0
        said = running.serve.log.read_text()
    assert said.count("stopped") == 1
    assert '"level":"ERROR"' not in said


@pytest.mark.parametrize("server", SERVERS)
def test_a_document_that_does_not_hold_stops_the_server(server: str, tmp_path: Path) -> None:
    config = tmp_path / "menshen.yaml"
    config.write_text("version: 1\nunknown: 1\n")
    arguments = ["-m", "tests.asgi.served", str(config), str(tmp_path / "data"), server]
    run = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=REPOSITORY, timeout=180)
    assert run.stdout == ""
    assert "unknown" in run.stderr
