"""The user API through the whole stack: ways in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.edge.conftest import QQ_APPID, SECRET, Stack
from tests.edge.documented import api, hold, revoked_soon
from tests.edge.people import OWN, Person, entered, people_stack, rows, sms_code
from tests.edge.processes import Reply

REFUSED = (403, 4003, "account_refused")
PASSWORD = "planted-Password-1"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with people_stack(tmp_path_factory.mktemp("login"), accounts=OWN) as running:
        yield running


def identity(stack: Stack, state: str, group: str = "mall") -> dict[str, str]:
    """Who the backend says the holder of this state is."""
    reply = stack.gateway(f"/{group}/x", ("user_session", state))
    assert reply.status == 200, reply.raw
    return reply.identity


def register(stack: Stack, username: str, **more: Any) -> Reply:
    return api(stack, "register", {"username": username, "password": PASSWORD, "app": "shop", **more})


def by_password(stack: Stack, username: str, password: str = PASSWORD, **more: Any) -> Reply:
    return api(stack, "login", {"username": username, "password": password, "app": "shop", **more})


def test_a_code_gives_a_login_state(stack: Stack) -> None:
    person = Person(stack, "zhangsan")
    first = api(stack, "login", {"code": person.code(), "app": "shop"})
    assert first.status == 200
    body = first.json
    assert set(body) == {"user_session", "expires_in", "uid", "new_user"}
    assert (body["expires_in"], body["new_user"]) == (7200, True)
    assert first.headers["user_session"] == body["user_session"]
    assert "server" not in first.headers
    who = identity(stack, body["user_session"])
    assert (who["x-menshen-user"], who["x-menshen-platform"]) == (body["uid"], "wechat")
    again = api(stack, "login", {"code": person.code(), "app": "shop"}).json
    assert (again["uid"], again["new_user"]) == (body["uid"], False)


def test_a_code_works_once_here_as_at_a_route(stack: Stack) -> None:
    code = Person(stack, "once").code()
    assert api(stack, "login", {"code": code, "app": "shop"}).status == 200
    assert api(stack, "login", {"code": code, "app": "shop"}).refusal == (401, 4022, "code_used")
    assert stack.gateway("/mall/x", ("js_code", code)).refusal == (401, 4022, "code_used")


def test_a_code_of_another_app_is_none(stack: Stack) -> None:
    code = Person(stack, "elsewhere").code()
    assert api(stack, "login", {"code": code, "app": "other"}).refusal == (401, 4022, "code_invalid")
    qq = Person(stack, "elsewhere", QQ_APPID, "qq")
    assert api(stack, "login", {"code": qq.code(), "app": "chat"}).status == 200


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({}, "call_malformed"),
        ({"app": "shop"}, "call_malformed"),
        ({"code": "0123456789abcdef"}, "call_malformed"),  # which app?
        ({"code": "0123456789abcdef", "app": "nobody"}, "call_malformed"),
        ({"code": "not a code!", "app": "shop"}, "code_malformed"),
        ({"code": ["0123456789abcdef"], "app": "shop"}, "call_malformed"),
        ({"code": "0123456789abcdef", "app": "shop", "openid": "o1"}, "call_malformed"),
        ({"code": "0123456789abcdef", "app": "shop", "username": "zhangsan"}, "call_malformed"),
        ({"code": "0123456789abcdef", "app": "shop", "iv": "abc"}, "call_malformed"),
        ({"username": "zhangsan", "password": "x", "app": "shop", "encryptedData": "a", "iv": "b"}, "call_malformed"),
        ({"code": "0123456789abcdef", "app": "shop", "secret": "x"}, "client_sent_secret"),
        ({"code": "0123456789abcdef", "app": "shop", "captcha": SECRET}, "client_sent_secret"),
    ],
)
def test_what_a_login_must_not_be(stack: Stack, body: dict[str, Any], refusal: str) -> None:
    before = stack.exchanges()
    assert api(stack, "login", body).refusal == (400, 4000, refusal)
    assert stack.exchanges() == before


@pytest.mark.parametrize("name", ["secret", "AppSecret", "app-secret"])
def test_an_appsecret_in_a_header_is_refused_and_says_why(stack: Stack, name: str) -> None:
    person, before = Person(stack, "leaky"), stack.exchanges()
    body = {"code": person.code(), "app": "shop"}
    reply = stack.gateway.post_json("/v1/login", body, (name, SECRET))
    assert reply.refusal == (400, 4000, "client_sent_secret")
    assert "reset it" in reply.json["message"]
    assert stack.exchanges() == before
    assert api(stack, "login", body).status == 200, "the code was not spent"


def test_the_session_that_was_presented_ends_with_a_login(stack: Stack) -> None:
    person = Person(stack, "fixed")
    old = person.log_in()
    reply = api(stack, "login", {"code": person.code(), "app": "shop"}, old)
    new = entered(reply)
    assert identity(stack, new)["x-menshen-user"]
    revoked_soon(stack, old)


def test_two_presented_states_are_refused_before_the_code_is_spent(stack: Stack) -> None:
    person = Person(stack, "two")
    state, before = person.log_in(), stack.exchanges()
    headers = (("user_session", state), ("user_session", state))
    reply = stack.gateway.post_json("/v1/login", {"code": person.code(), "app": "shop"}, *headers)
    assert reply.refusal == (400, 4000, "ambiguous_credential")
    assert stack.exchanges() == before


def test_an_account_is_registered_and_logs_in(stack: Stack) -> None:
    made = register(stack, "LiSi")
    assert (made.status, made.json["new_user"]) == (200, True)
    assert identity(stack, entered(made))["x-menshen-account"] == "lisi"
    again = by_password(stack, "lisi")
    assert (again.json["uid"], again.json["new_user"]) == (made.json["uid"], False)
    assert identity(stack, entered(again))["x-menshen-openid"] == ""
    assert register(stack, "lisi").refusal == (409, 4009, "account_taken")
    assert register(stack, "LISI").refusal == (409, 4009, "account_taken")


def test_unknown_and_wrong_are_told_alike(stack: Stack) -> None:
    register(stack, "wangwu")
    wrong, unknown = by_password(stack, "wangwu", "not-the-password"), by_password(stack, "nobody-at-all")
    assert wrong.refusal == unknown.refusal == REFUSED
    assert {**wrong.json, "request_id": ""} == {**unknown.json, "request_id": ""}
    assert wrong.headers.keys() == unknown.headers.keys()


def test_bind_once_with_a_password_then_the_code_alone(stack: Stack) -> None:
    uid = register(stack, "book").json["uid"]
    person = Person(stack, "book-phone")
    assert person.try_in(username="book", password="wrong-password").refusal == REFUSED
    bound = person.try_in(username="book", password=PASSWORD)
    assert (bound.json["uid"], bound.json["new_user"]) == (uid, False)
    assert identity(stack, entered(bound))["x-menshen-account"] == "book"
    assert identity(stack, person.log_in())["x-menshen-account"] == "book"


def test_a_wrong_password_leaves_the_code_unspent(stack: Stack) -> None:
    register(stack, "careful")
    code = Person(stack, "careful-phone").code()
    body = {"code": code, "app": "shop", "username": "careful"}
    assert api(stack, "login", {**body, "password": "wrong-password"}).refusal == REFUSED
    assert api(stack, "login", {**body, "password": PASSWORD}).status == 200


def test_an_account_of_another_user_is_taken(stack: Stack) -> None:
    register(stack, "taken", code=Person(stack, "taken-first").code())
    other = Person(stack, "taken-second")
    other.log_in()
    assert other.try_in(username="taken", password=PASSWORD).refusal == (409, 4009, "account_taken")


@pytest.mark.parametrize(
    ("username", "password", "refusal"),
    [
        ("ab", PASSWORD, "call_malformed"),
        ("name with spaces", PASSWORD, "call_malformed"),
        ("张三", PASSWORD, "call_malformed"),
        ("fine-name", "short", "password_weak"),
        ("fine-name", "password", "password_weak"),
        ("fine-name", "fine-name", "password_weak"),
        ("fine-name", "x" * 1025, "call_malformed"),
    ],
)
def test_what_cannot_be_registered(stack: Stack, username: str, password: str, refusal: str) -> None:
    body = {"username": username, "password": password, "app": "shop"}
    assert api(stack, "register", body).refusal == (400, 4000, refusal)


def test_a_registration_that_is_refused_leaves_no_account(stack: Stack) -> None:
    assert register(stack, "orphan", code="0123456789abcdef0123456789abcdef").refusal[1] == 4022
    assert not rows(stack, "SELECT * FROM accounts WHERE name = 'orphan'")
    assert register(stack, "orphan").status == 200


def test_open_data_fills_the_profile(stack: Stack) -> None:
    person = Person(stack, "profiled")
    person.log_in()
    code = person.code()
    info = person.user_info(profile={"nickName": "老王", "gender": 1, "city": "Guangzhou"})
    reply = api(stack, "login", {"code": code, "app": "shop", **info})
    me = api(stack, "me", None, entered(reply)).json
    assert (me["nickname"], me["gender"], me["city"]) == ("老王", 1, "Guangzhou")


def test_open_data_of_somebody_else_is_refused(stack: Stack) -> None:
    mine, theirs = Person(stack, "mine"), Person(stack, "theirs")
    mine.log_in()
    theirs.log_in()
    info = theirs.user_info(profile={"nickName": "theirs"})
    assert mine.try_in(**info).refusal == (400, 4000, "open_data_invalid")


def test_log_in_by_phone_finds_or_fills_in(stack: Stack) -> None:
    person = Person(stack, "phoned")
    code, phone_code = person.code(), person.phone_code("13800000001")
    made = api(stack, "login/phone", {"code": code, "phone_code": phone_code, "app": "shop"})
    assert made.json["new_user"] is True
    assert api(stack, "me", None, entered(made)).json["phone"] == "138****0001"
    code, data = person.code(), person.phone_data("13800000001")
    again = api(stack, "login/phone", {"code": code, **data, "app": "shop"})
    assert (again.status, again.json["uid"]) == (200, made.json["uid"])
    other = Person(stack, "phoned-too")
    taken = {"code": other.code(), "phone_code": other.phone_code("13800000001"), "app": "shop"}
    assert api(stack, "login/phone", taken).refusal == (409, 4009, "phone_taken")


@pytest.mark.parametrize("more", [{}, {"phone_code": "x", "encryptedData": "a", "iv": "b"}, {"encryptedData": "a"}])
def test_a_number_is_shown_in_one_way(stack: Stack, more: dict[str, str]) -> None:
    body = {"code": Person(stack, "one-way").code(), "app": "shop", **more}
    assert api(stack, "login/phone", body).refusal == (400, 4000, "call_malformed")


def test_log_in_by_text_message(stack: Stack) -> None:
    phone = "13800000002"
    code = sms_code(stack, phone, "login")
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    body = {"phone": phone, "app": "shop"}
    assert api(stack, "login/sms", {**body, "sms_code": wrong}).refusal == (400, 4022, "sms_code_invalid")
    made = api(stack, "login/sms", {**body, "sms_code": code})
    assert (made.status, made.json["new_user"]) == (200, True)
    assert api(stack, "login/sms", {**body, "sms_code": code}).refusal == (400, 4022, "sms_code_invalid")
    assert api(stack, "me", None, entered(made)).json["phone"] == "138****0002"
    assert identity(stack, entered(made))["x-menshen-user"] == made.json["uid"]


def test_sending_tells_nobody_who_has_an_account(stack: Stack) -> None:
    known, unknown = "13800000003", "13800000004"
    api(stack, "login/sms", {"phone": known, "sms_code": sms_code(stack, known, "login"), "app": "shop"})
    replies = [api(stack, "sms", {"phone": each, "purpose": "reset", "app": "shop"}) for each in (known, unknown)]
    assert [reply.json for reply in replies] == [{"sent": True, "expires_in": 300, "resend_after": 60}] * 2
    assert replies[0].headers.keys() == replies[1].headers.keys()
    soon = api(stack, "sms", {"phone": unknown, "purpose": "reset", "app": "shop"})
    assert soon.refusal == (429, 4025, "sms_limit")
    assert 1 <= int(soon.headers["retry-after"]) <= 60


@pytest.mark.parametrize(
    "body",
    [
        {"phone": "13800000005", "purpose": "anything"},
        {"phone": "138-0000-0005", "purpose": "login"},
        {"phone": "", "purpose": "login"},
        {"phone": "13800000005"},
        {"purpose": "login"},
    ],
)
def test_what_cannot_be_sent(stack: Stack, body: dict[str, str]) -> None:
    assert api(stack, "sms", {**body, "app": "shop"}).refusal == (400, 4000, "call_malformed")


def test_a_code_is_for_its_purpose(stack: Stack) -> None:
    phone = "13800000006"
    code = sms_code(stack, phone, "bind")
    reply = api(stack, "login/sms", {"phone": phone, "sms_code": code, "app": "shop"})
    assert reply.refusal == (400, 4022, "sms_code_invalid")


def test_a_forgotten_password_is_reset_and_every_session_ends(stack: Stack) -> None:
    phone, new = "13800000007", "Another-Password-2"
    state = entered(register(stack, "forgetful"))
    bound = api(stack, "me/phone", {"phone": phone, "sms_code": sms_code(stack, phone, "bind")}, state)
    state = entered(bound)
    code = sms_code(stack, phone, "reset")
    body = {"phone": phone, "sms_code": code, "app": "shop"}
    assert api(stack, "password/reset", {**body, "password": "short"}).refusal == (400, 4000, "password_weak")
    assert api(stack, "password/reset", {**body, "password": new}).json == {"ended": 1}
    revoked_soon(stack, state)
    assert by_password(stack, "forgetful").refusal == REFUSED
    assert by_password(stack, "forgetful", new).status == 200
    assert api(stack, "password/reset", {**body, "password": new}).refusal == (400, 4022, "sms_code_invalid")


def test_a_number_of_nobody_has_no_password(stack: Stack) -> None:
    phone = "13800000008"
    body = {"phone": phone, "sms_code": sms_code(stack, phone, "reset"), "password": PASSWORD, "app": "shop"}
    assert api(stack, "password/reset", body).refusal == (404, 4004, "not_bound")


def test_a_page_of_another_site_cannot_log_anybody_in(stack: Stack) -> None:
    """Login CSRF: what a form can send is not JSON by its type, whatever its text is."""
    body = json.dumps({"code": Person(stack, "csrf").code(), "app": "shop"}).encode()
    before = stack.exchanges()
    for media in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        reply = stack.gateway("/v1/login", ("Content-Type", media), method="POST", body=body)
        assert reply.refusal == (400, 4000, "call_malformed")
        hold(stack, "POST", "login", reply)
    assert stack.exchanges() == before


def test_usernames_and_passwords_in_a_query_stop_at_the_gateway(stack: Stack) -> None:
    register(stack, "passing")
    code = Person(stack, "passing-phone").code()
    query = f"keep=1&code={code}&who=passing&word={PASSWORD}&%77ho=x&w%6Frd=y"
    assert stack.gateway(f"/passing/x?{query}").refusal == (400, 4000, "ambiguous_credential")
    reply = stack.gateway(f"/passing/x?keep=1&code={code}&who=passing&word={PASSWORD}")
    assert reply.status == 200, reply.raw
    assert reply.identity["x-menshen-account"] == "passing"
    assert PASSWORD.encode() not in reply.raw
    assert code.encode() not in reply.raw
    assert reply.json["query"] == "keep=1"
