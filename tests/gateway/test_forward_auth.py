"""Decisions as other proxies can carry them."""

from __future__ import annotations

import json

from menshen.errors import BrainUnavailable, PlatformLimit
from menshen.gateway.answer import Answer, answer_json, answer_refusal
from menshen.gateway.forward_auth import ANSWERED, numbered, told, with_request
from menshen.gateway.identity import Told

LEAVE = Answer(True, 200, [(b"x-menshen-user", b"u1")])
COOKIES = [(b"set-cookie", b"a=1; Path=/"), (b"set-cookie", b"b=2; Path=/v1/token")]


def test_an_answer_of_the_gateways_own_is_never_leave_to_pass() -> None:
    own = answer_json({"session": "s"}, [])
    assert told(own, "plain").status == ANSWERED
    assert not 200 <= ANSWERED < 300
    assert told(own, "nginx").status == 403
    assert (b"x-menshen-status", b"200") in told(own, "nginx").headers


def test_nginx_gets_status_body_and_the_time_to_wait_in_headers() -> None:
    headers = dict(told(answer_refusal(PlatformLimit(), "r1"), "nginx").headers)
    assert headers[b"x-menshen-status"] == b"429"
    assert headers[b"retry-after"] == b"60"
    assert json.loads(headers[b"x-menshen-body"])["reason"] == "platform_limit"


def test_no_body_can_break_a_header() -> None:
    own = answer_json({"text": 'line\r\nx-menshen-user: forged "门神"'}, [])
    body = dict(told(own, "nginx").headers)[b"x-menshen-body"]
    assert body.isascii()
    assert not {b"\r", b"\n"} & set(body.split())
    assert json.loads(body) == {"text": 'line\r\nx-menshen-user: forged "门神"'}


def test_a_cookie_beside_leave_to_pass_stands_by_itself() -> None:
    headers = with_request(Answer(True, 200, list(COOKIES)), b"", b"/x", "nginx").headers[:2]
    assert headers == [(b"x-menshen-set-cookie-1", COOKIES[0][1]), (b"x-menshen-set-cookie-2", COOKIES[1][1])]


def test_a_backend_gets_the_cookies_that_are_left() -> None:
    assert dict(with_request(LEAVE, b"a=1", b"/").headers)[b"x-menshen-cookie"] == b"a=1"
    ours = Answer(True, 200, [(b"cookie", b"a=1")])
    assert dict(with_request(ours, b"a=1; user_session=s", b"/").headers)[b"x-menshen-cookie"] == b"a=1"
    alone = Answer(True, 200, [(b"x-envoy-auth-headers-to-remove", b"cookie")])
    assert dict(with_request(alone, b"user_session=s", b"/").headers)[b"x-menshen-cookie"] == b""


def test_an_identity_header_that_a_route_does_not_have_is_said_to_be_empty() -> None:
    headers = dict(with_request(LEAVE, b"", b"/", names=numbered([b"x-menshen-user", b"x-other"])).headers)
    assert (headers[b"x-menshen-user"], headers[b"x-other"]) == (b"u1", b"")


def test_to_nginx_nothing_is_said_that_is_empty() -> None:
    anonymous = Answer(True, 200, [(b"x-menshen-user", b""), (b"x-menshen-app", b"shop")])
    headers = with_request(anonymous, b"", b"/", "nginx", numbered([b"x-other", b"x-menshen-user"])).headers
    assert [header for header in headers if header[1]] == [(b"x-menshen-app", b"shop"), (b"x-menshen-target", b"/")]
    assert not {b"0", b"1", b"x-menshen-user"} & dict(headers).keys()


def test_nginx_is_told_an_identity_by_number() -> None:
    names = numbered([b"x-menshen-app", b"x-menshen-user"])
    assert dict(with_request(LEAVE, b"", b"/", "nginx", names).headers)[b"1"] == b"u1"
    assert dict(with_request(LEAVE, b"", b"/", "plain", names).headers)[b"x-menshen-user"] == b"u1"


def test_nginx_is_told_an_identity_that_is_kept_as_each_revision_numbers_it() -> None:
    kept = Told(((b"x-menshen-user", b"u1"), (b"x-menshen-account", b"")))
    leave = Answer(True, 200, [*kept.headers, (b"x-menshen-uid", b"u1")], who=kept)
    for others in ([], [b"x-menshen-app"], []):
        names = numbered([*others, b"x-menshen-user", b"x-menshen-account"])
        told_as = with_request(leave, b"", b"/", "nginx", names).headers
        number = b"%d" % len(others)
        assert told_as == [(number, b"u1"), (b"x-menshen-uid", b"u1"), (b"x-menshen-target", b"/")]
    assert dict(with_request(leave, b"", b"/", "plain", names).headers)[b"x-menshen-account"] == b""


def test_what_stands_beside_an_identity_that_is_kept_is_told_as_ever() -> None:
    kept = Told(((b"x-menshen-user", b"u1"),))
    beside = [(b"cookie", b"b=1"), *COOKIES]
    leave = Answer(True, 200, [*kept.headers, *beside], who=kept)
    anew = Answer(True, 200, [*kept.headers, *beside])
    for dialect in ("plain", "nginx", "traefik", "envoy"):
        assert with_request(leave, b"a=1; b=1", b"/", dialect) == with_request(anew, b"a=1; b=1", b"/", dialect)


def test_words_to_envoy_stay_with_envoy() -> None:
    left = Answer(True, 200, [(b"x-envoy-auth-headers-to-remove", b"cookie"), (b"cookie", b"b=1")])
    for dialect in ("plain", "nginx", "traefik", "envoy"):
        names = dict(with_request(left, b"a=1; b=1", b"/", dialect).headers).keys()
        assert names == {b"x-menshen-cookie", b"x-menshen-target"}


def test_a_refusal_has_nothing_of_the_request() -> None:
    refused = answer_refusal(PlatformLimit(), "r1")
    assert with_request(refused, b"a=1", b"/x") == refused


def test_traefik_copies_by_name_so_nothing_internal_is_said() -> None:
    answer = with_request(Answer(True, 200, [(b"x-menshen-user", b"u1"), *COOKIES]), b"a=1", b"/x", "traefik")
    headers = told(answer, "traefik", "r1").headers
    assert headers == [(b"x-menshen-user", b"u1"), *COOKIES, (b"cookie", b"a=1"), (b"x-request-id", b"r1")]
    assert told(answer_json({"session": "s"}, []), "traefik").status == ANSWERED


def test_an_envoy_that_is_not_ours_gets_what_is_the_clients_under_another_name() -> None:
    answer = with_request(Answer(True, 200, [(b"user_session", b"s"), *COOKIES[:1]]), b"user_session=s", b"/x", "envoy")
    headers = dict(told(answer, "envoy", given={b"user_session"}).headers)
    assert headers[b"x-menshen-give-user_session"] == b"s"
    assert headers[b"x-menshen-set-cookie-1"] == COOKIES[0][1]
    assert b"user_session" not in headers


def test_an_envoy_takes_no_5xx_for_a_failure_of_ours() -> None:
    refused = told(answer_refusal(BrainUnavailable(), "r1"), "envoy")
    assert (refused.status, dict(refused.headers)[b"x-menshen-status"]) == (ANSWERED, b"503")
    limited = told(answer_refusal(PlatformLimit(), "r1"), "envoy")
    assert (limited.status, b"x-menshen-status" in dict(limited.headers)) == (429, False)
