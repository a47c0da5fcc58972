"""The team's checker of tokens: where the token goes, and which answers count."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from menshen.callouts.checker import Verdict, checked_token, verdict_on
from menshen.config.route_rules import OAuthRules, TokenAt
from menshen.errors import CheckerUnavailable
from menshen.platforms.base import PlatformReply, PlatformRequest
from menshen.secret import Secret
from tests.callouts.service import calling

TOKEN = Secret("planted-token.of~caller")
HEADER, QUERY = TokenAt("header", "authorization", "Bearer "), TokenAt("query", "access_token")


def rules(method: Any = "POST", at: TokenAt = HEADER, url: str = "http://checker.example.com/check") -> OAuthRules:
    return OAuthRules("members", url, method, at, 2.5)


def asked(rules: OAuthRules, authorization: Secret | None = None) -> PlatformRequest:
    return next(verdict_on(rules, TOKEN, authorization))


def answered(status: int, body: bytes) -> Verdict:
    flow = verdict_on(rules(), TOKEN, None)
    next(flow)
    with pytest.raises(StopIteration) as done:
        flow.send(PlatformReply(status, body))
    verdict: Verdict = done.value.value
    return verdict


def test_a_token_of_a_header_travels_in_the_same_header() -> None:
    for method in ("GET", "POST"):
        question = asked(rules(method))
        assert (question.method, question.url, question.timeout) == (method, "http://checker.example.com/check", 2.5)
        assert question.headers == {"authorization": Secret("Bearer planted-token.of~caller")}
        assert question.query == {}
        assert question.json == (None if method == "GET" else {"token": TOKEN})


def test_a_token_of_the_query_is_in_the_url_with_get_alone() -> None:
    get, post = asked(rules("GET", QUERY)), asked(rules("POST", QUERY))
    assert (get.query, get.json, get.headers) == ({"access_token": TOKEN}, None, {})
    assert (post.query, post.json, post.headers) == ({}, {"token": TOKEN}, {})


def test_authorization_goes_along_and_never_in_the_tokens_place() -> None:
    basic = Secret("Basic abc")
    assert asked(rules("GET", QUERY), basic).headers == {"authorization": basic}
    assert asked(rules(), basic).headers == {"authorization": Secret("Bearer planted-token.of~caller")}


def test_no_token_is_in_the_repr_of_a_question() -> None:
    for each in (asked(rules()), asked(rules("GET", QUERY), Secret("Basic planted-token"))):
        assert "planted" not in repr(each)


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (b'{"result": true, "payload": "u-1"}', Verdict(True, "u-1")),
        (b'{"result": true}', Verdict(True)),
        (b'{"result": false, "payload": null}', Verdict(False)),
        (b'{"result": false, "code": 7, "more": {"a": []}}', Verdict(False)),
    ],
)
def test_what_was_agreed_counts(body: bytes, verdict: Verdict) -> None:
    assert answered(200, body) == verdict


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((status, b'{"result": true}') for status in (201, 204, 301, 302, 400, 401, 403, 500, 503)),
        *((200, body) for body in (b"", b"{}", b"true", b'{"result": "true"}', b'{"result": 1}', b'{"result": null}')),
        *(
            (200, body)
            for body in (b'{"result": true, "payload": 1}', b'{"result": true, "payload": "\xff"}', b"<html>")
        ),
        *(
            (
                200,
                b'{"result": true, "payload": "u' + half + b'"}',
            )  # half of a pair is no text, and would fit no header
            for half in (b"\\ud800\\n", b"\\udc00", b"\xed\xa0\x80")
        ),
    ],
)
def test_everything_else_is_no_answer_and_quotes_nothing(status: int, body: bytes) -> None:
    flow = verdict_on(rules(), TOKEN, None)
    next(flow)
    with pytest.raises(CheckerUnavailable) as failed:
        flow.send(PlatformReply(status, body))
    assert failed.value.__context__ is None
    assert "html" not in str(failed.value)


def test_over_the_network() -> None:
    async def main() -> None:
        async with calling(lambda question: {"result": question["token"] == TOKEN.reveal()}) as (service, callouts):
            at = rules(url=f"{service.origin}/check")
            assert await checked_token(callouts, at, TOKEN, None) == Verdict(True)
            assert await checked_token(callouts, at, Secret("another"), Secret("Basic x")) == Verdict(False)
            first, second = service.calls
            assert first.line == "POST /check HTTP/1.1"
            assert first.headers["authorization"] == f"Bearer {TOKEN.reveal()}"
            assert second.headers["authorization"] == "Bearer another"
            service.answer = lambda question: b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"
            with pytest.raises(CheckerUnavailable):
                await checked_token(callouts, at, TOKEN, None)
            assert len(service.calls) == 3

    asyncio.run(main())


def test_a_checker_that_is_away_is_unavailable_not_the_platform() -> None:
    async def main() -> None:
        async with calling(lambda question: {}) as (_, callouts):
            with pytest.raises(CheckerUnavailable) as failed:
                await checked_token(callouts, rules(url="http://127.0.0.1:9/check"), TOKEN, None)
            assert "planted" not in str(failed.value)

    asyncio.run(main())
