"""The user API through the whole stack: what a user does with himself, his avatar and his ways in."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.edge.conftest import OTHER_APPID, QQ_APPID, Stack
from tests.edge.documented import api, document, hold, revoked_soon
from tests.edge.people import OWN, Person, admin, entered, people_stack, sms_code
from tests.edge.processes import Reply
from tests.users.image_samples import gif, png

MISSING = (401, 4001, "session_missing")
CALL = (400, 4000, "call_malformed")
PASSWORD = "planted-Password-1"

PNG, GIF = png(), gif()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with people_stack(tmp_path_factory.mktemp("me"), accounts=OWN) as running:
        yield running


def put_avatar(stack: Stack, state: str, content: bytes, media: str = "image/png") -> Reply:
    headers = [("user_session", state), ("Content-Type", media)]
    reply = stack.gateway("/v1/me/avatar", *headers, method="POST", body=content)
    hold(stack, "POST", "me/avatar", reply)
    return reply


def form(content: bytes, field: str = "file", name: str = "tmp/wx.png") -> bytes:
    """As wx.uploadFile writes it."""
    head = f'--xxYYxx\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
    return head.encode() + b"Content-Type: text/html\r\n\r\n" + content + b"\r\n--xxYYxx--\r\n"


FORM = "multipart/form-data; boundary=xxYYxx"


def test_the_document_is_there_for_everybody(stack: Stack) -> None:
    told = document(stack)
    assert told["openapi"] == "3.1.0"
    assert told["servers"] == [{"url": "/v1"}]
    schemes = told["components"]["securitySchemes"].values()
    assert {"user_session", "sessionId", "Authentication"} <= {scheme.get("name") for scheme in schemes}


def test_everything_of_mine_needs_my_login_state(stack: Stack) -> None:
    for path, methods in document(stack)["paths"].items():
        for method, operation in methods.items():
            if "security" not in operation:
                continue
            if path.startswith("/authing/"):
                continue  # refused in an envelope of its own: test_authing_client.py
            call = (path.lstrip("/"), {} if method != "get" else None)
            assert api(stack, *call, method=method.upper()).refusal == MISSING
            assert api(stack, *call, state="garbage", method=method.upper()).refusal[:2] == (401, 4001)


def test_the_profile_is_my_own_word(stack: Stack) -> None:
    person = Person(stack, "profile")
    state, began = person.log_in(), int(time.time()) - 5
    me = api(stack, "me", None, state).json
    assert began <= me.pop("created_at") <= time.time()
    assert began <= me.pop("last_login_at") <= time.time()
    blank = dict.fromkeys(("nickname", "language", "city", "province", "country", "avatar", "account", "phone"), "")
    assert me == {**blank, "uid": me["uid"], "gender": 0}
    changed = api(stack, "me", {"nickname": "  张三 ", "gender": 2, "city": "广州"}, state, "PATCH")
    assert (changed.json["nickname"], changed.json["gender"], changed.json["city"]) == ("张三", 2, "广州")
    again = api(stack, "me", {"city": "", "country": "中国"}, state, "PATCH").json
    assert (again["nickname"], again["gender"], again["city"], again["country"]) == ("张三", 2, "", "中国")
    assert api(stack, "me", {}, state, "PATCH").json == again
    assert api(stack, "me", None, state).json == again


@pytest.mark.parametrize(
    "body",
    [
        {"uid": "u1"},
        {"account": "boss"},
        {"phone": "13800000000"},
        {"avatar": "x.png"},
        {"gender": 3},
        {"gender": "1"},
        {"nickname": None},
        {"nickname": "x" * 65},
        {"nickname": "a\nb"},
        {"nickname": "\u202egnp.exe"},
        {"language": "x" * 17},
    ],
)
def test_what_a_profile_does_not_take(stack: Stack, body: dict[str, Any]) -> None:
    state = Person(stack, "strict").log_in()
    before = api(stack, "me", None, state).json
    assert api(stack, "me", {"city": "x", **body}, state, "PATCH").refusal == CALL
    assert api(stack, "me", None, state).json == before


def test_an_avatar_raw_and_as_a_form(stack: Stack) -> None:
    state = Person(stack, "avatar").log_in()
    first = put_avatar(stack, state, PNG).json["avatar"]
    assert first.startswith("/v1/avatars/")
    assert api(stack, "me", None, state).json["avatar"] == first
    seen = stack.gateway(first)
    hold(stack, "GET", first.removeprefix("/v1/"), seen)
    assert (seen.status, seen.raw, seen.headers["content-type"]) == (200, PNG, "image/png")
    assert seen.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in seen.headers["content-security-policy"]
    second = put_avatar(stack, state, form(GIF), FORM).json["avatar"]
    assert second.endswith(".gif")
    assert stack.gateway(second).headers["content-type"] == "image/gif"
    assert stack.gateway(first).refusal == (404, 4004, "no_such_route")
    assert [file.stat().st_mode & 0o777 for file in (stack.data_dir / "avatars").glob(second.rpartition("/")[2])] == [
        0o600
    ]
    gone = api(stack, "me/avatar", None, state, "DELETE")
    hold(stack, "DELETE", "me/avatar", gone)
    assert gone.json == api(stack, "me/avatar", None, state, "DELETE").json == {"avatar": ""}
    assert api(stack, "me", None, state).json["avatar"] == ""
    assert stack.gateway(second).refusal == (404, 4004, "no_such_route")


@pytest.mark.parametrize(
    ("content", "media", "refusal"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", (415, 4000, "avatar_invalid")),
        (b"<html><script>alert(1)</script>", "image/png", (415, 4000, "avatar_invalid")),
        (b"", "image/png", (415, 4000, "avatar_invalid")),
        (PNG, "text/html", CALL),
        (PNG, "application/json", CALL),
        (form(PNG, "other"), FORM, CALL),
        (form(PNG)[:-14], FORM, CALL),
        (form(PNG)[:-4] + b"\r\n" + form(PNG), FORM, CALL),
        (PNG + b"x" * 512 * 1024, "image/png", (413, 4000, "avatar_too_large")),
        (form(PNG + b"x" * 512 * 1024), FORM, (413, 4000, "avatar_too_large")),
    ],
)
def test_what_is_no_avatar(stack: Stack, content: bytes, media: str, refusal: tuple[int, int, str]) -> None:
    state = Person(stack, "no-avatar").log_in()
    files = sorted((stack.data_dir / "avatars").glob("*"))
    assert put_avatar(stack, state, content, media).refusal == refusal
    assert api(stack, "me", None, state).json["avatar"] == ""
    assert sorted((stack.data_dir / "avatars").glob("*")) == files


def test_nobody_uploads_without_a_login_state(stack: Stack) -> None:
    headers = [("Content-Type", "image/png")]
    reply = stack.gateway("/v1/me/avatar", *headers, method="POST", body=PNG + b"x" * 2_000)
    assert reply.refusal == MISSING


@pytest.mark.parametrize(
    "name", ["x.png", "..png", "menshen.db", "admin.token", "%2e%2e%5cadmin.token", "a" * 26 + ".png", ".draft-x", ""]
)
def test_an_avatars_name_is_no_path(stack: Stack, name: str) -> None:
    assert stack.gateway(f"/v1/avatars/{name}").refusal[0] in (400, 404)


def test_identities_and_binding_another(stack: Stack) -> None:
    person = Person(stack, "binder")
    state = person.log_in()
    ways = api(stack, "me/identities", None, state).json
    assert [(each["app"], each["platform"]) for each in ways["identities"]] == [("shop", "wechat")]
    assert (ways["account"], ways["phone"]) == ("", "")
    chat = Person(stack, "binder-on-qq", QQ_APPID, "qq")
    bound = api(stack, "me/bind", {"code": chat.code(), "app": "chat"}, state)
    fresh = entered(bound)
    assert "new_user" not in bound.json
    revoked_soon(stack, state)
    ways = api(stack, "me/identities", None, fresh).json
    assert [(each["app"], each["platform"]) for each in ways["identities"]] == [("shop", "wechat"), ("chat", "qq")]
    assert chat.try_in().json["uid"] == bound.json["uid"]
    assert chat.try_in().json["new_user"] is False


def test_an_identity_of_another_user_is_a_conflict(stack: Stack) -> None:
    mine, theirs = Person(stack, "conflict"), Person(stack, "conflict-other", QQ_APPID, "qq")
    their_uid = theirs.try_in().json["uid"]
    state = mine.log_in()
    refused = api(stack, "me/bind", {"code": theirs.code(), "app": "chat"}, state)
    assert refused.refusal == (409, 4009, "identity_conflict")
    assert their_uid.encode() not in refused.raw
    assert theirs.try_in().json["uid"] == their_uid
    assert api(stack, "me", None, state).status == 200, "a refusal ends no session"


def test_the_new_session_is_by_the_rules_of_the_old_one(stack: Stack) -> None:
    """spring-login and shop-login are plugins of one app; what replaces a session is what it was."""
    person = Person(stack, "ruled")
    body = json.dumps({"js_code": person.code()}).encode()
    login = stack.gateway("/wx/login", ("Content-Type", "application/json"), method="POST", body=body)
    state = ("Authentication", login.json["data"])
    chat = Person(stack, "ruled-on-qq", QQ_APPID, "qq")
    bound = stack.gateway.post_json("/v1/me/bind", {"code": chat.code(), "app": "chat"}, state)
    assert set(bound.json) == {"Authentication", "expires_in", "uid"}
    assert stack.gateway("/wx/x", ("Authentication", bound.json["Authentication"])).status == 200


def test_unbinding_ends_what_carried_it_and_never_the_last_way_in(stack: Stack) -> None:
    person = Person(stack, "unbinder")
    state = person.log_in()
    [only] = api(stack, "me/identities", None, state).json["identities"]
    assert api(stack, "me/unbind", {"identity": only["id"]}, state).refusal == (409, 4009, "last_way_in")
    qq = Person(stack, "unbinder-on-qq", QQ_APPID, "qq")
    state = entered(api(stack, "me/bind", {"code": qq.code(), "app": "chat"}, state))
    on_qq = qq.log_in()
    ids = {each["app"]: each["id"] for each in api(stack, "me/identities", None, state).json["identities"]}
    state = entered(api(stack, "me/unbind", {"identity": ids["chat"]}, state))
    revoked_soon(stack, on_qq)
    assert qq.try_in().json["new_user"] is True
    assert api(stack, "me/unbind", {"identity": ids["chat"]}, state).refusal == (404, 4004, "not_bound")
    assert api(stack, "me/unbind", {"account": True}, state).refusal == (404, 4004, "not_bound")
    assert api(stack, "me/unbind", {"phone": True}, state).refusal == (404, 4004, "not_bound")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("me/bind", {}),
        ("me/bind", {"code": "x", "username": "a", "password": "b"}),
        ("me/bind", {"username": "a"}),
        ("me/bind", {"code": "0123456789", "app": "nobody"}),
        ("me/unbind", {}),
        ("me/unbind", {"identity": 1, "phone": True}),
        ("me/unbind", {"account": False}),
        ("me/unbind", {"identity": "1"}),
        ("me/unbind", {"identity": True}),
        ("me/phone", {}),
        ("me/phone", {"phone": "13800000001"}),
        ("me/phone", {"phone_code": "x", "phone": "13800000001", "sms_code": "123456"}),
        ("me/phone/get", {}),
        ("me/phone/get", {"phone": "13800000001", "sms_code": "123456"}),
        ("me/phone/get", {"encryptedData": "x"}),
        ("me/close", {}),
        ("me/close", {"confirm": False}),
        ("me/close", {"confirm": "yes"}),
        ("me/password", {"password": "a"}),
    ],
)
def test_calls_that_say_nothing_or_two_things(stack: Stack, path: str, body: dict[str, Any]) -> None:
    state = Person(stack, "clear").log_in()
    assert api(stack, path, body, state).refusal == CALL
    assert api(stack, "me", None, state).status == 200


def test_a_phone_number_by_code_and_by_data(stack: Stack) -> None:
    person = Person(stack, "number")
    state = person.log_in()
    got = api(stack, "me/phone/get", {"phone_code": person.phone_code("13900000001")}, state)
    assert got.json == {"phoneNumber": "13900000001", "purePhoneNumber": "13900000001", "countryCode": "86"}
    assert api(stack, "me", None, state).json["phone"] == "", "get binds nothing"
    assert api(stack, "me/phone/get", person.phone_data("13900000001"), state).json == got.json
    code = person.phone_code("13900000001")
    state = entered(api(stack, "me/phone", {"phone_code": code}, state))
    assert api(stack, "me", None, state).json["phone"] == "139****0001"
    assert api(stack, "me/identities", None, state).json["phone"] == "139****0001"
    again = api(stack, "me/phone", {"phone_code": person.phone_code("13900000002")}, state)
    assert again.refusal == (409, 4009, "already_bound")
    other = Person(stack, "number-thief")
    theirs = other.log_in()
    taken = api(stack, "me/phone", other.phone_data("13900000001"), theirs)
    assert taken.refusal == (409, 4009, "phone_taken")
    state = entered(api(stack, "me/unbind", {"phone": True}, state))
    assert api(stack, "me/phone", {"phone_code": other.phone_code("13900000001")}, theirs).status == 200


def test_a_phone_code_of_another_user_is_none(stack: Stack) -> None:
    mine, theirs = Person(stack, "phone-mine"), Person(stack, "phone-theirs")
    state = mine.log_in()
    theirs.log_in()
    stolen = api(stack, "me/phone", {"phone_code": theirs.phone_code("13900000003")}, state)
    assert stolen.refusal == (400, 4022, "phone_code_invalid")


def test_a_rotated_session_key_says_log_in_again(stack: Stack) -> None:
    person = Person(stack, "rotated")
    state = person.log_in()
    reply = stack.emulator.post_json("/emulator/wechat/session-key", person.who)
    assert reply.status == 200
    stale = api(stack, "me/phone/get", person.phone_data("13900000004"), state)
    assert stale.refusal == (401, 4001, "session_key_stale")
    assert stale.json["action"] == "login"


def test_what_a_platform_does_not_have_is_not_offered(stack: Stack) -> None:
    person = Person(stack, "qq-phone", QQ_APPID, "qq")
    assert api(stack, "me/phone", {"phone_code": "abc"}, person.log_in()).refusal == (404, 4004, "not_offered")


def test_a_number_by_text_message(stack: Stack) -> None:
    state = Person(stack, "texted").log_in()
    code = sms_code(stack, "13900000005", "bind")
    bound = api(stack, "me/phone", {"phone": "13900000005", "sms_code": code}, state)
    assert api(stack, "me", None, entered(bound)).json["phone"] == "139****0005"


def test_my_account_and_its_password(stack: Stack) -> None:
    registered = api(stack, "register", {"username": "keeper", "password": PASSWORD, "app": "shop"})
    state = entered(registered)
    log_in = {"username": "keeper", "app": "shop"}
    other = entered(api(stack, "login", {**log_in, "password": PASSWORD}))
    wrong = {"password": "not-it-at-all", "new_password": "Another-Password-2"}
    assert api(stack, "me/password", wrong, state).refusal == (403, 4003, "account_refused")
    weak = {"password": PASSWORD, "new_password": "short"}
    assert api(stack, "me/password", weak, state).refusal == (400, 4000, "password_weak")
    assert api(stack, "me/password", {**wrong, "password": PASSWORD}, state).json == {"ended": 1}
    revoked_soon(stack, other)
    assert api(stack, "me", None, state).json["account"] == "keeper"
    assert api(stack, "login", {**log_in, "password": PASSWORD}).refusal == (403, 4003, "account_refused")
    assert api(stack, "login", {**log_in, "password": "Another-Password-2"}).status == 200
    person = Person(stack, "no-account")
    assert api(stack, "me/password", weak, person.log_in()).refusal == (404, 4004, "not_bound")


def test_binding_an_account_by_password(stack: Stack) -> None:
    uid = api(stack, "register", {"username": "spare", "password": PASSWORD, "app": "shop"}).json["uid"]
    person = Person(stack, "spare-phone")
    state = person.log_in()
    body = {"username": "spare", "password": PASSWORD}
    assert api(stack, "me/bind", {**body, "password": "wrong-one"}, state).refusal == (403, 4003, "account_refused")
    assert api(stack, "me/bind", body, state).refusal == (409, 4009, "account_taken")
    assert uid != api(stack, "me", None, state).json["uid"]


def test_who_is_banned_is_out_at_once_and_stays_out(stack: Stack) -> None:
    person = Person(stack, "banned")
    reply = person.try_in()
    state = entered(reply)
    assert admin(stack, f"/v1/users/{reply.json['uid']}/ban", {"reason": "spam"}).status == 200
    revoked_soon(stack, state)
    assert person.try_in().refusal == (403, 4003, "user_banned")
    assert b"spam" not in person.try_in().raw
    assert admin(stack, f"/v1/users/{reply.json['uid']}/unban", {}).status == 200
    assert person.try_in().json["uid"] == reply.json["uid"]


def test_closing_erases_and_frees(stack: Stack) -> None:
    person = Person(stack, "closing")
    reply = person.try_in()
    state = entered(reply)
    api(stack, "me", {"nickname": "planted-nickname"}, state, "PATCH")
    picture = put_avatar(stack, state, PNG).json["avatar"]
    assert api(stack, "me/close", {"confirm": True}, state).json == {"closed": True}
    revoked_soon(stack, state)
    assert stack.gateway(picture).refusal == (404, 4004, "no_such_route")
    assert not list((stack.data_dir / "avatars").glob(picture.rpartition("/")[2]))
    again = person.try_in()
    assert again.json["new_user"] is True
    assert again.json["uid"] != reply.json["uid"]
    assert api(stack, "me", None, entered(again)).json["nickname"] == ""


def test_one_unionid_in_two_apps_is_one_user(stack: Stack) -> None:
    here, there = Person(stack, "united"), Person(stack, "united", OTHER_APPID)
    assert here.try_in().json["uid"] == there.try_in().json["uid"]
    ways = api(stack, "me/identities", None, here.log_in()).json["identities"]
    assert [each["app"] for each in ways] == ["shop", "other"]


def test_the_api_survives_whatever_is_sent(stack: Stack) -> None:
    """No body of any shape is a fault of ours."""
    state = Person(stack, "fuzzed").log_in()
    shapes = [
        b"",
        b"{",
        b"null",
        b'"x"',
        b"[[]]",
        b'{"code":{"$ne":1}}',
        b'{"\\u0000":1}',
        b"\x00" * 50,
        b'{"code":1e999}',
    ]
    for path, methods in document(stack)["paths"].items():
        for method, operation in methods.items():
            if "requestBody" not in operation or path in ("/me/close", "/logout"):
                continue
            for shape in shapes:
                headers = [("user_session", state), ("Content-Type", "application/json")]
                reply = stack.gateway(f"/v1{path}", *headers, method=method.upper(), body=shape)
                hold(stack, method.upper(), path.lstrip("/"), reply)
                assert reply.status < 500, (path, shape, reply.raw)
