"""Plain headers are believed where the operator says so, and nowhere else."""

from __future__ import annotations

import pytest

from menshen.backend import AssertionInvalid, AssertionMissing, Caller, TrustedNetwork, Verifier
from menshen.backend.headers import asgi_headers, forget_plain, wsgi_headers
from tests.backend.issuer import CLAIMS, NOW, UID, Ring

TOLD = [
    ("x-menshen-user", UID),
    ("x-menshen-platform", "wechat"),
    ("x-menshen-appid", CLAIMS.appid),
    ("x-menshen-openid", CLAIMS.openid),
    ("x-menshen-unionid", ""),
    ("x-menshen-account", "e-1"),
    ("x-menshen-session", CLAIMS.sid),
    ("x-menshen-assertion", ""),
    ("x-menshen-claim-member-level", "gold"),
    ("x-menshen-claim-city", ""),
]


def test_they_tell_the_caller() -> None:
    assert TrustedNetwork().caller(TOLD) == Caller(
        uid=UID,
        session=CLAIMS.sid,
        platform="wechat",
        appid=CLAIMS.appid,
        openid=CLAIMS.openid,
        account="e-1",
        claims={"member_level": "gold"},
    )


def test_they_are_nothing_to_a_verifier() -> None:
    with pytest.raises(AssertionMissing):
        Verifier("orders", Ring().published, clock=lambda: NOW).caller(TOLD)


@pytest.mark.parametrize("headers", [[], [("x-menshen-user", "")]])
def test_an_empty_user_is_nobody(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(AssertionMissing):
        TrustedNetwork().caller(headers)


@pytest.mark.parametrize("name", [name for name, _ in TOLD])
def test_a_header_that_comes_twice_is_refused(name: str) -> None:
    with pytest.raises(AssertionInvalid):
        TrustedNetwork().caller([*TOLD, (name, "x")])


@pytest.mark.parametrize("uid", [f"{UID},{UID}", f"{UID} ", "U", "u\n", "ü", "u" * 65])
def test_what_is_no_id_is_refused(uid: str) -> None:
    with pytest.raises(AssertionInvalid):
        TrustedNetwork().caller([("x-menshen-user", uid)])


def test_asgi_headers_are_those_of_the_gateway_repeated_ones_twice() -> None:
    raw = [(b"host", b"a"), (b"X-Menshen-User", b"u1"), (b"x-menshen-user", b"u2"), (b"x_menshen_user", b"u3")]
    assert asgi_headers(raw) == [("x-menshen-user", "u1"), ("x-menshen-user", "u2")]


def test_wsgi_headers_are_those_of_the_gateway() -> None:
    environ = {"HTTP_HOST": "a", "HTTP_X_MENSHEN_CLAIM_MEMBER_LEVEL": "gold", "wsgi.input": object()}
    assert wsgi_headers(environ) == [("x-menshen-claim-member-level", "gold")]


def test_plain_ones_are_taken_out_of_an_environ_in_any_spelling() -> None:
    environ = {
        "HTTP_X_MENSHEN_USER": "u",
        "HTTP_X_MENSHEN_CLAIM_LEVEL": "gold",
        "HTTP_X.MENSHEN.USER": "u",
        "HTTP_X_MENSHEN_ASSERTION": "a",
        "HTTP_XMENSHEN": "b",
        "HTTP_HOST": "c",
    }
    forget_plain(environ)
    assert sorted(environ) == ["HTTP_HOST", "HTTP_XMENSHEN", "HTTP_X_MENSHEN_ASSERTION"]
