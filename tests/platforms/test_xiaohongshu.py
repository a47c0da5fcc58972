"""Xiaohongshu's flows, by hand."""

from __future__ import annotations

import pytest

from menshen.config.snapshot import App
from menshen.errors import (
    CodeInvalid,
    CodeMalformed,
    InternalFault,
    NotOffered,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    PlatformSaysBusy,
)
from menshen.platforms import xiaohongshu
from menshen.platforms.base import PlatformIdentity, TokenLogins, TokenRefused
from menshen.platforms.xiaohongshu import Xiaohongshu
from menshen.secret import Secret
from tests.platforms.flows import answered, plain, question

XHS = Xiaohongshu()
SECRET, TOKEN, CODE = "0123456789abcdef", "305597bcc2974b5db049d66c346f2126", "77d472508c97439693a70330457480c3"
APP = App("shop", "xiaohongshu", "62c65ac8b7945e0001577f34", Secret(SECRET))
KEY = "a2tra2tra2tra2tra2tra2tra2tra2tr"


def good(**change: object) -> dict[str, object]:
    data = {"openid": "o1", "session_key": KEY} | change
    return {"data": data, "success": True, "msg": "success", "code": 0}


def login(body: object, status: int = 200) -> PlatformIdentity:
    return answered(XHS.code2session_by(APP, Secret(TOKEN), CODE), body, status)


def test_a_login_comes_with_a_token_and_without_the_secret():
    asked = question(XHS.code2session_by(APP, Secret(TOKEN), CODE))
    assert (asked.method, asked.url) == ("GET", "https://miniapp.xiaohongshu.com/api/rmp/session")
    assert plain(asked.query) == {"app_id": APP.appid, "access_token": TOKEN, "code": CODE}
    assert TOKEN not in repr(asked)
    assert isinstance(XHS, TokenLogins)
    with pytest.raises(InternalFault):
        XHS.code2session(APP, CODE)


def test_a_token():
    asked = question(XHS.access_token(APP, False))
    assert (asked.method, asked.url) == ("POST", "https://miniapp.xiaohongshu.com/api/rmp/token")
    assert plain(asked.json) == {"appid": APP.appid, "secret": SECRET}
    for name in ("expire_in", "expires_in"):
        body = {"data": {"access_token": "t", name: 7200}, "success": True, "code": 0}
        assert answered(XHS.access_token(APP, False), body).expires_in == 7200


@pytest.mark.parametrize("field", ["openid", "open_id"])
def test_either_name_of_an_openid(field):
    body = {"data": {field: "o1", "session_key": KEY}, "success": True, "code": "0"}
    assert login(body) == PlatformIdentity("o1", "", Secret(KEY))


@pytest.mark.parametrize("code", ["", "x&app_id=other", "a b", "a" * 257, "code\n"])
def test_a_code_that_is_none_is_not_sent(code):
    with pytest.raises(CodeMalformed):
        next(XHS.code2session_by(APP, Secret(TOKEN), code))


def test_the_one_number_that_is_known():
    assert dict(xiaohongshu.CALL_ERRORS) == {410101: TokenRefused}
    with pytest.raises(TokenRefused) as raised:
        login({"success": False, "msg": "应用访问令牌不匹配", "data": None, "code": 410101})
    assert raised.value.platform_errcode == 410101


def test_another_number_is_about_what_the_call_was_about():
    body = {"success": False, "msg": f"no {CODE} {SECRET}", "data": None, "code": 123456}
    with pytest.raises(CodeInvalid) as of_a_code:
        login(body)
    assert (of_a_code.value.platform_errcode, of_a_code.value.detail) == (123456, f"no *** {SECRET}")
    with pytest.raises(PlatformRefusedUs) as of_credentials:
        answered(XHS.access_token(APP, False), body)
    assert of_credentials.value.detail == f"no {CODE} ***"


@pytest.mark.parametrize(
    "body",
    [
        good(openid=None),
        good(openid="o\r\nX-Evil: 1"),
        good(session_key="short"),
        good() | {"success": False},
        good() | {"success": None},
        good() | {"data": None},
        good() | {"data": []},
        good() | {"code": True},
        good() | {"code": "many"},
        {},
        b"[]",
        b"<html>",
        b'{"data":{"openid"',
    ],
)
def test_answers_that_are_none(body):
    with pytest.raises(PlatformReplyInvalid):
        login(body)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(503, PlatformSaysBusy), (429, PlatformLimit), (302, PlatformReplyInvalid), (401, PlatformReplyInvalid)],
)
def test_http_statuses(status, kind):
    with pytest.raises(kind):
        login(good(), status)


def test_what_it_does_not_have():
    for ask in (
        lambda: XHS.phone_number(APP, Secret(TOKEN), CODE, "o"),
        lambda: XHS.check_session(APP, Secret(TOKEN), "o", Secret(KEY)),
        lambda: XHS.reset_session_key(APP, Secret(TOKEN), "o", Secret(KEY)),
    ):
        with pytest.raises(NotOffered):
            ask()
