"""The three kinds of login states, side by side: the same login, the same check, each in its own way."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator

import pytest

from tests.edge.conftest import APPID, Stack
from tests.edge.processes import Reply
from tests.edge.sessions import (
    INVALID,
    KINDS,
    MISSING,
    Login,
    check,
    log_in,
    payload_of,
    refresh,
    session_stack,
)
from tests.edge.test_reload import menshen

DOTS = {"sealed": 4, "signed": 2, "reference": 0}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with session_stack(tmp_path_factory.mktemp("kinds")) as running:
        yield running


def with_claims(stack: Stack, where: str, user: str, **claims: str) -> Login:
    """A login of a user whose record has these claims."""
    uid = log_in(stack, where, user).uid
    told = menshen(stack, "users", "claims", uid, *(f"{name}={value}" for name, value in claims.items()))
    assert told.returncode == 0, told.stderr
    return log_in(stack, where, user)


@pytest.mark.parametrize("kind", KINDS)
def test_a_login_gives_a_state_of_the_kind_that_later_requests_carry(kind: str, stack: Stack) -> None:
    reply = stack.gateway(f"/{kind}/login?from=menu", ("js_code", stack.code("zhangsan")))
    assert reply.status == 200, reply.raw
    assert (reply.json["path"], reply.json["query"]) == (f"/{kind}/login", "from=menu")
    state = reply.headers["user_session"]
    assert state.count(".") == DOTS[kind]
    assert len(state) <= 700
    assert not {"js_code", "user_session", "refresh_token"} & set(reply.seen)
    later = stack.gateway(f"/{kind}/orders/7", ("user_session", state))
    assert later.status == 200
    assert later.identity["x-menshen-session"] == reply.identity["x-menshen-session"]
    assert not {"js_code", "user_session", "refresh_token"} & set(later.seen)
    assert "user_session" not in later.headers, "nothing is due, so nothing comes back"


@pytest.mark.parametrize("kind", KINDS)
def test_a_reference_is_opaque_and_its_text_rests_nowhere(kind: str, stack: Stack) -> None:
    login = log_in(stack, kind, "opaque")
    assert check(stack, login).status == 200
    if kind == "reference":
        assert len(login.state) == 43
    resting = b"".join(path.read_bytes() for path in stack.data_dir.glob("menshen.db*"))
    assert login.sid.encode() in resting
    for text in (login.state, login.refresh):
        assert text.encode() not in resting
    assert login.state not in stack.serve.log.read_text()


def test_the_same_user_is_the_same_whatever_the_kind(stack: Stack) -> None:
    logins = [log_in(stack, kind, "lisi") for kind in KINDS]
    assert len({login.uid for login in logins}) == 1
    assert len({login.sid for login in logins}) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_identity_headers_at_the_backend(kind: str, stack: Stack) -> None:
    login = log_in(stack, kind, "wangwu")
    seen = check(stack, login).identity
    names = ("user", "platform", "appid", "openid", "unionid", "account", "session", "assertion")
    assert set(seen) == {f"x-menshen-{name}" for name in names}, "all of them, and nothing of Envoy's own"
    assert seen["x-menshen-user"] == login.uid
    assert (seen["x-menshen-platform"], seen["x-menshen-appid"]) == ("wechat", APPID)
    hidden = {name for name in names if not seen[f"x-menshen-{name}"]}
    assert hidden == ({"openid", "unionid", "account", "assertion"} if kind == "signed" else {"account"})


@pytest.mark.parametrize("kind", KINDS)
def test_optional_and_public_routes(kind: str, stack: Stack) -> None:
    login = log_in(stack, kind, "zhaoliu")
    known = stack.gateway(f"/{kind}/news", ("user_session", login.state))
    assert known.identity["x-menshen-user"] == login.uid
    for reply in (stack.gateway(f"/{kind}/news"), stack.gateway(f"/{kind}/free", ("user_session", login.state))):
        assert reply.status == 200
        assert "user_session" not in reply.seen
        assert set(reply.identity) == set(known.identity)
        assert set(reply.identity.values()) == {""}
    assert stack.gateway(f"/{kind}/news", ("user_session", "garbage")).refusal == INVALID
    assert stack.gateway(f"/{kind}/orders/1").refusal == MISSING


@pytest.mark.parametrize("route", KINDS)
def test_a_state_is_good_at_its_own_kind_only(route: str, stack: Stack) -> None:
    for kind in KINDS:
        login = log_in(stack, kind, "lisi")
        reply = stack.gateway(f"/{route}/orders/1", ("user_session", login.state))
        if kind == route:
            assert reply.status == 200
        else:
            assert reply.refusal == INVALID, kind


def test_a_signed_state_is_good_wherever_its_app_is(stack: Stack) -> None:
    login = log_in(stack, "signed", "lisi")
    assert (
        stack.gateway("/shared-signed/orders/1", ("user_session", login.state)).identity["x-menshen-user"] == login.uid
    )


def test_what_a_client_can_read_in_a_signed_state(stack: Stack) -> None:
    login = log_in(stack, "signed", "curious")
    payload = payload_of(login.state)
    fixed = {"iss", "aud", "iat", "exp", "auth", "end", "life"}
    assert set(payload) == {"sub", "app", "platform", "appid", "sid"} | fixed
    assert (payload["sub"], payload["sid"]) == (login.uid, login.sid)
    assert (payload["app"], payload["platform"], payload["appid"]) == ("shop", "wechat", APPID)
    assert payload["exp"] - payload["iat"] == 7200
    assert abs(payload["iat"] - time.time()) < 60
    head = json.loads(base64.urlsafe_b64decode(login.state.split(".")[0] + "=="))
    assert set(head) == {"alg", "kid", "typ"}


@pytest.mark.parametrize("kind", ["sealed", "reference"])
def test_a_client_can_read_nothing_in_the_other_kinds(kind: str, stack: Stack) -> None:
    login = log_in(stack, f"told-{kind}", "curious")
    parts = [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in login.state.split(".")]
    for hidden in (login.uid, login.sid, APPID, "wechat"):
        assert not any(hidden.encode() in part for part in parts)


def test_claims_that_the_document_discloses_are_in_a_signed_state(stack: Stack) -> None:
    login = with_claims(stack, "told-signed", "disclosed", level="gold", shoe="44")
    payload = payload_of(login.state)
    seen = check(stack, login).seen
    assert seen["x-menshen-openid"] == payload["openid"] != ""
    assert seen["x-menshen-unionid"] == payload["unionid"] != ""
    assert payload["c_level"] == "gold"
    assert "c_shoe" not in payload, "a claim that no plugin names goes nowhere"
    assert "c_team" not in payload


@pytest.mark.parametrize("kind", KINDS)
def test_a_users_own_claim_reaches_the_backend_from_the_next_login_or_refresh(kind: str, stack: Stack) -> None:
    where = f"told-{kind}"
    before = log_in(stack, where, f"levelled-{kind}")
    assert check(stack, before).seen["x-user-level"] == ""
    set_ = menshen(stack, "users", "claims", before.uid, "level=gold", "team=red")
    assert (set_.returncode, set_.stdout) == (0, "level=gold\nteam=red\n")
    assert check(stack, before).seen["x-user-level"] == "", "a state says what it said"

    reply = stack.gateway(f"/{where}/login", ("js_code", stack.code(f"levelled-{kind}")))
    assert reply.seen["x-user-level"] == "gold"
    seen = stack.gateway(f"/{where}/orders/1", ("user_session", reply.headers["user_session"])).seen
    assert (seen["x-user-level"], seen["x-menshen-claim-team"]) == ("gold", "red")

    fresh = refresh(stack, before.refresh).json["user_session"]
    assert check(stack, before, fresh).seen["x-user-level"] == "gold"

    assert menshen(stack, "users", "claims", before.uid, "level=").stdout == "team=red\n"
    seen = check(stack, log_in(stack, where, f"levelled-{kind}")).seen
    assert (seen["x-user-level"], seen["x-menshen-claim-team"]) == ("", "red")


@pytest.mark.parametrize("kind", KINDS)
def test_a_clients_own_copy_of_a_claim_header_is_not_seen(kind: str, stack: Stack) -> None:
    """With a claim, without one, as nobody and on a public route."""
    where = f"told-{kind}"
    forged = [
        *(("X-User-Level", "forged"), ("x_user_level", "forged"), ("X.USER.LEVEL", "forged")),
        *(("X-Menshen-Claim-Team", "forged"), ("X_Menshen_Claim_Team", "forged"), ("X-Menshen-Claim-Other", "forged")),
    ]
    plain = log_in(stack, where, "plain")
    golden = with_claims(stack, where, "golden", level="gold", team="red")
    for state, path, level in (
        (plain.state, "orders/1", ""),
        (golden.state, "orders/1", "gold"),
        (golden.state, "news", "gold"),
        ("", "news", ""),
        ("", "free", ""),
        (golden.state, "free", ""),
    ):
        headers = [("user_session", state)] if state else []
        reply = stack.gateway(f"/{where}/{path}", *headers, *forged)
        assert reply.status == 200
        assert b"forged" not in reply.raw
        assert reply.seen["x-user-level"] == level
        assert reply.seen["x-menshen-claim-team"] == ("red" if level else "")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("level=\u91d1", "printable"),
        ("Level=gold", "a-z"),
        ("level=a\nX-Menshen-User: root", "printable"),
        ("level=" + "x" * 129, "128"),
    ],
)
def test_a_claim_that_could_not_travel_is_refused(change: str, complaint: str, stack: Stack) -> None:
    uid = log_in(stack, "told-signed", "strange").uid
    refused = menshen(stack, "users", "claims", uid, change)
    assert refused.returncode == 1
    assert complaint in refused.stderr
    assert menshen(stack, "users", "claims", uid).stdout == ""


def test_claims_of_nobody(stack: Stack) -> None:
    for arguments in (["unobody"], ["unobody", "level=gold"]):
        refused = menshen(stack, "users", "claims", *arguments)
        assert refused.returncode == 1
        assert refused.stderr.strip()


@pytest.mark.parametrize("path", ["login", "orders/1", "news"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_code_is_a_login_on_any_route_with_a_plugin(kind: str, path: str, stack: Stack) -> None:
    """Also where Envoy judges states alone: a request with a code is not one of those."""
    reply = stack.gateway(f"/{kind}/{path}", ("js_code", stack.code("lisi")))
    assert reply.status == 200
    assert reply.identity["x-menshen-openid"], "a login tells the backend all, whatever the state tells the client"
    assert check(stack, Login(kind, reply.headers["user_session"], "", "", "")).status == 200


def test_a_code_in_the_body_of_a_signed_route(stack: Stack) -> None:
    reply = stack.gateway.post_json("/bodied/login", {"code": stack.code("lisi")})
    assert reply.status == 200
    state = reply.headers["user_session"]
    assert stack.gateway("/bodied/orders/1", ("user_session", state)).identity["x-menshen-user"]
    upload = stack.gateway("/bodied/orders/1", ("user_session", state), method="POST", body=b"x" * 300_000)
    assert upload.json["body_bytes"] == 300_000
    assert stack.gateway("/bodied/orders/1").refusal == MISSING
    assert stack.gateway("/bodied/news").status == 200


def test_a_signed_state_in_the_query_stops_at_the_gateway(stack: Stack) -> None:
    login = log_in(stack, "queried", "lisi")
    reply = stack.gateway(f"/queried/orders/1?a=1&user_session={login.state}&b=2")
    assert reply.status == 200
    assert reply.json["query"] == "a=1&b=2"
    assert reply.identity["x-menshen-user"] == login.uid
    assert login.state.encode() not in reply.raw


def book(stack: Stack, kind: str) -> Reply:
    return stack.gateway.post_json(f"/book-{kind}/login", {"code": stack.code("zhaoliu")})


@pytest.mark.parametrize("kind", KINDS)
def test_the_gateways_own_answer_has_the_refresh_token_in_it(kind: str, stack: Stack) -> None:
    reply = book(stack, kind)
    assert reply.status == 200
    assert set(reply.json) == {"sessionId", "expires_in", "uid", "refresh_token", "refresh_expires_in"}
    assert (reply.json["expires_in"], reply.json["refresh_expires_in"]) == (7200, 60_000)
    assert reply.headers["cache-control"] == "no-store"
    assert not {"sessionid", "refresh_token", "set-cookie"} & set(reply.headers)
    seen = stack.gateway(f"/book-{kind}/orders/1", ("sessionId", reply.json["sessionId"]))
    assert seen.identity["x-menshen-user"] == reply.json["uid"]
    again = refresh(stack, reply.json["refresh_token"])
    assert set(again.json) == set(reply.json)
    assert stack.gateway(f"/book-{kind}/orders/1", ("sessionId", again.json["sessionId"])).status == 200


def cookies(reply: Reply) -> dict[str, tuple[str, set[str]]]:
    """Cookie name -> value and attributes. No attribute of ours has a comma in it."""
    found = {}
    for text in reply.headers["set-cookie"].split(", "):
        pair, *attributes = text.split("; ")
        name, _, value = pair.partition("=")
        found[name] = (value, set(attributes))
    return found


@pytest.mark.parametrize("kind", ["sealed", "reference"])
def test_cookies_come_with_the_narrowest_attributes(kind: str, stack: Stack) -> None:
    where = f"jar-{kind}"
    login = stack.gateway(f"/{where}/orders/1", ("js_code", stack.code("lisi")), ("Cookie", "theme=dark"))
    assert login.status == 200
    given = cookies(login)
    assert set(given) == {"user_session", "refresh_token"}
    safe = {"HttpOnly", "Secure", "SameSite=Lax"}
    for name, path, lifetime in (("user_session", "/", 7200), ("refresh_token", "/v1/token", 60_000)):
        # The second in which it was opened may be over when it is handed out.
        ages = [f"Max-Age={lifetime - late}" for late in range(3)]
        assert given[name][1] in [safe | {f"Path={path}", age} for age in ages], name
    assert "user_session" not in login.headers

    state, token = given["user_session"][0], given["refresh_token"][0]
    seen = stack.gateway(f"/{where}/orders/1", ("Cookie", f"theme=dark; user_session={state}"))
    assert seen.seen["cookie"] == "theme=dark"
    again = stack.gateway("/v1/token", ("Cookie", f"theme=dark; refresh_token={token}"), method="POST")
    assert again.status == 200, again.raw
    renewed = cookies(again)
    assert renewed["refresh_token"][1] >= safe | {"Path=/v1/token"}
    assert again.json["refresh_token"] == renewed["refresh_token"][0] != token
    assert stack.gateway(f"/{where}/orders/1", ("Cookie", f"user_session={renewed['user_session'][0]}")).status == 200
