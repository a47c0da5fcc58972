"""Douyin by hand: what each call looks like, and what is made of every answer."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from menshen.config.snapshot import App
from menshen.errors import (
    CodeInvalid,
    CodeMalformed,
    InternalFault,
    NotOffered,
    PhoneCodeInvalid,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    PlatformSaysBusy,
)
from menshen.platforms.base import PlatformPhone, TokenRefused
from menshen.platforms.douyin import ERRORS, REFUSED_FOR, Douyin
from menshen.platforms.douyin_phone import CALL_ERRORS, TOKEN_ERRORS
from menshen.secret import Secret
from tests.platforms.app_keys import key, private_text
from tests.platforms.flows import answered, plain, question

DOUYIN = Douyin()
SECRET = "5ec4e7canary0123456789abcdef0123"
APP = App("shop", "douyin", "tt0000000000000001", Secret(SECRET), "", "", Secret(private_text("app")))
DATA = {"session_key": "+ayNafOPeRTHJkc0H67XCw==", "openid": "V3WvSsh", "anonymous_openid": "", "unionid": "f7510d9a-b"}
TOKEN = Secret("clt.token0123456789")
NUMBER = {
    "phoneNumber": "+8613580006666",
    "purePhoneNumber": "13580006666",
    "countryCode": "86",
    "watermark": {"appid": APP.appid, "timestamp": 1_700_000_000},
}


def success(**change: object) -> dict[str, object]:
    return {"err_no": 0, "err_tips": "success", "data": {**DATA, **change}}


def login(body: object, code: str = "code-1", status: int = 200):
    return answered(DOUYIN.code2session(APP, code), body, status)


def test_a_login_is_a_post_of_json_with_the_code():
    asked = question(DOUYIN.code2session(APP, "code-1"))

    assert (asked.method, asked.url) == ("POST", "https://developer.toutiao.com/api/apps/v2/jscode2session")
    assert plain(asked.json) == {"appid": APP.appid, "secret": SECRET, "code": "code-1"}
    assert not asked.query
    assert SECRET not in repr(asked)


def test_a_devices_code_goes_where_devices_codes_go():
    asked = question(DOUYIN.code2session(APP, "anonymous:code-1"))
    assert plain(asked.json) == {"appid": APP.appid, "secret": SECRET, "anonymous_code": "code-1"}


@pytest.mark.parametrize("code", ["", "a b", "anonymous:", "anonymous:anonymous:x", "other:x", "x" * 481, "é"])
def test_a_code_that_cannot_be_one_is_not_sent(code):
    with pytest.raises(CodeMalformed):
        next(DOUYIN.code2session(APP, code))


@pytest.mark.parametrize(
    "body",
    [success(), {**success(), "log_id": "1"}, {"data": DATA}, {**success(), "err_no": "0"}, success(new=[1])],
    ids=["as shown", "log_id", "no err_no", "a text", "more"],
)
def test_who_logged_in(body):
    identity = login(body)
    assert (identity.openid, identity.unionid) == ("V3WvSsh", "f7510d9a-b")
    assert identity.session_key.reveal() == DATA["session_key"]


def test_a_unionid_may_be_missing():
    assert login(success(unionid="")).unionid == login(success(unionid=None)).unionid == ""


def test_a_device_is_no_user_and_says_so():
    identity = login(success(openid="", session_key="", anonymous_openid="d3vice"), "anonymous:code-1")
    assert (identity.openid, identity.unionid, identity.session_key.reveal()) == ("anonymous:d3vice", "", "")


def test_a_devices_code_brings_no_user_whatever_the_answer_says():
    with pytest.raises(PlatformReplyInvalid):
        login(success(anonymous_openid=""), "anonymous:code-1")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"<html>",
        {"err_no": 0},
        {"err_no": 0, "data": []},
        {"err_no": True, "data": DATA},
        {"err_no": "x", "data": DATA},
        success(openid=""),
        success(openid="a b"),
        success(openid="anonymous:x"),
        success(session_key=""),
        success(session_key=7),
        success(unionid="a\nb"),
        {"err_no": 0, "openid": "V3WvSsh", "session_key": DATA["session_key"]},
    ],
)
def test_a_malformed_answer_is_no_login(body):
    with pytest.raises(PlatformReplyInvalid):
        login(body)


@pytest.mark.parametrize(("status", "kind"), [(502, PlatformSaysBusy), (302, PlatformReplyInvalid)])
def test_another_status_than_200(status, kind):
    with pytest.raises(kind):
        login(success(), status=status)


KINDS = {
    -1: PlatformSaysBusy,
    40014: PlatformRefusedUs,
    40015: PlatformRefusedUs,
    40017: PlatformRefusedUs,
    40018: CodeInvalid,
    40019: CodeInvalid,
    28003017: PlatformLimit,
}


def test_the_table_is_whole():
    assert dict(ERRORS) == KINDS


@pytest.mark.parametrize(("err_no", "kind"), [*KINDS.items(), (40226, PlatformReplyInvalid), (1, PlatformReplyInvalid)])
@pytest.mark.parametrize("names", [("err_no", "err_tips"), ("errcode", "errmsg")])
def test_errors_of_both_versions(err_no, kind, names):
    with pytest.raises(kind) as raised:
        login({names[0]: err_no, names[1]: f"bad code code-1 {SECRET}\n", "error": 3})
    assert type(raised.value) is kind
    assert raised.value.platform_errcode == err_no
    assert raised.value.detail == "bad code *** ***"


def test_a_token():
    asked = question(DOUYIN.access_token(APP, False))
    assert (asked.method, asked.url) == ("POST", "https://open.douyin.com/oauth/client_token/")
    assert plain(asked.json) == {"grant_type": "client_credential", "client_key": APP.appid, "client_secret": SECRET}
    told = {
        "data": {"access_token": "clt.x", "description": "", "error_code": 0, "expires_in": 7200},
        "message": "success",
    }
    token = answered(DOUYIN.access_token(APP, True), told)
    assert (token.token.reveal(), token.expires_in) == ("clt.x", 7200)


@pytest.mark.parametrize(("errcode", "kind"), TOKEN_ERRORS.items())
@pytest.mark.parametrize("outside", [False, True])
def test_errors_of_a_token(errcode, kind, outside):
    body = {"err_no": errcode, "err_msg": "x"} if outside else {"data": {"error_code": errcode, "description": "x"}}
    with pytest.raises(kind) as raised:
        answered(DOUYIN.access_token(APP, False), body)
    assert raised.value.platform_errcode == errcode


@pytest.mark.parametrize("body", [{}, {"data": {}}, {"data": {"access_token": "x"}}, {"data": []}, b"x"])
def test_a_malformed_token(body):
    with pytest.raises(PlatformReplyInvalid):
        answered(DOUYIN.access_token(APP, False), body)


def closed(told: object, name: str = "app") -> str:
    text = json.dumps(told, separators=(",", ":")).encode()
    return base64.b64encode(key(name).public_key().encrypt(text, PKCS1v15())).decode()


def number(body: object, code: str = "phone-1"):
    return answered(DOUYIN.phone_number(APP, TOKEN, code, "V3WvSsh"), body)


def test_a_number_is_asked_for_with_the_token_in_a_header():
    asked = question(DOUYIN.phone_number(APP, TOKEN, "phone-1", "V3WvSsh"))
    assert (asked.method, asked.url) == ("POST", "https://open.douyin.com/api/apps/v1/get_phonenumber_info/")
    assert plain(asked.json) == {"code": "phone-1"}
    assert plain(asked.headers) == {"access-token": TOKEN.reveal()}


@pytest.mark.parametrize("told", [NUMBER, {**NUMBER, "countryCode": 86}])
def test_a_number(told):
    phone = number({"err_no": 0, "err_msg": "", "log_id": "1", "data": closed(told)})
    assert phone == PlatformPhone("+8613580006666", "13580006666", "86")


@pytest.mark.parametrize(
    "data",
    [
        None,
        "",
        "not base64",
        "AAAA",
        "A" * 5000,
        closed(NUMBER, "other"),
        closed([]),
        closed({**NUMBER, "watermark": {"appid": "tt0000000000000002"}}),
        closed({name: value for name, value in NUMBER.items() if name != "watermark"}),
        closed({**NUMBER, "purePhoneNumber": "no number"}),
    ],
)
def test_what_is_no_number_of_this_app(data):
    with pytest.raises(PlatformReplyInvalid):
        number({"err_no": 0, "data": data})


@pytest.mark.parametrize(("err_no", "kind"), CALL_ERRORS.items())
@pytest.mark.parametrize("name", ["err_msg", "err_tips"])
def test_errors_of_a_number(err_no, kind, name):
    with pytest.raises(kind) as raised:
        number({"err_no": err_no, name: f"code phone-1 of {TOKEN.reveal()}", "data": ""})
    assert type(raised.value) is kind
    assert (raised.value.platform_errcode, raised.value.detail) == (err_no, "code *** of ***")


def test_a_used_phone_code_and_a_token_that_is_over():
    assert CALL_ERRORS[28005187] is PhoneCodeInvalid
    assert CALL_ERRORS[28001003] is CALL_ERRORS[28001008] is TokenRefused


def test_nothing_is_spent_for_a_number_that_nobody_could_read():
    without = App("shop", "douyin", APP.appid, Secret(SECRET))
    with pytest.raises(NotOffered):
        next(DOUYIN.phone_number(without, TOKEN, "phone-1", "V3WvSsh"))
    with pytest.raises(PhoneCodeInvalid):
        next(DOUYIN.phone_number(APP, TOKEN, "a b", "V3WvSsh"))
    with pytest.raises(InternalFault):
        next(DOUYIN.phone_number(APP, TOKEN, "phone-1", ""))


def test_everything_that_refuses_us_has_something_that_it_is_about():
    tables = (ERRORS, TOKEN_ERRORS, CALL_ERRORS)
    assert set(REFUSED_FOR) == {code for table in tables for code, kind in table.items() if kind is PlatformRefusedUs}


def test_what_douyin_does_not_have():
    for call in (DOUYIN.check_session, DOUYIN.reset_session_key):
        with pytest.raises(NotOffered):
            call(APP)
