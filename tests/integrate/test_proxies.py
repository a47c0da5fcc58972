"""What other gateways do with the printed configuration: each the real one, in front of a running node."""

from __future__ import annotations

import asyncio
import json
import re
import socketserver
import threading
from itertools import product
from pathlib import Path

import aiohttp
import pytest

from menshen.errors import REFUSALS
from tests.edge.conftest import APPID, SECRET, Stack
from tests.edge.processes import Reply
from tests.edge.test_error_table import PROVOKED
from tests.integrate.proxies import ALL_FRONTS, FRONTS, Front, printed

NOT_HERE = {"body_malformed", "body_too_large"}
"""Of login bodies, which no proxy hands over."""

BACKENDS = {"upstream_unavailable", "upstream_timeout"}
OWN_WORDS = {"envoy-gateway": {"malformed_request", *BACKENDS}, "apisix": BACKENDS, "kong": BACKENDS}
"""What a gateway says in words, and of a backend with a status, of its own."""

MENDED = {
    "/mall/static/../orders/1": "",
    "/mall/%6frders/1": "",
    "/mall/static/%2e%2e/orders/1": "",
    "/mall/static/..;/orders/1": "",
    "/mall/static/./x": "/mall/static/x",
    "/mall/static/a\\b": "/mall/static/a/b",
}
"""What Envoy mends before it looks for a route: what the backend gets, or "" where that route asks for a login."""

FORGED = (
    *("x-menshen-user", "x-menshen-openid", "x-menshen-unionid", "x-menshen-session", "x-menshen-assertion"),
    *("x-menshen-platform", "x-menshen-appid", "x-menshen-route", "x-menshen-proxy", "x-menshen-uri", "x-menshen-uid"),
    *("x-wx-openid", "x-wx-from-openid", "x-user-openid", "uid", "x-session-key", "x-original-url", "x-rewrite-url"),
    *("x-forwarded-host", "x-real-ip", "x-http-method-override", "forwarded", "proxy", "baggage"),
)


def spelt(name: str) -> list[str]:
    """The name with ``-`` or ``_`` at each of its places, in lower, upper and title case."""
    words = name.split("-")
    plain = [
        "".join(map("".join, zip(words, (*glue, ""), strict=True))) for glue in product("-_", repeat=len(words) - 1)
    ]
    return [text for each in plain for text in (each, each.upper(), each.title())]


def forged(names: tuple[str, ...] = FORGED) -> list[tuple[str, str]]:
    return [(spelling, "forged") for name in names for spelling in spelt(name)]


def received(reply: Reply) -> list[tuple[str, str]]:
    assert reply.status == 200, reply.raw
    return [(name.lower().replace("_", "-"), value) for name, value in reply.json["headers"]]


def test_a_login_reaches_the_backend_and_gives_the_client_its_state(front: Stack) -> None:
    reply = front.gateway("/mall/login", ("js_code", front.code("zhangsan")))
    assert reply.status == 200
    assert reply.headers["user_session"].startswith("ey")
    assert reply.identity["x-menshen-user"]
    assert reply.identity["x-menshen-appid"] == APPID


def test_a_state_stands_for_its_user_and_stops_at_the_gateway(front: Stack) -> None:
    login = front.gateway("/mall/login", ("js_code", front.code("lisi")))
    check = front.gateway("/mall/orders/1", ("user_session", login.headers["user_session"]))
    assert check.identity["x-menshen-user"] == login.identity["x-menshen-user"]
    assert not {"user_session", "js_code", "x-menshen-route", "x-menshen-proxy"} & set(check.seen)
    assert login.headers["user_session"] not in check.raw.decode()


def test_a_state_of_the_proxy_is_one_of_envoys(asked: Stack, front: Stack) -> None:
    state = ("user_session", front.log_in("wangwu"))
    assert asked.gateway("/mall/orders/1", state).status == 200


def test_a_request_keeps_its_method_body_and_query(front: Stack) -> None:
    state = ("user_session", front.log_in("zhangsan"))
    reply = front.gateway("/mall/orders/7?a=%2f&b=1;2&c=%61", state, method="POST", body=b"\0two" * 5000)
    assert reply.status == 200, reply.raw
    assert (reply.json["method"], reply.json["path"]) == ("POST", "/mall/orders/7")
    assert reply.json["query"] == "a=%2f&b=1;2&c=%61"
    assert reply.json["body_bytes"] == 20000


@pytest.mark.parametrize("reason", [reason for reason in PROVOKED if reason not in NOT_HERE])
def test_a_refusal_has_its_true_status_and_its_body(reason: str, front: Stack, proxy: str) -> None:
    status, provoke = PROVOKED[reason]
    reply, refusal = provoke(front), REFUSALS[reason]
    if reason in OWN_WORDS.get(proxy, ()):
        assert reply.status == status or (reply.status in (502, 503) and reason in BACKENDS)
        return
    assert reply.refusal == (status, refusal.code, reason)
    assert (reply.json["message"], reply.json["action"]) == (refusal.text(), refusal.action)
    assert reply.json["request_id"]
    assert reply.headers["cache-control"] == "no-store"


def test_a_limit_says_when_to_come_again(front: Stack) -> None:
    _, provoke = PROVOKED["platform_limit"]
    assert provoke(front).headers["retry-after"] == "60"


def test_no_header_of_the_brains_own_is_shown_to_a_client(front: Stack) -> None:
    for reply in (front.gateway("/mall/orders/1"), front.gateway("/mall/login", ("js_code", front.code("zhangsan")))):
        assert {name for name in reply.headers if name.startswith("x-menshen-")} <= {"x-menshen-code"}


def test_tsf_style_answers_401_for_a_drop_in(front: Stack) -> None:
    code = front.code("zhangsan")
    with front.faulty(fault="-1", times=1):
        assert front.gateway("/tsf/login", ("js_code", code)).refusal[:2] == (401, 4021)


@pytest.mark.parametrize("path", ["/mall/news", "/mall/static/x", "/cloud/x"])
def test_no_spelling_of_a_forged_header_reaches_a_backend(path: str, front: Stack) -> None:
    """In several requests, for servers take a hundred headers."""
    names = forged()
    state = front.log_in("zhangsan", "/cloud/login") if path.startswith("/cloud") else None
    for start in range(0, len(names), 60):
        own = () if state is None else (("user_session", state),)
        reply = front.gateway(path, *names[start : start + 60], *own)
        assert [name for name, value in received(reply) if "forged" in value] == []


def test_a_forged_identity_does_not_stand_beside_the_true_one(front: Stack) -> None:
    login = front.gateway("/mall/login", ("js_code", front.code("zhangsan")))
    state = ("user_session", login.headers["user_session"])
    reply = front.gateway("/mall/orders/1", *forged(("x-menshen-user", "x-menshen-openid")), state)
    for name in ("x-menshen-user", "x-menshen-openid"):
        assert [value for each, value in received(reply) if each == name] == [login.identity[name]]


def test_a_forged_stamp_chooses_no_route(front: Stack) -> None:
    stamps = [(name, "mall/news@0") for name in spelt("x-menshen-route")]
    assert front.gateway("/mall/orders/1", *stamps).refusal[2] == "session_missing"
    paths = [(name, "/mall/static/x") for name in (*spelt("x-menshen-uri"), *spelt("x-original-uri"))]
    assert front.gateway("/mall/orders/1", *paths).refusal[2] == "session_missing"


@pytest.mark.parametrize(
    "path",
    [
        *("/mall/static/%2f../orders/1", "/mall/orders/a%2Fb", "/mall/orders/a%5cb", "/mall/static/..%2forders/1"),
        *("/mall/static/../orders/1", "/mall/static/./x", "/mall/static//x", "/mall/static/..;/orders/1"),
        *("/mall/static/x;y=1", "/mall/%6frders/1", "/mall/static/%2e%2e/orders/1", "/mall/static/%252e%252e/x"),
        *("/mall/static/a\\b", "/mall/static/%c0%ae", "/mall/static/%00", "/mall/static/%3Bx"),
    ],
)
def test_a_path_that_can_be_read_in_two_ways_is_refused(path: str, front: Stack, proxy: str) -> None:
    reply = front.gateway(path)
    if proxy in ("apisix", "kong") and "%00" in path:
        assert reply.status == 400  # by nginx, before the function
    elif proxy != "envoy-gateway":
        assert reply.refusal == (400, 4000, "malformed_request")
    elif path not in MENDED:
        assert reply.status == 400
    elif MENDED[path]:
        assert reply.json["path"] == MENDED[path]
    else:
        assert reply.refusal[2] == "session_missing"


@pytest.mark.parametrize("often", [31, 3_500, 4_500, 7_900])
@pytest.mark.parametrize("path", ["/mall/static/../orders/1", "/mall/static/%2e%2e/orders/1"])
def test_no_path_is_too_long_to_be_seen_as_one_of_those(path: str, often: int, front: Stack, proxy: str) -> None:
    """An expression with a group that is repeated without end gives up where PCRE's JIT has no more stack."""
    reply = front.gateway(f"{path}/%25{'25' * often}")
    assert reply.status != 200 if proxy == "envoy-gateway" else reply.status in (400, 414)


def test_an_escape_that_is_none_is_refused(front: Stack, proxy: str) -> None:
    """By some proxies before anybody is asked, in words of their own. To Envoy it is text, and to the backend too."""
    reply = front.gateway("/mall/static/%zz")
    assert reply.json["path"] == "/mall/static/%zz" if proxy == "envoy-gateway" else reply.status == 400


@pytest.mark.parametrize("text", ["{env.MENSHEN_VERIFY_SECRET}", "$menshen_route", "%[env(MENSHEN_VERIFY_SECRET)]"])
def test_what_a_client_writes_is_never_read_as_the_configurations_language(text: str, front: Stack) -> None:
    state = ("user_session", front.log_in("zhangsan"))
    reply = front.gateway(f"/mall/orders/1?a={text}", state, ("Cookie", f"a={text}"), ("X-Own", text))
    assert (reply.json["query"], reply.seen["cookie"], reply.seen["x-own"]) == (f"a={text}", f"a={text}", text)


def test_a_request_has_an_id_of_the_proxys(front: Stack) -> None:
    reply = front.gateway("/mall/static/x", ("X-Request-Id", "mine"))
    assert reply.seen["x-request-id"] not in ("", "mine")


def test_a_fragment_is_no_way_around(front: Stack) -> None:
    assert front.gateway("/mall/static/x#/../orders").status == 400


@pytest.mark.parametrize("path", ["/.menshen/verify", "/.menshen/open/orders/mall/order", "/verify", "/client/me"])
def test_the_configurations_own_paths_are_nobodys(path: str, front: Stack) -> None:
    assert front.gateway(path).refusal == (404, 4004, "no_such_route")


def test_hosts_have_their_own_routes(front: Stack) -> None:
    assert front.gateway("/anything", host="named.example.com").status == 200
    assert front.gateway("/anything", host="other.example.com").refusal[2] == "no_such_route"


def test_an_optional_route_knows_the_caller_or_says_nobody(front: Stack) -> None:
    assert front.gateway("/mall/news").identity.get("x-menshen-user", "") == ""
    known = front.gateway("/mall/news", ("user_session", front.log_in("zhangsan")))
    assert known.identity["x-menshen-user"]


def test_a_state_in_a_cookie_stops_at_the_gateway_and_the_others_pass(front: Stack) -> None:
    login = front.gateway("/cookie/login", ("Cookie", f"a=1; js_code={front.code('zhangsan')}"))
    given = login.headers["set-cookie"]
    assert "HttpOnly" in given
    state = re.match(r"user_session=([^;]+);", given)
    assert state is not None
    check = front.gateway("/cookie/x", ("Cookie", f"a=1; user_session={state[1]}; b=2"))
    assert check.identity["x-menshen-user"]
    assert check.seen["cookie"] == "a=1; b=2"
    assert "cookie" not in front.gateway("/cookie/x", ("Cookie", f"user_session={state[1]}")).seen


def test_a_prefix_is_taken_off(front: Stack) -> None:
    login = front.gateway("/book/login", ("code", front.code("zhangsan")))
    check = front.gateway("/book/orders/1?x=1", ("sessionId", login.json["sessionId"]))
    assert check.status == 200, check.raw
    assert (check.json["path"], check.json["query"]) == ("/orders/1", "x=1")


def test_the_gateways_own_answer_is_the_clients(front: Stack) -> None:
    reply = front.gateway("/book/login", ("code", front.code("zhangsan")))
    assert reply.status == 200
    assert set(reply.json) == {"sessionId", "user", "expires", "text"}
    assert reply.headers["content-type"].startswith("application/json")


def test_a_refresh_token_comes_beside_the_state(front: Stack) -> None:
    login = front.gateway("/fresh/login", ("js_code", front.code("zhangsan")))
    assert login.headers["user_session"]
    fresh = front.gateway.post_json("/v1/token", {"refresh_token": login.headers["refresh_token"]})
    assert fresh.status == 200


def test_a_mapped_header_carries_the_identity(front: Stack) -> None:
    reply = front.gateway("/mapped/login", ("js_code", front.code("zhangsan")))
    assert reply.seen["x-user-openid"]
    assert reply.seen["x-session-key"]


def test_the_user_api_is_there(front: Stack) -> None:
    state = ("user_session", front.log_in("zhangsan"))
    assert front.gateway("/v1/me", state, *forged(("x-menshen-client", "x-menshen-proxy"))).json["uid"]
    assert front.gateway("/v1/me", state, ("secret", SECRET)).refusal[2] == "client_sent_secret"
    assert front.gateway("/v1/me").refusal[2] == "session_missing"
    assert front.gateway("/v1/token").refusal[2] == "method_not_allowed"


def test_two_states_in_one_request_are_refused(front: Stack) -> None:
    state = front.log_in("zhangsan")
    assert front.gateway("/mall/orders/1", ("user_session", state), ("user_session", state)).refusal[0] == 400


def test_a_backends_own_errors_pass_as_they_are(front: Stack) -> None:
    state = ("user_session", front.log_in("zhangsan"))
    for status in (400, 401, 403, 404, 500, 503):
        reply = front.gateway(f"/mall/orders/1?status={status}", state)
        assert (reply.status, reply.raw) == (status, b'{"from":"backend"}')
        assert "x-menshen-code" not in reply.headers


def test_a_websocket_carries_the_identity(front: Stack) -> None:
    headers = {"user_session": front.log_in("zhangsan"), "X-Menshen-Openid": "forged"}

    async def talk() -> tuple[dict[str, str], str]:
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(f"{front.gateway.origin}/mall/chat", headers=headers) as socket,
        ):
            seen = json.loads(await socket.receive_str())
            await socket.send_str("hello")
            return dict(seen), await socket.receive_str()

    seen, echoed = asyncio.run(talk())
    assert echoed == "hello"
    assert seen["x-menshen-openid"] not in ("", "forged")
    assert "user_session" not in seen


@pytest.mark.parametrize("proxy", ALL_FRONTS)
def test_a_configuration_of_another_shape_is_refused_whole(proxy: str, asked: Stack, tmp_path: Path) -> None:
    def older(text: str) -> str:
        edited = re.sub(r"(?:(?<=@)|(?<=/verify )|(?<=/))[0-9a-f]{16}\b", "0" * 16, text)
        assert edited != text
        return edited

    front: Front = ALL_FRONTS[proxy]
    with front(asked, tmp_path, edit=older) as running:
        assert running.gateway("/mall/orders/1").refusal == (503, 5001, "route_stale")


@pytest.mark.parametrize("proxy", ALL_FRONTS)
def test_without_the_secret_nobody_is_let_in(proxy: str, asked: Stack, tmp_path: Path) -> None:
    front: Front = ALL_FRONTS[proxy]
    with front(asked, tmp_path, secret="x" * 43) as running:
        assert running.gateway("/mall/news").refusal == (503, 5004, "brain_unavailable")


@pytest.mark.parametrize("proxy", ALL_FRONTS)
def test_without_the_brain_nobody_is_let_in(proxy: str, asked: Stack, tmp_path: Path) -> None:
    front: Front = ALL_FRONTS[proxy]
    with front(asked, tmp_path, verify="127.0.0.1:9") as running:
        assert running.gateway("/mall/news").refusal == (503, 5004, "brain_unavailable")
        calls = running.gateway("/v1/me")
        assert calls.status in (502, 503) if proxy in OWN_WORDS else calls.refusal[2] == "brain_unavailable"
        assert running.gateway("/mall/static/x").status == 200


@pytest.mark.parametrize("proxy", ALL_FRONTS)
def test_the_printed_configuration_does_not_hold_the_secret(proxy: str, asked: Stack) -> None:
    value = re.search(r"[A-Za-z0-9_-]{43}", printed(asked, proxy, "--secret"))
    assert value is not None
    assert value[0] not in printed(asked, proxy)
    assert SECRET not in printed(asked, proxy)


@pytest.mark.parametrize("proxy", FRONTS)
def test_a_backend_that_breaks_off_is_one_that_is_not_there(proxy: str, asked: Stack, tmp_path: Path) -> None:
    class BreaksOff(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)

    front: Front = FRONTS[proxy]
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), BreaksOff) as broken:
        thread = threading.Thread(target=broken.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        backend, elsewhere = asked.backend.origin.removeprefix("http://"), f"127.0.0.1:{broken.server_address[1]}"
        try:
            with front(asked, tmp_path, edit=lambda text: text.replace(backend, elsewhere)) as running:
                assert running.gateway("/mall/static/x").refusal == (503, 5010, "upstream_unavailable")
        finally:
            broken.shutdown()
            thread.join()
