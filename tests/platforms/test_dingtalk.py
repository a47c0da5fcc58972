"""DingTalk's flows by hand. What it has is in ``rows.py``."""

from __future__ import annotations

import pytest

from menshen.config.snapshot import App
from menshen.errors import (
    CodeInvalid,
    CodeMalformed,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    PlatformSaysBusy,
    UserBlocked,
)
from menshen.platforms import dingtalk
from menshen.platforms.base import PlatformIdentity, TokenLogins, TokenRefused
from menshen.platforms.dingtalk import DingTalk
from menshen.secret import Secret
from tests.platforms.flows import answered, plain, question

DINGTALK = DingTalk()
SECRET, TOKEN, CODE = "0123456789abcdef", "96fc7a7axxx", "hYLK98jkf0m"
APP = App("staff", "dingtalk", "ding0000000000000001", Secret(SECRET))
RESULT = {
    "userid": "manager4220",
    "unionid": "hk0iPcveAKiikiE",
    "name": "员工",
    "device_id": "0f31ccbfa5c8f15db009629fd2d89117",
    "sys": True,
    "sys_level": 1,
}


def good(**change: object) -> dict[str, object]:
    return {"errcode": 0, "errmsg": "ok", "result": RESULT | change, "request_id": "15s9in2w1yat9"}


def login(body: object, status: int = 200) -> PlatformIdentity:
    return answered(DINGTALK.code2session_by(APP, Secret(TOKEN), CODE), body, status)


def within(number: object, said: str) -> dict[str, object]:
    errmsg = f"ding talk error[subcode={number},submsg={said}]"
    return {"errcode": 88, "sub_code": number, "sub_msg": said, "errmsg": errmsg, "request_id": "16l4ew3d47pdp"}


def test_a_login_comes_with_a_token_and_without_the_secret():
    asked = question(DINGTALK.code2session_by(APP, Secret(TOKEN), CODE))
    assert (asked.method, asked.url) == ("POST", "https://oapi.dingtalk.com/topapi/v2/user/getuserinfo")
    assert (plain(asked.query), plain(asked.json)) == ({"access_token": TOKEN}, {"code": CODE})
    assert TOKEN not in repr(asked)
    assert CODE not in repr(asked)
    assert isinstance(DINGTALK, TokenLogins)


def test_of_a_member_his_two_ids_stay_and_there_is_no_session_key():
    assert login(good()) == PlatformIdentity("manager4220", "hk0iPcveAKiikiE", Secret(""))
    assert login(good(unionid=None)).unionid == ""


def test_a_token():
    asked = question(DINGTALK.access_token(APP, False))
    assert (asked.method, asked.url) == ("GET", "https://oapi.dingtalk.com/gettoken")
    assert plain(asked.query) == {"appkey": APP.appid, "appsecret": SECRET}
    assert SECRET not in repr(asked)
    body = {"errcode": 0, "access_token": TOKEN, "errmsg": "ok", "expires_in": 7200}
    token = answered(DINGTALK.access_token(APP, False), body)
    assert (token.token.reveal(), token.expires_in) == (TOKEN, 7200)


@pytest.mark.parametrize("code", ["", "x&access_token=other", "a b", "a" * 257, "code\n"])
def test_a_code_that_is_none_is_not_sent(code):
    with pytest.raises(CodeMalformed):
        next(DINGTALK.code2session_by(APP, Secret(TOKEN), code))


@pytest.mark.parametrize("userid", ["a", "0138-2371.b_c@d", "x" * 64])
def test_userids_that_a_corp_may_have_given(userid):
    assert login(good(userid=userid)).openid == userid


@pytest.mark.parametrize("form", [lambda number, said: {"errcode": number, "errmsg": said}, within])
@pytest.mark.parametrize(("number", "kind"), dingtalk.CALL_ERRORS.items())
def test_every_number_of_a_login_under_its_own_name_and_within_88(number, kind, form):
    for written in (number, str(number)):
        with pytest.raises(kind) as raised:
            login(form(written, f"no {CODE}, no {TOKEN}"))
        assert (raised.value.platform_errcode, raised.value.detail) == (number, "no ***, no ***")


@pytest.mark.parametrize(("number", "kind"), dingtalk.TOKEN_ERRORS.items())
def test_every_number_of_a_token(number, kind):
    with pytest.raises(kind) as raised:
        answered(DINGTALK.access_token(APP, False), {"errcode": number, "errmsg": f"no {SECRET}"})
    assert (raised.value.platform_errcode, raised.value.detail) == (number, "no ***")


def test_answers_that_were_seen():
    """With made-up credentials: a public project's record of them."""
    for body, kind in (
        (within("40014", "不合法的access_token"), TokenRefused),
        (within("40000", "access_token is blank"), PlatformRefusedUs),
        ({"errcode": 40078, "errmsg": "不存在的临时授权码"}, CodeInvalid),
        ({"errcode": 60121, "errmsg": "找不到该用户", "request_id": "xyvo2y4n4"}, UserBlocked),
        (
            {"errcode": 22, "sub_msg": "不合法ApiName", "errmsg": "Invalid method[submsg=不合法ApiName]"},
            PlatformRefusedUs,
        ),
    ):
        with pytest.raises(kind):
            login(body)
    with pytest.raises(PlatformRefusedUs) as raised:
        answered(DINGTALK.access_token(APP, False), {"errcode": 40096, "errmsg": "不合法的appKey或appSecret"})
    assert dingtalk.REFUSED_FOR[raised.value.platform_errcode] == "credentials"


def test_an_address_that_has_called_too_often_is_answered_without_a_number():
    with pytest.raises(PlatformLimit):
        login({"status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": "xxx"})


@pytest.mark.parametrize("sub_code", [None, "", "isv.permission", [], True, 0, "0", "-00"])
def test_88_alone_is_a_permission(sub_code):
    with pytest.raises(PlatformRefusedUs) as raised:
        login(within(sub_code, "鉴权异常"))
    assert raised.value.platform_errcode == 88


def test_88_around_a_number_that_no_page_has_is_nobodys_success():
    with pytest.raises(PlatformReplyInvalid):
        login(within("123456", "of no page"))


@pytest.mark.parametrize(
    "body",
    [
        good(userid=None),
        good(userid=""),
        good(userid=42),
        good(userid="u\r\nX-Evil: 1"),
        good(userid="张三"),
        good(userid="x" * 65),
        good(unionid="u\nv"),
        good() | {"result": None},
        good() | {"result": []},
        good() | {"errcode": None},
        good() | {"errcode": True},
        good() | {"errcode": "many"},
        {"errcode": 123456, "errmsg": "of no page"},
        {"userid": "manager4220", "errcode": 0},
        {},
        b"[]",
        b"<html>",
        b'{"result":{"userid"',
    ],
)
def test_answers_that_are_none(body):
    with pytest.raises(PlatformReplyInvalid):
        login(body)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(503, PlatformSaysBusy), (429, PlatformLimit), (302, PlatformReplyInvalid), (400, PlatformReplyInvalid)],
)
def test_http_statuses(status, kind):
    with pytest.raises(kind):
        login(good(), status)
