"""How sessions live on, and end by age or by their user: refresh, renewal, limits, logout, the client's own API."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest

from tests.edge.conftest import Stack
from tests.edge.load import under_way
from tests.edge.sessions import (
    EXPIRED,
    INVALID,
    KINDS,
    MISSING,
    REUSED,
    REVOKED,
    Login,
    Mint,
    aged,
    check,
    log_in,
    logout,
    over_within,
    payload_of,
    record,
    refresh,
    refused_within,
    renewed,
    session_stack,
    sessions_of,
)
from tests.edge.test_reload import menshen, until

NO_TOKEN = (401, 4001, "refresh_invalid")
BAD_REQUEST = (400, 4000)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with session_stack(tmp_path_factory.mktemp("lifetimes")) as running:
        yield running


def traded(stack: Stack, login: Login) -> Login:
    """The session after one refresh."""
    reply = refresh(stack, login.refresh)
    assert reply.status == 200, reply.raw
    assert reply.json["uid"] == login.uid
    return replace(login, state=reply.json["user_session"], refresh=reply.json["refresh_token"])


# Refresh


@pytest.mark.parametrize("kind", KINDS)
def test_a_refresh_token_gives_a_state_of_the_same_session(kind: str, stack: Stack) -> None:
    login = log_in(stack, kind, "zhangsan")
    for _ in range(6):
        assert check(stack, login).status == 200
    reply = refresh(stack, login.refresh)
    assert reply.status == 200
    assert set(reply.json) == {"user_session", "expires_in", "refresh_token", "refresh_expires_in", "uid"}
    assert (reply.json["expires_in"], reply.json["refresh_expires_in"]) == (7200, 60_000)
    assert reply.headers["user_session"] == reply.json["user_session"] != login.state
    assert reply.headers["refresh_token"] == reply.json["refresh_token"] != login.refresh
    assert reply.headers["cache-control"] == "no-store"
    assert check(stack, login, reply.json["user_session"]).identity["x-menshen-session"] == login.sid
    if kind == "reference":
        # A record has one id: the older one is forgotten within a second, also by a worker that remembered it.
        refused_within([partial(check, stack, login)] * 6, INVALID)
    else:
        assert all(check(stack, login).identity["x-menshen-session"] == login.sid for _ in range(6))


@pytest.mark.parametrize("kind", KINDS)
def test_a_refresh_works_after_the_state_has_expired(kind: str, stack: Stack) -> None:
    login = log_in(stack, kind, "zhangsan")
    old = aged(stack, login, 7300)
    assert check(stack, login, old).refusal == EXPIRED
    fresh = traded(stack, login)
    assert check(stack, fresh).identity["x-menshen-session"] == login.sid
    if kind != "reference":
        assert check(stack, login, old).refusal == EXPIRED


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_is_refused_from_its_end_on(kind: str, stack: Stack) -> None:
    """Envoy compares whole seconds and allows one of skew: the test stays two away from the edge."""
    alive, dead = log_in(stack, kind, "zhangsan"), log_in(stack, kind, "zhangsan")
    assert check(stack, alive, aged(stack, alive, 7200 - 20)).status == 200
    assert check(stack, dead, aged(stack, dead, 7200 + 3)).refusal == EXPIRED


def test_refresh_tokens_that_are_too_old_or_none_of_ours(stack: Stack) -> None:
    login = log_in(stack, "sealed", "zhangsan")
    mint = Mint(stack)
    old = mint.refresh.mint(replace(mint.token(login.refresh), exp=int(time.time()) - 1))
    assert refresh(stack, old).refusal == EXPIRED
    for bad in ("", "garbage", login.refresh[:-4], login.refresh + "A", login.state, "x" * 3000):
        assert refresh(stack, bad).refusal == NO_TOKEN
    nobody = mint.refresh.mint(replace(mint.token(login.refresh), sid="a" * 26))
    assert refresh(stack, nobody).refusal == NO_TOKEN
    assert traded(stack, login), "none of that was held against the session"


def test_bodies_of_the_token_endpoint(stack: Stack) -> None:
    login = log_in(stack, "sealed", "zhangsan")
    form = ("Content-Type", "application/x-www-form-urlencoded")
    json_ = ("Content-Type", "application/json")

    def post(body: bytes, *headers: tuple[str, str]) -> tuple[int, int, str]:
        return stack.gateway("/v1/token", *headers, method="POST", body=body).refusal

    assert post(b"") == NO_TOKEN
    assert post(b"{}", json_) == NO_TOKEN
    for wrong in (b'{"refresh_token": 5}', b'{"refresh_token": null}', b'{"token": "x"}'):
        assert post(wrong, json_) == (400, 4000, "call_malformed")
    assert post(b"[]", json_)[1:] == (4000, "body_malformed")
    assert post(b'{"refresh_token": "a", "refresh_token": "b"}', json_)[2] == "ambiguous_credential"
    assert post(b'{"refresh_token": "' + b"x" * 9000 + b'"}', json_)[2] == "body_too_large"
    token = login.refresh.encode()
    for kind in ((), (form,), (("Content-Type", "text/plain"),)):  # what another site's page can send
        assert post(b"refresh_token=" + token, *kind) == (400, 4000, "call_malformed")
        assert post(b'{"refresh_token": "' + token + b'"}', *kind) == (400, 4000, "call_malformed")
    assert stack.gateway("/v1/token", ("refresh_token", login.refresh), method="POST").refusal == NO_TOKEN
    assert stack.gateway(f"/v1/token?refresh_token={login.refresh}", method="POST").refusal == NO_TOKEN
    assert refresh(stack, login.refresh).status == 200, "none of that used the token up"


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_used_again_ends_the_session_and_all_that_came_of_it(kind: str, stack: Stack) -> None:
    first = log_in(stack, kind, f"reused-{kind}")
    other = log_in(stack, kind, f"reused-{kind}")
    second = traded(stack, first)
    third = traded(stack, second)
    assert check(stack, third).status == 200
    assert refresh(stack, first.refresh).refusal == REUSED
    if kind == "reference":
        over_within(stack, third)
        for older in (first, second):
            assert check(stack, older).refusal == INVALID
    else:
        over_within(stack, first, second, third)
    for state in (first, second, third):
        assert refresh(stack, state.refresh).refusal == REVOKED
    assert record(stack, first.sid)["ended_why"] == "refresh_reuse"
    assert check(stack, other).status == 200, "another session of the user goes on"
    assert traded(stack, other)


@pytest.mark.parametrize("kind", KINDS)
def test_parallel_requests_with_one_token_share_the_outcome(kind: str, stack: Stack) -> None:
    """A client that wakes up sends several: while the database is busy, all of them reach the gateway."""
    login = log_in(stack, kind, f"parallel-{kind}")
    lock = sqlite3.connect(stack.data_dir / "menshen.db", isolation_level=None, timeout=10)
    with ThreadPoolExecutor(16) as pool:
        lock.execute("BEGIN IMMEDIATE")
        sent = [pool.submit(refresh, stack, login.refresh) for _ in range(16)]
        try:
            under_way(stack, 16)
        finally:
            lock.execute("ROLLBACK")
        replies = [each.result() for each in sent]
    lock.close()
    assert [reply.status for reply in replies] == [200] * 16
    mint = Mint(stack)
    assert {mint.token(reply.json["refresh_token"]).generation for reply in replies} == {2}
    assert record(stack, login.sid)["refresh_generation"] == 2
    for reply in replies:
        assert check(stack, login, reply.json["user_session"]).identity["x-menshen-session"] == login.sid
    if kind == "reference":
        assert len({reply.json["user_session"] for reply in replies}) == 1
    after = replace(login, refresh=replies[7].json["refresh_token"], state=replies[7].json["user_session"])
    assert check(stack, traded(stack, after)).status == 200


# Limits and renewal


@pytest.mark.parametrize("kind", KINDS)
def test_a_login_beyond_the_limit_ends_the_oldest_session(kind: str, stack: Stack) -> None:
    where, user = f"few-{kind}", f"many-{kind}"
    stranger = log_in(stack, where, "stranger")
    logins = [log_in(stack, where, user) for _ in range(2)]
    for login in logins:
        assert check(stack, login).status == 200
    third = log_in(stack, where, user)
    over_within(stack, logins[0])
    assert record(stack, logins[0].sid)["ended_why"] == "max_sessions"
    for login in (logins[1], third, stranger):
        assert check(stack, login).status == 200
    assert [session["id"] for session in sessions_of(stack, third.state)] == [third.sid, logins[1].sid]


@pytest.mark.parametrize("kind", KINDS)
def test_an_idle_session_is_carried_on_by_its_requests(kind: str, stack: Stack) -> None:
    """``idle`` is ten minutes, counted in tenths."""
    where = f"idle-{kind}"
    login = log_in(stack, where, "zhangsan")
    young = check(stack, login, aged(stack, login, 30))
    assert young.status == 200
    assert "user_session" not in young.headers

    login = log_in(stack, where, "zhangsan")
    old = aged(stack, login, 300)
    reply = renewed(stack, login, old)
    assert reply.status == 200
    assert reply.identity["x-menshen-session"] == login.sid
    fresh = reply.headers["user_session"]
    if kind == "reference":
        assert fresh == old
        until(lambda: record(stack, login.sid)["state_expires_at"] >= time.time() + 580)
    else:
        claims = Mint(stack).claims(fresh)
        assert claims.sid == login.sid
        assert abs(claims.iat - time.time()) < 30
        assert claims.exp == claims.iat + 600
        assert check(stack, login, old).status == 200, "the older state lives for what it has left"
    after = check(stack, login, fresh)
    assert after.status == 200
    assert "user_session" not in after.headers, "nothing is due again"


@pytest.mark.parametrize("kind", KINDS)
def test_a_session_that_was_idle_for_too_long_is_over(kind: str, stack: Stack) -> None:
    login = log_in(stack, f"idle-{kind}", "zhangsan")
    assert check(stack, login, aged(stack, login, 610)).refusal == EXPIRED


@pytest.mark.parametrize("kind", KINDS)
def test_use_alone_does_not_move_the_end(kind: str, stack: Stack) -> None:
    login = log_in(stack, f"idle-{kind}", "zhangsan")
    if kind == "reference":
        end = record(stack, login.sid)["state_end_at"]
        assert check(stack, login, aged(stack, login, 300)).status == 200
        until(lambda: record(stack, login.sid)["state_expires_at"] >= time.time() + 580)
        assert record(stack, login.sid)["state_end_at"] == end - 300
        return
    end = Mint(stack).claims(login.state).end
    fresh = renewed(stack, login, aged(stack, login, 300)).headers["user_session"]
    assert Mint(stack).claims(fresh).end == end - 300


@pytest.mark.parametrize("kind", KINDS)
def test_a_session_that_slides_gets_its_whole_life_again(kind: str, stack: Stack) -> None:
    where = f"sliding-{kind}"
    login = log_in(stack, where, "zhangsan")
    early = check(stack, login, aged(stack, login, 500))
    assert early.status == 200
    assert "user_session" not in early.headers

    login = log_in(stack, where, "zhangsan")
    reply = renewed(stack, login, aged(stack, login, 700))
    fresh = reply.headers["user_session"]
    if kind == "reference":
        until(lambda: record(stack, login.sid)["state_end_at"] >= time.time() + 1180)
    else:
        claims = Mint(stack).claims(fresh)
        assert claims.end == claims.exp == claims.iat + 1200
        assert abs(claims.iat - time.time()) < 30
    assert check(stack, login, fresh).identity["x-menshen-session"] == login.sid
    assert check(stack, login, aged(stack, log_in(stack, where, "zhangsan"), 1210)).refusal == EXPIRED


def test_a_renewed_cookie_is_a_cookie(stack: Stack) -> None:
    login = stack.gateway("/idle-jar/login", ("js_code", stack.code("zhangsan")))
    state = login.headers["set-cookie"].partition(";")[0].partition("=")[2]
    who = login.identity
    known = Login("idle-jar", state, "", who["x-menshen-user"], who["x-menshen-session"])
    old = aged(stack, known, 300)
    reply = stack.gateway("/idle-jar/orders/1", ("Cookie", f"user_session={old}"))
    assert reply.status == 200
    cookie = reply.headers["set-cookie"].split("; ")
    assert set(cookie[1:]) == {"Path=/", "Max-Age=600", "HttpOnly", "Secure", "SameSite=Lax"}
    assert stack.gateway("/idle-jar/orders/1", ("Cookie", cookie[0])).status == 200
    assert "user_session" not in reply.headers


@pytest.mark.parametrize("kind", KINDS)
def test_a_renewed_state_ends_with_its_session(kind: str, stack: Stack) -> None:
    login = log_in(stack, f"idle-{kind}", "zhangsan")
    old = aged(stack, login, 300)
    fresh = renewed(stack, login, old).headers["user_session"]
    assert logout(stack, fresh).json == {"ended": 1}
    over_within(stack, replace(login, state=old), replace(login, state=fresh))


# Logout


@pytest.mark.parametrize("kind", KINDS)
def test_logout_ends_the_session_everywhere(kind: str, stack: Stack) -> None:
    login, other = (log_in(stack, kind, f"leaver-{kind}") for _ in range(2))
    assert check(stack, login).status == 200
    reply = logout(stack, login.state)
    assert (reply.status, reply.json) == (200, {"ended": 1})
    over_within(stack, login)
    assert refresh(stack, login.refresh).refusal == REVOKED
    assert record(stack, login.sid)["ended_why"] == "logout"
    again = logout(stack, login.state)
    assert (again.status, again.json) == (200, {"ended": 0})
    assert check(stack, other).status == 200


@pytest.mark.parametrize("kind", KINDS)
def test_logout_with_a_state_that_is_too_old_ends_what_could_be_refreshed(kind: str, stack: Stack) -> None:
    login = log_in(stack, kind, "zhangsan")
    old = aged(stack, login, 7300)
    assert check(stack, login, old).refusal == EXPIRED
    reply = logout(stack, old)
    assert (reply.status, reply.json) == (200, {"ended": 1})
    assert refresh(stack, login.refresh).refusal == REVOKED


@pytest.mark.parametrize("kind", ["sealed", "reference"])
def test_logout_clears_the_cookies(kind: str, stack: Stack) -> None:
    login = stack.gateway(f"/jar-{kind}/login", ("js_code", stack.code("zhangsan")))
    state = login.headers["set-cookie"].partition(";")[0]
    reply = stack.gateway("/v1/logout", ("Cookie", state), method="POST")
    assert (reply.status, reply.json) == (200, {"ended": 1})
    cleared = reply.headers["set-cookie"]
    assert "user_session=; Path=/; Max-Age=0;" in cleared
    assert "refresh_token=; Path=/v1/token; Max-Age=0;" in cleared
    refused_within([partial(stack.gateway, f"/jar-{kind}/orders/1", ("Cookie", state))])


@pytest.mark.parametrize("kind", KINDS)
def test_logout_of_all_ends_every_session_of_the_user_and_of_nobody_else(kind: str, stack: Stack) -> None:
    user = f"everywhere-{kind}"
    logins = [log_in(stack, each, user) for each in KINDS]
    stranger = log_in(stack, kind, "stranger")
    own = log_in(stack, kind, user)
    reply = logout(stack, own.state, {"all": True})
    assert (reply.status, reply.json) == (200, {"ended": 4})
    over_within(stack, *logins, own)
    assert check(stack, stranger).status == 200


@pytest.mark.parametrize("kind", KINDS)
def test_logout_of_another_session_of_the_same_user(kind: str, stack: Stack) -> None:
    user = f"two-{kind}"
    lost, own, stranger = log_in(stack, kind, user), log_in(stack, kind, user), log_in(stack, kind, "stranger")
    assert check(stack, lost).status == 200
    reply = logout(stack, own.state, {"session": lost.sid})
    assert (reply.status, reply.json) == (200, {"ended": 1})
    assert "set-cookie" not in reply.headers
    over_within(stack, lost)
    assert check(stack, own).status == 200
    for unknown in (stranger.sid, lost.sid, "a" * 26, "", "x" * 500, "' OR 1=1 --"):
        assert logout(stack, own.state, {"session": unknown}).json == {"ended": 0}, unknown
    assert check(stack, stranger).status == 200


def test_what_logout_refuses(stack: Stack) -> None:
    login = log_in(stack, "sealed", "zhangsan")
    assert stack.gateway("/v1/logout", method="POST").refusal == MISSING
    assert logout(stack, "garbage").refusal == INVALID
    assert logout(stack, login.refresh).refusal == INVALID
    for document in (
        {"all": False},
        {"all": 1},
        {"session": 5},
        {"session": None},
        {"user": login.uid},
    ):
        assert logout(stack, login.state, document).refusal[:2] == BAD_REQUEST, document
    twice = stack.gateway("/v1/logout", ("user_session", login.state), ("user_session", login.state), method="POST")
    assert twice.refusal == (400, 4000, "ambiguous_credential")
    assert check(stack, login).status == 200


@pytest.mark.parametrize("body", ['{"all": true, "session": "%s"}', '{"session": "%s", "session": "%s"}'])
def test_a_logout_that_says_two_things_is_refused(body: str, stack: Stack) -> None:
    login, other = (log_in(stack, "sealed", "doubtful") for _ in range(2))
    body = body.replace("%s", other.sid, 1).replace("%s", login.sid)
    headers = [("user_session", login.state), ("Content-Type", "application/json")]
    assert stack.gateway("/v1/logout", *headers, method="POST", body=body.encode()).refusal[:2] == BAD_REQUEST


def test_others_cannot_be_ended_with_a_state_that_is_over(stack: Stack) -> None:
    for kind in KINDS:
        login, own = log_in(stack, kind, "careful"), log_in(stack, kind, "careful")
        old = aged(stack, own, 7300)
        assert logout(stack, old, {"all": True}).refusal == EXPIRED
        assert logout(stack, old, {"session": login.sid}).refusal == EXPIRED
        assert check(stack, login).status == 200


# The client's own API


@pytest.mark.parametrize("kind", KINDS)
def test_a_user_sees_the_own_sessions(kind: str, stack: Stack) -> None:
    user, agent = f"viewer-{kind}", "MicroMessenger/8.0 (測試) " + "x" * 300
    began = int(time.time())
    first = log_in(stack, kind, user, ("User-Agent", "phone"))
    second = log_in(stack, kind, user, ("User-Agent", agent.encode().decode("latin-1")))
    listed = sessions_of(stack, first.state)
    assert [session["id"] for session in listed] == [second.sid, first.sid]
    assert [session["current"] for session in listed] == [False, True]
    keys = {"id", "app", "platform", "created_at", "last_seen_at", "expires_at", "ip", "user_agent", "current"}
    for session in listed:
        assert set(session) == keys
        assert (session["app"], session["platform"], session["ip"]) == ("shop", "wechat", "127.0.0.1")
        assert began <= session["created_at"] <= time.time()
        assert session["created_at"] <= session["last_seen_at"] <= time.time()
        assert session["expires_at"] == session["created_at"] + 60_000
    assert listed[1]["user_agent"] == "phone"
    assert listed[0]["user_agent"].startswith("MicroMessenger/8.0 (")
    assert len(listed[0]["user_agent"]) <= 200


@pytest.mark.parametrize("kind", KINDS)
def test_who_may_list(kind: str, stack: Stack) -> None:
    login = log_in(stack, kind, "zhangsan")
    assert stack.gateway("/v1/sessions").refusal == MISSING
    assert stack.gateway("/v1/sessions", ("user_session", "garbage")).refusal == INVALID
    assert stack.gateway("/v1/sessions", ("user_session", login.refresh)).refusal == INVALID
    logout(stack, login.state)
    refused_within([partial(stack.gateway, "/v1/sessions", ("user_session", login.state))])
    login = log_in(stack, kind, "zhangsan")
    assert stack.gateway("/v1/sessions", ("user_session", aged(stack, login, 7300))).refusal == EXPIRED


def test_the_client_api_takes_its_own_methods_only(stack: Stack) -> None:
    for path, method in (("/v1/token", "POST"), ("/v1/logout", "POST"), ("/v1/sessions", "GET")):
        for other in {"GET", "POST", "PUT", "DELETE"} - {method}:
            reply = stack.gateway(path, method=other)
            assert reply.refusal == (405, 4004, "method_not_allowed"), (path, other)
            assert reply.headers["allow"] == method
    for path in ("/v1", "/v1/", "/v1/users", "/v1/token/", "/v1/token/x", "/V1/token", "/v1/sessions/revoke"):
        assert stack.gateway(path, method="POST").refusal == (404, 4004, "no_such_route"), path


def test_the_client_api_never_reaches_a_backend(stack: Stack) -> None:
    for path in ("/v1/token", "/v1/logout", "/v1/sessions"):
        for method in ("GET", "POST", "HEAD", "OPTIONS"):
            reply = stack.gateway(path, method=method)
            assert reply.status in (401, 405), (path, method)
            assert reply.headers["x-menshen-code"] in ("4001", "4004")


def test_the_client_api_is_where_the_document_puts_it(stack: Stack) -> None:
    original = stack.config.read_text()
    login = log_in(stack, "sealed", "zhangsan")
    header = ("user_session", login.state)
    try:
        stack.config.write_text(original + "listener: {client_api: /gw/api}\n")
        until(lambda: stack.gateway("/gw/api/sessions", header).status == 200, 60)
        assert stack.gateway("/v1/sessions", header).refusal == (404, 4004, "no_such_route")
        cookie = stack.gateway("/jar-sealed/login", ("js_code", stack.code("zhangsan"))).headers["set-cookie"]
        assert "Path=/gw/api/token;" in cookie
        without = original.replace(", refresh: {expires_in: 1000}", "")
        stack.config.write_text(without + 'listener: {client_api: ""}\n')
        until(lambda: stack.gateway("/gw/api/sessions", header).status == 404, 60)
        assert stack.gateway("/v1/sessions", header).refusal == (404, 4004, "no_such_route")
        assert stack.gateway("/sessions", header).refusal == (404, 4004, "no_such_route")
    finally:
        stack.config.write_text(original)
    until(lambda: stack.gateway("/v1/sessions", header).status == 200, 60)


def test_a_shorter_life_in_the_document_is_for_new_logins_and_refreshes(stack: Stack) -> None:
    original = stack.config.read_text()
    old = {kind: log_in(stack, kind, "zhangsan") for kind in KINDS}
    try:
        stack.config.write_text(
            original.replace("refresh: {expires_in: 1000}", "refresh: {expires_in: 1000}, expires_in: 30")
        )
        until(lambda: _lasts(stack, log_in(stack, "sealed", "lisi")) == 1800, 60)
        for kind, login in old.items():
            assert check(stack, login).status == 200
            assert refresh(stack, login.refresh).json["expires_in"] == 1800
            fresh = log_in(stack, kind, "lisi")
            kept = record(stack, fresh.sid)
            assert kept["state_end_at"] - kept["state_issued_at"] == 1800
        payload = payload_of(log_in(stack, "signed", "lisi").state)
        assert payload["exp"] - payload["iat"] == 1800
    finally:
        stack.config.write_text(original)
    until(lambda: _lasts(stack, log_in(stack, "sealed", "lisi")) == 7200, 60)


def _lasts(stack: Stack, login: Login) -> int:
    claims = Mint(stack).claims(login.state)
    return claims.exp - claims.iat


def test_the_command_lists_what_is_over_with_its_reason(stack: Stack) -> None:
    login = log_in(stack, "sealed", "reasons")
    logout(stack, login.state)
    listed = menshen(stack, "sessions", "list", "--user", login.uid, "--all").stdout
    assert listed.splitlines()[0].startswith(login.sid)
    assert "logout" in listed
    gone = menshen(stack, "sessions", "list", "--user", login.uid)
    assert (gone.returncode, gone.stdout, gone.stderr.strip()) == (0, "", "no session")
