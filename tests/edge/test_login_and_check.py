"""Log in, check, carry the identity: every position, both ways to answer, each header set, through a real Envoy."""

from __future__ import annotations

import time

from joserfc import jwt
from joserfc.jwk import KeySet

from tests.edge.conftest import APPID, OTHER_APPID, QQ_APPID, Stack


def test_a_login_goes_on_to_the_backend_and_returns_the_state_in_a_header(stack: Stack) -> None:
    reply = stack.gateway("/mall/login?from=menu", ("js_code", stack.code("zhangsan")))
    assert reply.status == 200
    assert len(reply.headers["user_session"]) <= 512
    assert reply.json["path"] == "/mall/login"
    assert reply.json["query"] == "from=menu"
    assert reply.identity["x-menshen-openid"].startswith("o")
    assert reply.identity["x-menshen-appid"] == APPID
    assert reply.identity["x-menshen-platform"] == "wechat"


def test_the_state_stands_for_the_same_user_at_every_later_login(stack: Stack) -> None:
    first = stack.gateway("/mall/orders/1", ("user_session", stack.log_in("lisi")))
    second = stack.gateway("/mall/orders/1", ("user_session", stack.log_in("lisi")))
    other = stack.gateway("/mall/orders/1", ("user_session", stack.log_in("wangwu")))
    assert first.identity["x-menshen-user"] == second.identity["x-menshen-user"] != ""
    assert first.identity["x-menshen-session"] != second.identity["x-menshen-session"]
    assert other.identity["x-menshen-user"] != first.identity["x-menshen-user"]


def test_neither_code_nor_state_nor_stamp_reaches_the_backend(stack: Stack) -> None:
    login = stack.gateway("/mall/login", ("js_code", stack.code("lisi")))
    check = stack.gateway("/mall/orders/1", ("user_session", login.headers["user_session"]), ("X-Mine", "kept"))
    for reply in (login, check):
        assert not {"js_code", "user_session", "x-menshen-route", "x-menshen-received"} & set(reply.seen)
    assert check.seen["x-mine"] == "kept"


def test_a_request_keeps_its_method_body_and_query(stack: Stack) -> None:
    state = stack.log_in("lisi")
    body = b'{"amount": 5}' * 4000
    reply = stack.gateway("/mall/orders/7?a=1&a=2", ("user_session", state), method="POST", body=body)
    assert (reply.json["method"], reply.json["query"], reply.json["body_bytes"]) == ("POST", "a=1&a=2", len(body))


def test_an_optional_route_knows_the_caller_or_says_nobody(stack: Stack) -> None:
    anonymous = stack.gateway("/mall/news")
    assert anonymous.status == 200
    assert set(anonymous.identity.values()) == {""}
    known = stack.gateway("/mall/news", ("user_session", stack.log_in("lisi")))
    assert known.identity["x-menshen-openid"]


def test_a_public_route_says_nobody_even_to_a_caller_with_a_state(stack: Stack) -> None:
    reply = stack.gateway("/mall/static/logo.png", ("user_session", stack.log_in("lisi")))
    assert reply.status == 200
    assert reply.identity
    assert set(reply.identity.values()) == {""}
    assert "user_session" not in reply.seen


def test_query_position(stack: Stack) -> None:
    login = stack.gateway(f"/query/in?js_code={stack.code('lisi')}&keep=1")
    assert login.status == 200
    assert login.json["query"] == "keep=1"
    check = stack.gateway(f"/query/x?a=1&user_session={login.headers['user_session']}&b=2")
    assert check.status == 200
    assert check.json["query"] == "a=1&b=2"
    assert check.identity["x-menshen-openid"]


def test_cookie_position(stack: Stack) -> None:
    login = stack.gateway("/cookie/in", ("Cookie", f"theme=dark; js_code={stack.code('lisi')}"))
    assert login.status == 200
    assert login.seen["cookie"] == "theme=dark"
    cookie = login.headers["set-cookie"]
    attributes = set(cookie.split("; "))
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= attributes
    # The second in which it was opened may be over when it is handed out.
    assert attributes & {"Max-Age=7200", "Max-Age=7199"}
    state = cookie.split(";")[0]
    check = stack.gateway("/cookie/x", ("Cookie", f"a=1; {state}; b=2"))
    assert check.status == 200
    assert check.seen["cookie"] == "a=1; b=2"
    assert check.identity["x-menshen-openid"]
    alone = stack.gateway("/cookie/x", ("Cookie", state))
    assert "cookie" not in alone.seen


def test_the_gateway_answers_itself_with_the_plugins_template(stack: Stack) -> None:
    """The book's way: code in a JSON body, ``sessionId`` in the answer; later requests carry it."""
    for reply in (
        stack.gateway.post_json("/book/login", {"code": stack.code("zhaoliu"), "extra": 1}),
        stack.gateway(
            "/book/login",
            ("Content-Type", "application/x-www-form-urlencoded"),
            method="POST",
            body=f"code={stack.code('zhaoliu')}".encode(),
        ),
    ):
        assert reply.status == 200, reply.raw
        assert set(reply.json) == {"sessionId", "user", "expires", "text"}
        assert reply.json["expires"] == 7200
        assert reply.json["text"] == "for wechat"
        assert reply.headers["cache-control"] == "no-store"
        check = stack.gateway("/book/orders", ("sessionId", reply.json["sessionId"]))
        assert check.status == 200
        assert check.json["path"] == "/orders"
        assert check.identity["x-menshen-user"] == reply.json["user"]["id"]


def test_an_upload_on_a_route_that_reads_bodies_arrives_whole(stack: Stack) -> None:
    state = stack.gateway.post_json("/book/login", {"code": stack.code("zhaoliu")}).json["sessionId"]
    reply = stack.gateway("/book/upload", ("sessionId", state), method="POST", body=b"x" * 300_000)
    assert reply.json["body_bytes"] == 300_000


def test_qq_logs_in(stack: Stack) -> None:
    reply = stack.gateway("/qq/login", ("js_code", stack.code("xiaoming", QQ_APPID, "qq")))
    assert reply.status == 200
    assert reply.identity["x-menshen-platform"] == "qq"
    assert reply.identity["x-menshen-appid"] == QQ_APPID


def test_cloudrun_headers_are_those_of_wechat_cloud_hosting(stack: Stack) -> None:
    reply = stack.gateway("/cloud/x", ("user_session", stack.log_in("lisi", "/cloud/login")))
    assert set(reply.identity) == {"x-wx-openid", "x-wx-appid", "x-wx-unionid", "x-wx-source"}
    assert reply.identity["x-wx-appid"] == APPID
    assert reply.identity["x-wx-unionid"] == ""


def test_mapped_headers_and_the_session_key_where_it_is_asked_for_by_name(stack: Stack) -> None:
    login = stack.gateway("/mapped/login", ("js_code", stack.code("lisi")))
    assert login.seen["x-session-key"].endswith("==")
    assert "==" not in str(login.headers)
    check = stack.gateway("/mapped/x", ("user_session", login.headers["user_session"]))
    assert check.seen["x-user-openid"].startswith("o")
    assert check.seen["uid"].startswith("u")
    assert check.seen["x-session-key"] == ""


def test_the_assertion_verifies_with_the_published_keys(stack: Stack) -> None:
    reply = stack.gateway("/mall/orders/1", ("user_session", stack.log_in("lisi")))
    published = stack.admin("/.well-known/jwks.json")
    assert published.headers["content-type"].startswith("application/jwk-set+json")
    assert all("d" not in key for key in published.json["keys"])
    token = jwt.decode(reply.identity["x-menshen-assertion"], KeySet.import_key_set(published.json), ["ES256"])
    claims = token.claims
    assert claims["aud"] == "orders"
    assert claims["sub"] == reply.identity["x-menshen-user"]
    assert claims["sid"] == reply.identity["x-menshen-session"]
    assert claims["openid"] == reply.identity["x-menshen-openid"]
    assert claims["exp"] - claims["iat"] == 300
    assert claims["iat"] - 1 <= time.time() < claims["exp"]


def test_apps_do_not_share_login_states(stack: Stack) -> None:
    state = stack.log_in("lisi")
    assert stack.gateway("/other/x", ("user_session", state)).refusal == (401, 4001, "session_invalid")
    reply = stack.gateway("/other/login", ("js_code", stack.code("lisi", OTHER_APPID)))
    assert reply.status == 200
    assert stack.gateway("/mall/orders/1", ("user_session", reply.headers["user_session"])).refusal[1] == 4001


def test_hosts_are_matched_whatever_their_case_port_or_final_dot(stack: Stack) -> None:
    for host in ("named.example.com", "NAMED.Example.COM", "named.example.com:8443", "named.example.com."):
        assert stack.gateway("/anything", host=host).status == 200
    assert stack.gateway("/anything", host="other.example.com").refusal == (404, 4004, "no_such_route")


def test_the_node_says_that_it_is_well(stack: Stack) -> None:
    assert stack.admin("/healthz").status == 200
    assert stack.admin("/readyz").json == {"workers": True, "envoy": True, "database": True, "revision": 1}
