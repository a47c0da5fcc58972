"""Questions over TLS: who must show what to whom before anything is said."""

from __future__ import annotations

import contextlib
import http.client
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.conftest import Stack, running_stack
from tests.integrate.authority import Authority
from tests.integrate.conftest import PORTABLE
from tests.integrate.proxies import FRONTS, Front, verify_of

NAME = "menshen.internal"
SHUT_OUT = (503, 5004, "brain_unavailable")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "proxies")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"), "strangers")


@pytest.fixture(scope="module")
def asked(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    certificate, key = authority.issue(NAME)
    tls = ("--verify-cert", str(certificate), "--verify-key", str(key), "--verify-client-ca", str(authority.file))
    options = ("--workers", "1", "--verify", "127.0.0.1:0", *tls)
    with running_stack(tmp_path_factory.mktemp("tls"), PORTABLE, *options) as running:
        yield running


def asking_by(authority: Authority, shown: Authority | None = None, name: str = NAME) -> tuple[str, ...]:
    """Options of a proxy that trusts one authority, and has a certificate of another."""
    options = ("--verify-ca", str(authority.file), "--verify-name", name)
    if shown is None:
        return options
    certificate, key = shown.issue("proxy")
    return *options, "--client-cert", str(certificate), "--client-key", str(key)


def answered(connection: http.client.HTTPConnection) -> tuple[int, bytes]:
    """What somebody is told who asks by himself."""
    with contextlib.closing(connection):
        connection.request("GET", "/verify")
        answer = connection.getresponse()
        return answer.status, answer.read()


@pytest.mark.parametrize("proxy", FRONTS)
def test_a_proxy_with_a_certificate_is_answered(proxy: str, asked: Stack, authority: Authority, tmp_path: Path) -> None:
    front: Front = FRONTS[proxy]
    with front(asked, tmp_path, options=asking_by(authority, authority)) as running:
        login = running.gateway("/mall/login", ("js_code", running.code("zhangsan")))
        check = running.gateway("/mall/orders/1", ("user_session", login.headers["user_session"]))
        assert check.identity["x-menshen-user"] == login.identity["x-menshen-user"] != ""
        assert running.gateway("/mall/orders/1").refusal == (401, 4001, "session_missing")
        assert running.gateway("/v1/me", ("user_session", login.headers["user_session"])).json["uid"]


@pytest.mark.parametrize("proxy", FRONTS)
def test_a_proxy_without_one_lets_nobody_in(proxy: str, asked: Stack, authority: Authority, tmp_path: Path) -> None:
    front: Front = FRONTS[proxy]
    with front(asked, tmp_path, options=asking_by(authority)) as running:
        assert running.gateway("/mall/news").refusal == SHUT_OUT
        assert running.gateway("/v1/me").refusal == SHUT_OUT


@pytest.mark.parametrize("proxy", FRONTS)
def test_a_proxy_tells_nobody_a_login_state_who_is_not_menshen(
    proxy: str, asked: Stack, authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    front: Front = FRONTS[proxy]
    for options, place in (
        (asking_by(stranger, authority), tmp_path / "authority"),
        (asking_by(authority, authority, "other.internal"), tmp_path / "name"),
    ):
        place.mkdir()
        with front(asked, place, options=options) as running:
            assert running.gateway("/mall/news").refusal == SHUT_OUT


def test_nothing_is_answered_in_the_clear(asked: Stack) -> None:
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        answered(http.client.HTTPConnection(verify_of(asked), timeout=90))


def test_who_shows_none_or_a_strangers_gets_no_answer(asked: Stack, authority: Authority, stranger: Authority) -> None:
    for shown in (None, stranger):
        context = ssl.create_default_context(cafile=authority.file)
        context.check_hostname = False
        if shown is not None:
            context.load_cert_chain(*shown.issue("proxy"))
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            answered(http.client.HTTPSConnection(verify_of(asked), timeout=90, context=context))


def test_who_shows_one_and_knows_no_secret_is_told_nothing(asked: Stack, authority: Authority) -> None:
    context = ssl.create_default_context(cafile=authority.file)
    context.check_hostname = False
    context.load_cert_chain(*authority.issue("proxy"))
    assert answered(http.client.HTTPSConnection(verify_of(asked), timeout=90, context=context)) == (403, b"")
