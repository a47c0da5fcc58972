"""The door for other proxies by itself: who is answered, and in which words."""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import replace
from typing import Any

import pytest

from menshen.config.route_rules import LimitRule
from menshen.config.shape import shape
from menshen.config.snapshot import Snapshot
from menshen.gateway.assertion import Asserter
from menshen.gateway.decide import route_table
from menshen.gateway.identity import Identities
from menshen.secret import Secret
from menshen.sessions.seen import SeenLog
from menshen.web.authorization import AuthorizationEndpoint, BrainState
from menshen.web.verify import VerifyEndpoint
from tests.gateway.samples import NOW, SNAPSHOT, nobody
from tests.sessions.rings import new_states

SECRET = "planted-secret-of-a-proxy-0123456789"
PROXY = ("x-menshen-proxy", SECRET)


def state(*snapshots: Snapshot) -> BrainState:
    by_checksum = {snapshot.checksum: snapshot for snapshot in snapshots}
    return BrainState(route_table(snapshots), by_checksum, new_states(), Identities(Asserter([None])))  # type: ignore[list-item]


def door(brain: BrainState | None, user_api: Any = None) -> VerifyEndpoint:
    nothing: Any = None
    authorization = AuthorizationEndpoint(*(nothing, nothing, nothing, nothing), nobody, SeenLog(), lambda: NOW, brain)
    return VerifyEndpoint(authorization, user_api, Secret(SECRET), secrets.token_bytes)


def ask(
    endpoint: VerifyEndpoint, *headers: tuple[str, str], path: str = "/verify", query: str = "", method: str = "GET"
) -> tuple[int, dict[str, str], dict[str, Any]]:
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("a question has no body")

    asyncio.run(endpoint(scope, receive, send))
    body = sent[1]["body"]
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], told, json.loads(body) if body else {}


def question(route: str, snapshot: Snapshot = SNAPSHOT, uri: str = "/mall/x") -> tuple[tuple[str, str], ...]:
    stamp = ("x-menshen-route", f"{route}@{shape(snapshot)}")
    return PROXY, stamp, ("x-menshen-method", "GET"), ("x-menshen-uri", uri), ("x-request-id", "r1")


def nginx_asks(route: str, uri: str = "/mall/x", request_id: str = "r1") -> tuple[tuple[str, str], ...]:
    return PROXY, ("x-menshen-route", f"{route}@{shape(SNAPSHOT)} {request_id} 192.0.2.7 GET {uri}")


@pytest.mark.parametrize("given", ["", "wrong", SECRET[:-1], SECRET.upper()])
def test_who_does_not_know_the_secret_learns_nothing(given: str) -> None:
    for path in ("/verify", "/verify/nginx", "/v1/me", "/nowhere"):
        status, headers, body = ask(
            door(state(SNAPSHOT)), ("x-menshen-proxy", given), *question("mall/static")[1:], path=path
        )
        assert (status, headers, body) == (403, {}, {})


def test_a_secret_that_stands_beside_a_clients_own_is_none() -> None:
    assert ask(door(state(SNAPSHOT)), *question("mall/static"), PROXY)[0] == 403
    assert ask(door(state(SNAPSHOT)), ("x-menshen-proxy", "guess"), *question("mall/static"))[0] == 403


def test_leave_to_pass_sets_every_identity_header() -> None:
    status, headers, _ = ask(door(state(SNAPSHOT)), *question("mall/news"))
    assert status == 200
    assert (headers["x-menshen-user"], headers["x-menshen-openid"]) == ("", "")
    assert headers["x-menshen-target"] == "/mall/x"


def test_a_refusal_is_told_as_it_is_to_who_can_carry_it() -> None:
    status, headers, body = ask(door(state(SNAPSHOT)), *question("mall/order"))
    assert (status, headers["x-menshen-status"], headers["x-menshen-code"]) == (401, "401", "4001")
    assert (body["reason"], body["request_id"]) == ("session_missing", "r1")


def test_a_refusal_is_a_403_to_nginx_with_the_rest_in_headers() -> None:
    status, headers, body = ask(door(state(SNAPSHOT)), *nginx_asks("mall/order"), path="/verify/nginx")
    assert (status, headers["x-menshen-status"], body) == (403, "401", {})
    assert json.loads(headers["x-menshen-body"])["reason"] == "session_missing"
    assert headers["x-menshen-body"].isascii()


def test_nginx_asks_in_one_line_that_ends_in_what_the_client_wrote() -> None:
    headers = ask(door(state(SNAPSHOT)), *nginx_asks("mall/static", "/mall/a b?c"), path="/verify/nginx")[1]
    assert headers["x-menshen-target"] == "/mall/a b?c"
    said = ask(door(state(SNAPSHOT)), *nginx_asks("mall/order", request_id="r2"), path="/verify/nginx")[1]
    assert json.loads(said["x-menshen-body"])["request_id"] == "r2"


@pytest.mark.parametrize("line", ["", "{}", "{} r1", "{} r1 192.0.2.7 GET", " {} r1 192.0.2.7 GET /mall/x"])
def test_a_line_of_nginx_that_is_not_whole_is_no_route(line: str) -> None:
    """Not even beside what other proxies say."""
    stamp = line.format(f"mall/static@{shape(SNAPSHOT)}")
    asked = (PROXY, ("x-menshen-route", stamp), *question("mall/static")[2:])
    status, headers, _ = ask(door(state(SNAPSHOT)), *asked, path="/verify/nginx")
    assert (status, headers["x-menshen-status"]) == (403, "503")
    assert json.loads(headers["x-menshen-body"])["reason"] == "route_stale"


def test_a_line_of_nginx_at_another_path_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    line = nginx_asks("mall/static", "/mall/x?js_code=planted-code@y")
    assert ask(door(state(SNAPSHOT)), *line)[2]["reason"] == "route_stale"
    record = next(record for record in caplog.records if record.msg == "proxy_stale")
    assert (record.route, record.shape) == ("mall/static", shape(SNAPSHOT))  # type: ignore[attr-defined]
    assert "planted-code" not in str(record.__dict__)


def test_before_the_first_state_everything_is_refused() -> None:
    assert ask(door(None), *question("mall/static"))[0] == 503


@pytest.mark.parametrize("stamp", ["", "mall/static", "mall/static@", f"mall/none@{shape(SNAPSHOT)}", "mall/static@0"])
def test_a_route_that_is_not_known_is_refused(stamp: str) -> None:
    asked = (PROXY, ("x-menshen-route", stamp), *question("mall/static")[2:])
    status, _, body = ask(door(state(SNAPSHOT)), *asked)
    assert (status, body["reason"]) == (503, "route_stale")


def test_envoys_own_stamp_is_none_of_a_proxys() -> None:
    stamp = ("x-menshen-route", f"mall/static@{SNAPSHOT.checksum}")
    assert ask(door(state(SNAPSHOT)), PROXY, stamp, *question("mall/static")[2:])[2]["reason"] == "route_stale"


def test_the_newest_revision_of_a_shape_decides() -> None:
    login = replace(SNAPSHOT.routes[0].login, refusals={"any": {"errno": "$code"}})  # type: ignore[type-var]
    newest = replace(SNAPSHOT, routes=(replace(SNAPSHOT.routes[0], login=login), *SNAPSHOT.routes[1:])).sealed()
    assert shape(newest) == shape(SNAPSHOT)
    assert ask(door(state(newest, SNAPSHOT)), *question("mall/order"))[2] == {"errno": 4001}


@pytest.mark.parametrize(("method", "uri"), [("", "/x"), ("GET /y", "/x"), ("GET", ""), ("GET", "x"), ("GET", "/x#y")])
def test_a_question_without_a_request_is_malformed(method: str, uri: str) -> None:
    asked = (*question("mall/order")[:2], ("x-menshen-method", method), ("x-menshen-uri", uri))
    assert ask(door(state(SNAPSHOT)), *asked)[2]["reason"] == "malformed_request"


def test_a_route_that_envoy_guards_is_nobody_elses() -> None:
    static = next(route for route in SNAPSHOT.routes if route.id == "mall/static")
    limited = replace(static, limits=(LimitRule("mall/static", "api", 1, 1),))
    snapshot = replace(SNAPSHOT, routes=(limited,)).sealed()
    status, _, body = ask(door(state(snapshot)), *question("mall/static", snapshot))
    assert (status, body["reason"]) == (503, "route_stale")


def test_credentials_are_taken_off_the_query_and_nothing_else_is_touched() -> None:
    asked = question("mall/news", uri="/mall/x?a=%2f&js%5Fcode=c&b&js_code=d&c=1")
    assert ask(door(state(SNAPSHOT)), *asked)[1]["x-menshen-target"] == "/mall/x?a=%2f&b&c=1"
    assert ask(door(state(SNAPSHOT)), *question("mall/news", uri="/x?js_code=c"))[1]["x-menshen-target"] == "/x"


def test_a_call_of_the_user_api_is_of_the_newest_revision() -> None:
    seen: list[dict[str, Any]] = []

    async def user_api(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    said = (PROXY, ("x-menshen-client", "192.0.2.1"), ("x-request-id", "r1"))
    sent = (*said, ("x-menshen-received", "1"), ("secret", "planted"))
    assert ask(door(state(SNAPSHOT), user_api), *sent, path="/v1/me")[0] == 204
    headers = dict(seen[0]["headers"])
    assert seen[0]["path"] == f"/api/{SNAPSHOT.checksum}/me"
    assert headers == {
        b"x-menshen-client": b"192.0.2.1",
        b"x-request-id": b"r1",
        b"x-menshen-sent-secret": b"planted",
    }


FORWARDED = (("x-forwarded-method", "GET"), ("x-forwarded-uri", "/mall/x?a=1"), ("x-forwarded-for", "192.0.2.1"))


def test_traefik_tells_the_request_in_its_own_words_and_gets_no_header_that_nobody_is_to_read() -> None:
    asked = (*question("mall/news")[:2], *FORWARDED, ("cookie", "a=1"))
    status, headers, _ = ask(door(state(SNAPSHOT)), *asked, path="/verify/traefik")
    assert (status, headers["x-menshen-user"], headers["cookie"]) == (200, "", "a=1")
    assert headers["x-request-id"]
    internal = {"x-menshen-target", "x-menshen-cookie", "x-menshen-status"}
    assert not internal & set(headers)
    status, headers, body = ask(door(state(SNAPSHOT)), *question("mall/order")[:2], *FORWARDED, path="/verify/traefik")
    assert (status, body["reason"], internal & set(headers)) == (401, "session_missing", set())


def test_envoy_gateway_tells_the_route_in_the_path() -> None:
    path = f"/verify/envoy/mall/news/{shape(SNAPSHOT)}/mall/x"
    status, headers, _ = ask(door(state(SNAPSHOT)), PROXY, path=path, query="js_code=c&a=%2f")
    assert (status, headers["x-menshen-target"]) == (200, "/mall/x?a=%2f")


@pytest.mark.parametrize("path", ["", "/", "/mall", "/mall/news", "/mall/news/0/x", "/mall/none/0/x"])
def test_an_envoy_that_tells_no_route_is_refused_with_a_status_that_it_passes_on(path: str) -> None:
    status, headers, body = ask(door(state(SNAPSHOT)), PROXY, path=f"/verify/envoy/{path.removeprefix('/')}")
    assert (status, headers["x-menshen-status"], body["reason"]) == (480, "503", "route_stale")


def test_a_clients_own_stamp_does_not_count_beside_the_route_in_the_path() -> None:
    path = f"/verify/envoy/mall/order/{shape(SNAPSHOT)}/mall/orders/1"
    stamp = ("x-menshen-route", f"mall/static@{shape(SNAPSHOT)}")
    uri = ("x-menshen-uri", "/mall/static/x")
    assert ask(door(state(SNAPSHOT)), PROXY, stamp, uri, path=path)[2]["reason"] == "session_missing"


def test_nobody_but_menshen_answers_what_is_sent_to_its_logins() -> None:
    """A code that is none must not end in leave to pass: there is no backend behind this door."""
    asked = question("mall/news")[:2]
    status, headers, body = ask(door(state(SNAPSHOT)), *asked, path="/verify/login/mall/news")
    assert (status, body["reason"]) == (400, "malformed_request")
    assert "x-menshen-user" not in headers


def test_what_a_proxy_refuses_by_itself_is_said_in_the_words_of_the_contract() -> None:
    status, headers, body = ask(door(state(SNAPSHOT)), PROXY, path="/verify/refused/method_not_allowed/GET,POST")
    assert (status, headers["allow"], body["reason"]) == (405, "GET,POST", "method_not_allowed")
    assert ask(door(state(SNAPSHOT)), PROXY, path="/verify/refused/anything")[2]["reason"] == "no_such_route"
    said = ask(door(state(SNAPSHOT)), PROXY, path="/verify/refused/method_not_allowed/GET\r\nx-menshen-user: u1")
    assert (said[0], said[2]["reason"], said[1].get("allow")) == (405, "method_not_allowed", None)


@pytest.mark.parametrize(
    "path", ["/verify/traefik", "/verify/envoy/mall/news/0/x", "/verify/login/x", "/verify/refused/x"]
)
def test_who_has_no_words_of_his_own_is_told_even_without_the_secret(path: str) -> None:
    status, _, body = ask(door(state(SNAPSHOT)), *question("mall/static")[1:], path=path)
    assert (status, body["reason"]) == (503, "brain_unavailable")


def test_the_last_address_is_the_callers_where_a_proxy_says_it_in_no_other_way() -> None:
    seen: list[dict[str, Any]] = []

    async def user_api(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    ask(door(state(SNAPSHOT), user_api), PROXY, ("x-forwarded-for", "203.0.113.9, 192.0.2.1"), path="/v1/me")
    assert dict(seen[0]["headers"])[b"x-menshen-client"] == b"192.0.2.1"
