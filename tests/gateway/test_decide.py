"""The brain's table: what each kind of request gets on each kind of route."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from menshen.errors import Refusal
from menshen.gateway.decide import RouteTable, decide
from menshen.gateway.decision import Allow, Deny, Exchange
from menshen.gateway.request import AuthRequest
from menshen.sessions.claims import SessionClaims
from menshen.sessions.states import States
from tests.gateway.samples import NOW, SHOP, SNAPSHOT, nobody

Ask = Callable[..., AuthRequest]


def reason(decision: object) -> str:
    assert isinstance(decision, Deny), decision
    return decision.refusal.reason


def test_an_unknown_route_is_refused(ask: Ask, routes: RouteTable, sessions: States) -> None:
    assert reason(decide(ask("nowhere"), routes, sessions.open, nobody, NOW)) == "route_stale"


def test_another_revisions_checksum_is_refused(routes: RouteTable, sessions: States) -> None:
    request = AuthRequest(route="mall/order@" + "0" * 32, headers={})
    assert reason(decide(request, routes, sessions.open, nobody, NOW)) == "route_stale"


@pytest.mark.parametrize("stamp", ["", "@", "mall/order", f"@{SNAPSHOT.checksum}", f"mall/order@{SNAPSHOT.checksum} "])
def test_a_stamp_that_is_not_exactly_ours_is_refused(stamp: str, routes: RouteTable, sessions: States) -> None:
    assert reason(decide(AuthRequest(route=stamp, headers={}), routes, sessions.open, nobody, NOW)) == "route_stale"


def test_a_public_route_passes_without_identity(ask: Ask, routes: RouteTable, sessions: States) -> None:
    decision = decide(ask("static", user_session="junk"), routes, sessions.open, nobody, NOW)
    assert isinstance(decision, Allow)
    assert decision.claims is None


def test_no_login_state_is_refused(ask: Ask, routes: RouteTable, sessions: States) -> None:
    assert reason(decide(ask("order"), routes, sessions.open, nobody, NOW)) == "session_missing"


def test_an_empty_login_state_counts_as_none(ask: Ask, routes: RouteTable, sessions: States) -> None:
    """The mini program of the TSF page sends ``getStorageSync('user_session') || ''``."""
    assert reason(decide(ask("order", user_session=""), routes, sessions.open, nobody, NOW)) == "session_missing"


def test_an_optional_route_passes_the_anonymous(ask: Ask, routes: RouteTable, sessions: States) -> None:
    decision = decide(ask("news"), routes, sessions.open, nobody, NOW)
    assert isinstance(decision, Allow)
    assert decision.claims is None


def test_an_optional_route_refuses_a_forged_state(ask: Ask, routes: RouteTable, sessions: States) -> None:
    assert reason(decide(ask("news", user_session="forged"), routes, sessions.open, nobody, NOW)) == "session_invalid"


@pytest.mark.parametrize("api", ["order", "news", "jar"])
def test_a_state_in_the_header_is_checked(
    api: str, ask: Ask, routes: RouteTable, sessions: States, claims: SessionClaims
) -> None:
    decision = decide(ask(api, user_session=sessions.sealed.mint(claims)), routes, sessions.open, nobody, NOW)
    assert isinstance(decision, Allow)
    assert decision.claims == claims


def test_a_state_in_the_query_is_checked(ask: Ask, routes: RouteTable, sessions: States, claims: SessionClaims) -> None:
    decision = decide(
        ask("query", f"a=1&user_session={sessions.sealed.mint(claims)}"), routes, sessions.open, nobody, NOW
    )
    assert isinstance(decision, Allow)
    assert decision.claims == claims


def test_a_state_in_a_cookie_is_checked(ask: Ask, routes: RouteTable, sessions: States, claims: SessionClaims) -> None:
    cookie = f"a=1; user_session={sessions.sealed.mint(claims)}; b=2"
    decision = decide(ask("cookie", cookie=cookie), routes, sessions.open, nobody, NOW)
    assert isinstance(decision, Allow)
    assert decision.claims == claims


def test_a_state_is_too_old_from_its_last_second_on(
    ask: Ask, routes: RouteTable, sessions: States, claims: SessionClaims
) -> None:
    request = ask("order", user_session=sessions.sealed.mint(claims))
    assert isinstance(decide(request, routes, sessions.open, nobody, claims.exp - 0.01), Allow)
    assert reason(decide(request, routes, sessions.open, nobody, claims.exp)) == "session_expired"


def test_a_state_of_another_app_is_refused(
    ask: Ask, routes: RouteTable, sessions: States, claims: SessionClaims
) -> None:
    request = ask("other", user_session=sessions.sealed.mint(claims))
    assert reason(decide(request, routes, sessions.open, nobody, NOW)) == "session_invalid"


@pytest.mark.parametrize(
    ("api", "parts"),
    [
        ("order", {"js_code": "c0de"}),
        ("news", {"js_code": "c0de"}),
        ("query", {"query": "js_code=c0de"}),
        ("cookie", {"cookie": "x=1; js_code=c0de"}),
        ("body", {"body": b'{"js_code": "c0de"}', "content__type": "application/json"}),
        ("body", {"body": b"js_code=c0de", "content__type": "application/x-www-form-urlencoded; charset=utf-8"}),
    ],
    ids=["header", "header on an optional route", "query", "cookie", "JSON body", "form body"],
)
def test_a_code_at_its_position_is_a_login(
    api: str, parts: dict[str, str], ask: Ask, routes: RouteTable, sessions: States
) -> None:
    decision = decide(ask(api, **parts), routes, sessions.open, nobody, NOW)
    assert isinstance(decision, Exchange)
    assert decision.code == "c0de"
    assert decision.received == NOW


def test_a_new_code_beats_an_old_state(ask: Ask, routes: RouteTable, sessions: States, claims: SessionClaims) -> None:
    request = ask("order", js_code="c0de", user_session=sessions.sealed.mint(claims))
    assert isinstance(decide(request, routes, sessions.open, nobody, NOW), Exchange)


STATE = "state.of.somebody"

REFUSED = {
    "an empty code": ("order", {"js_code": ""}, "code_malformed"),
    "a code that adds a parameter": ("order", {"js_code": "abc&appid=wxevil"}, "code_malformed"),
    "a code with an escaped ampersand": ("order", {"js_code": "abc%26appid=wxevil"}, "code_malformed"),
    "a code with a line break": ("body", {"body": b'{"js_code":"a\\nb"}', "content__type": "application/json"},
                                 "code_malformed"),
    "a code of 10 KB": ("order", {"js_code": "a" * 10_240}, "code_malformed"),
    "a code that is a number": ("body", {"body": b'{"js_code":5}', "content__type": "application/json"},
                                "body_malformed"),
    "two codes in one header": ("order", {"js_code": "abc,def"}, "ambiguous_credential"),
    "two codes in the query": ("query", {"query": "js_code=a&js_code=b"}, "ambiguous_credential"),
    "a code under an escaped name": ("query", {"query": "js%5Fcode=a"}, "ambiguous_credential"),
    "two codes in a JSON body": (
        "body", {"body": b'{"js_code":"a","js_code":"b"}', "content__type": "application/json"},
        "ambiguous_credential"),
    "two states in one header": ("order", {"user_session": f"{STATE},{STATE}"}, "ambiguous_credential"),
    "a state in header and query": ("order", {"user_session": STATE, "query": f"user_session={STATE}"},
                                    "ambiguous_credential"),
    "a state in header and cookie": ("order", {"user_session": STATE, "cookie": f"user_session={STATE}"},
                                     "ambiguous_credential"),
    "a state in the wrong place": ("query", {"user_session": STATE}, "ambiguous_credential"),
    "two states in the query": ("query", {"query": f"user_session={STATE}&user_session={STATE}"},
                                "ambiguous_credential"),
    "two states in cookies": ("cookie", {"cookie": f"user_session={STATE}; user_session={STATE}"},
                              "ambiguous_credential"),
    "a JSON body that is a list": ("body", {"body": b"[1]", "content__type": "application/json"}, "body_malformed"),
    "a JSON body cut short": ("body", {"body": b'{"js_code":', "content__type": "application/json"},
                              "body_malformed"),
    "a JSON body of brackets": ("body", {"body": b"[" * 8000, "content__type": "application/json"},
                                "body_malformed"),
    "a body over the limit": ("body", {"body": b"{", "partial": True, "content__type": "application/json"},
                              "body_too_large"),
    "a secret in a header": ("order", {"js_code": "abc", "secret": "x"}, "client_sent_secret"),
    "a secret in a header, no code": ("order", {"appsecret": "x"}, "client_sent_secret"),
    "a secret in the query": ("query", {"query": "js_code=abc&secret=x"}, "client_sent_secret"),
    "a secret in the body": (
        "body", {"body": b'{"js_code":"abc","secret":"x"}', "content__type": "application/json"},
        "client_sent_secret"),
    "the secret itself under another name": (
        "order", {"js_code": "abc", "query": f"k={SHOP.secret.reveal()}"}, "client_sent_secret"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_has_its_own_reason(name: str, ask: Ask, routes: RouteTable, sessions: States) -> None:
    api, parts, expected = REFUSED[name]
    assert reason(decide(ask(api, **parts), routes, sessions.open, nobody, NOW)) == expected


def test_an_upload_with_a_state_is_not_refused_for_its_size(
    ask: Ask, routes: RouteTable, sessions: States, claims: SessionClaims
) -> None:
    request = ask("body", body=b"x" * 8192, partial=True, user_session=sessions.sealed.mint(claims))
    assert isinstance(decide(request, routes, sessions.open, nobody, NOW), Allow)


def test_a_body_of_another_kind_is_not_looked_into(
    ask: Ask, routes: RouteTable, sessions: States, claims: SessionClaims
) -> None:
    request = ask("body", body=b"\xff\xd8", content__type="image/jpeg", user_session=sessions.sealed.mint(claims))
    assert isinstance(decide(request, routes, sessions.open, nobody, NOW), Allow)


def test_a_cookie_jar_that_sends_our_cookie_back_is_no_second_credential(
    ask: Ask, routes: RouteTable, sessions: States, claims: SessionClaims
) -> None:
    state = sessions.sealed.mint(claims)
    request = ask("jar", user_session=state, cookie=f"user_session={state}")
    assert isinstance(decide(request, routes, sessions.open, nobody, NOW), Allow)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    api=st.sampled_from([route.api for route in SNAPSHOT.routes]),
    query=st.binary(max_size=60),
    body=st.none() | st.binary(max_size=60),
    headers=st.dictionaries(
        st.sampled_from([b"user_session", b"js_code", b"cookie", b"content-type", b"secret"]), st.binary(max_size=60)
    ),
)
def test_nothing_a_request_contains_gets_through_or_raises(
    api: str,
    query: bytes,
    body: bytes | None,
    headers: dict[bytes, bytes],
    routes: RouteTable,
    sessions: States,
) -> None:
    request = AuthRequest(f"mall/{api}@{SNAPSHOT.checksum}", headers, query, body)
    decision = decide(request, routes, sessions.open, nobody, NOW)
    if isinstance(decision, Allow):
        assert decision.claims is None
        assert decision.route.access != "required"
    elif isinstance(decision, Deny):
        assert isinstance(decision.refusal, Refusal)
