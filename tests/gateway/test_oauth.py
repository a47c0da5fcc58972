"""The token of an OAuth plugin in a request, and the payload in a header."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.config.route_rules import TokenAt
from menshen.errors import AmbiguousCredential, CheckerUnavailable, Refusal, TokenRefused
from menshen.gateway.oauth import PAYLOAD_LIMIT, find_authorization, find_token, payload_value
from menshen.gateway.request import AuthRequest

BEARER = TokenAt("header", "authorization", "Bearer ")
PLAIN = TokenAt("header", "x-token")
QUERY = TokenAt("query", "access_token")


def request(query: bytes = b"", **headers: bytes) -> AuthRequest:
    return AuthRequest("r@c", {name.replace("_", "-").encode(): value for name, value in headers.items()}, query)


def found(request: AuthRequest, at: TokenAt) -> str | None:
    token = find_token(request, at)
    return None if token is None else token.reveal()


def test_a_token_is_found_at_its_position_alone() -> None:
    assert found(request(authorization=b"Bearer abc"), BEARER) == "abc"
    assert found(request(authorization=b"bEARER abc"), BEARER) == "abc"
    assert found(request(x_token=b"abc"), PLAIN) == "abc"
    assert found(request(b"a=1&access_token=a%2Bb"), QUERY) == "a+b"
    assert found(request(b"x-token=abc"), PLAIN) is None
    assert found(request(access_token=b"abc"), QUERY) is None
    assert [found(request(x_token=b""), PLAIN), found(request(b"access_token="), QUERY)] == [None, None]


@pytest.mark.parametrize(
    "value", [b"Bearer", b"Bearer ", b"Bearer  abc", b"Basic abc", b"abc", b"Bearer a b", b"Bearer \xff"]
)
def test_what_is_no_token_is_refused(value: bytes) -> None:
    with pytest.raises(TokenRefused) as refused:
        find_token(request(authorization=value), BEARER)
    assert "abc" not in str(refused.value)


def test_a_token_is_at_most_8_kib() -> None:
    assert found(request(x_token=b"t" * 8192), PLAIN) == "t" * 8192
    with pytest.raises(TokenRefused):
        find_token(request(x_token=b"t" * 8193), PLAIN)


@pytest.mark.parametrize(
    "query", [b"access_token=a&access_token=b", b"access_token=a&%61ccess_token=a", b"%61ccess_token=a"]
)
def test_class_28_two_tokens_are_none(query: bytes) -> None:
    with pytest.raises(AmbiguousCredential):
        find_token(request(query), QUERY)
    with pytest.raises(AmbiguousCredential):
        find_token(request(x_token=b"a,b"), PLAIN)


def test_authorization_is_forwarded_as_it_came() -> None:
    authorization = find_authorization(request(authorization=b"Digest a=1, b=2"))
    assert authorization is not None
    assert authorization.reveal() == "Digest a=1, b=2"
    assert find_authorization(request()) is None
    for value in (b"\xff", b"a\tb", b"a" * 8193):
        with pytest.raises(TokenRefused):
            find_authorization(request(authorization=value))


@given(st.text())
def test_a_payload_is_one_plain_value_and_reads_back(payload: str) -> None:
    try:
        value = payload_value(payload)
    except CheckerUnavailable:
        assert len(payload.encode()) * 3 > PAYLOAD_LIMIT
        return
    assert re.fullmatch(rb"[!-~]*", value)
    assert unquote(value.decode(), errors="strict") == payload


def test_a_payload_has_a_limit_and_is_not_cut() -> None:
    assert payload_value("p" * PAYLOAD_LIMIT) == b"p" * PAYLOAD_LIMIT
    for payload in ("p" * (PAYLOAD_LIMIT + 1), "%" * 1366):
        with pytest.raises(CheckerUnavailable):
            payload_value(payload)


@given(st.binary(max_size=60), st.sampled_from([BEARER, PLAIN]))
def test_whatever_is_sent_is_a_token_or_refused(value: bytes, at: TokenAt) -> None:
    sent = AuthRequest("r@c", {at.name.encode(): value})
    refused: Refusal | None = None
    try:
        token = find_token(sent, at)
    except Refusal as refusal:
        refused = refusal
    if refused is not None:
        assert refused.who == "client"
    else:
        assert token is None or re.fullmatch("[!-~]+", token.reveal())
