"""The shape of Authing's first mini-program SDK, on Menshen's user API."""

from __future__ import annotations

from typing import Any

from tests.edge.conftest import APPID, Stack
from tests.sdk.gateway import Phone

FIELDS = (
    "_id email emailVerified username nickname company photo phone browser registerInClient registerMethod oauth token"
    " tokenExpiredAt loginsCount lastLogin lastIP signedUp blocked isDeleted"
)
LOGIN = ["loginWithWxapp", "$code", "$user"]


def calls(page: Phone, *asked: list[Any], **given: Any) -> list[Any]:
    results: list[Any] = page.runs("authing", calls=list(asked), **given)["results"]
    return results


def test_a_page_logs_in_with_its_code_and_gets_authings_user(stack: Stack) -> None:
    (login,) = calls(
        Phone(stack, "authing"), LOGIN, profile={"nickName": "张三", "avatarUrl": "https://a.example/1.png"}
    )
    user = login["result"]
    assert set(user) == set(FIELDS.split())
    assert (user["nickname"], user["photo"]) == ("张三", "https://a.example/1.png")
    assert user["registerInClient"] == "YOUR_USERPOOLID"
    assert user["tokenExpiredAt"] > user["lastLogin"] >= user["signedUp"]
    assert stack.gateway("/mall/1", ("user_session", user["token"])).status == 200


def test_version_3_passes_one_object_and_may_replace_the_nickname(stack: Stack) -> None:
    phone = Phone(stack, "authing-v3")
    calls(phone, LOGIN, profile={"nickName": "before"})
    call = {"code": "$code", "detail": "$user", "phone": "13900000001"}
    kept, replaced = calls(
        phone,
        ["loginWithWxapp", call],
        ["loginWithWxapp", {**call, "overideProfile": True}],
        profile={"nickName": "after"},
    )
    assert (kept["result"]["nickname"], replaced["result"]["nickname"]) == ("before", "after")
    assert kept["result"]["phone"] is None  # what a client says of a number proves nothing


def test_a_number_is_bound_the_old_way_and_the_new(stack: Stack) -> None:
    for old in (False, True):
        number = f"1380000004{old:d}"
        asked = [LOGIN, ["bindPhone", "$code", "$phone"]]
        _, bound = calls(Phone(stack, f"authing-phone-{old}"), *asked, old=old, phone=number)
        assert bound["result"]["phone"] == f"138****004{old:d}"
        assert stack.gateway("/mall/1", ("user_session", bound["result"]["token"])).status == 200


def test_a_changed_key_costs_the_pages_code_and_the_number_is_bound(stack: Stack) -> None:
    phone = Phone(stack, "authing-rotated")
    state = phone.log_in().state
    user = {"appid": APPID, "user": "authing-rotated"}
    assert stack.emulator.post_json("/emulator/wechat/session-key", user).status == 200
    exchanges = stack.exchanges()
    key = f"_authing_token:YOUR_USERPOOLID@{stack.gateway.origin}"
    (bound,) = calls(
        phone, ["bindPhone", "$code", "$phone"], old=True, phone="13800000045", stored={key: {"state": state}}
    )
    assert bound["result"]["phone"] == "138****0045"
    assert stack.exchanges() == exchanges + 1


def test_a_number_is_told_without_being_bound(stack: Stack) -> None:
    asked = [LOGIN, ["getPhone", "$code", "$phone"], ["user", {"id": "any"}]]
    _, told, user = calls(Phone(stack, "authing-told"), *asked, phone="13800000046")
    assert told["result"] == {"phoneNumber": "13800000046", "purePhoneNumber": "13800000046", "countryCode": "86"}
    assert user["result"]["phone"] is None


def test_who_is_not_logged_in_is_told_so(stack: Stack) -> None:
    status, bound = calls(Phone(stack, "authing-out"), ["checkLoginStatus"], ["bindPhone", "$code", "$phone"])
    assert status["result"] == {"code": 2020, "status": False, "message": "未登录"}
    assert bound["error"] == "绑定手机号之前请先登录！"


def test_a_user_who_says_no_is_the_platforms_own_words(stack: Stack) -> None:
    denied = {"errMsg": "getUserInfo:fail auth deny"}
    (login,) = calls(Phone(stack, "authing-denied"), ["loginWithWxapp", "$code", denied])
    assert login["error"] == "getUserInfo:fail auth deny"


def test_status_and_logout(stack: Stack) -> None:
    asked = [LOGIN, ["checkLoginStatus"], ["logout", "id"], ["checkLoginStatus"]]
    _, during, left, after = calls(Phone(stack, "authing-leaving"), *asked)
    assert during["result"]["status"] is True
    assert left["result"]["tokenExpiredAt"] == "0"
    assert after["result"]["code"] == 2020


def test_an_expired_login_is_code_2206(stack: Stack) -> None:
    phone = Phone(stack, "authing-expired")
    key = f"_authing_token:YOUR_USERPOOLID@{stack.gateway.origin}"
    (status,) = calls(phone, ["checkLoginStatus"], stored={key: phone.expired()})
    assert (status["result"]["code"], status["result"]["status"]) == (2206, False)


def test_a_code_that_was_used_is_the_gateways_error(stack: Stack) -> None:
    code = stack.code("authing-used")
    assert stack.gateway("/mall/1", ("js_code", code)).status == 200
    (login,) = calls(Phone(stack, "authing-used"), ["loginWithWxapp", code, "$user"])
    assert (login["error"]["reason"], login["error"]["code"]) == ("code_used", 4022)


def test_a_profile_is_updated(stack: Stack) -> None:
    asked = [LOGIN, ["update", {"_id": "x", "nickname": "新名"}], ["update", {"photo": "https://a.example/2.png"}]]
    _, updated, refused = calls(Phone(stack, "authing-update"), *asked)
    assert updated["result"]["nickname"] == "新名"
    assert refused["error"]["reason"] == "photo_not_local"
