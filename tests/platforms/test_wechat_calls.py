"""WeChat's calls that need an access token, and the token itself, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.config.snapshot import App
from menshen.errors import (
    InternalFault,
    NotOffered,
    PhoneCodeInvalid,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    PlatformSaysBusy,
    Refusal,
    SessionKeyStale,
    UserBlocked,
)
from menshen.platforms.base import PlatformIdentity, PlatformPhone, PlatformToken, TokenRefused
from menshen.platforms.qq import QQ
from menshen.platforms.wechat import WeChat
from menshen.platforms.wechat_session_key import key_signature
from menshen.secret import Secret
from tests.platforms.flows import answered, plain, question

APP = App("shop", "wechat", "wx4f4bc4dec97d474b", Secret("0123456789abcdef0123456789abcdef"))
QQ_APP = App("shop", "qq", "1108001234", Secret("0123456789abcdef0123456789abcdef"))
TOKEN = Secret("86_canary_token")
CODE = "e31968a7f94cc5ee25fafc2aef2773f0bb8c3937b22520eb8ee345274d00c144"
OPENID = "oGZUI0egBJY1zhBYw2KhdUfwVJJE"
KEY = Secret("tiihtNczf5v6AKRyjwEUhQ==")
WECHAT = WeChat()
NAMES = ["errcode", "errmsg", "access_token", "expires_in", "phone_info", "phoneNumber", "countryCode", "watermark",
         "appid", "openid", "session_key"]  # fmt: skip

INFO = {
    "phoneNumber": "13580006666",
    "purePhoneNumber": "13580006666",
    "countryCode": 86,
    "watermark": {"timestamp": 1637744274, "appid": APP.appid},
}


def token(force: bool = False):
    return WECHAT.access_token(APP, force)


def phone(code: str = CODE, openid: str = OPENID):
    return WECHAT.phone_number(APP, TOKEN, code, openid)


def check():
    return WECHAT.check_session(APP, TOKEN, OPENID, KEY)


def reset():
    return WECHAT.reset_session_key(APP, TOKEN, OPENID, KEY)


@pytest.mark.parametrize("force", [False, True])
def test_a_token_is_asked_for(force):
    asked = question(token(force))
    assert (asked.method, asked.url) == ("POST", "https://api.weixin.qq.com/cgi-bin/stable_token")
    assert asked.query == {}
    assert plain(asked.json) == {
        "grant_type": "client_credential",
        "appid": APP.appid,
        "secret": APP.secret.reveal(),
        "force_refresh": force,
    }
    assert APP.secret.reveal() not in repr(asked)


def test_a_token():
    got = answered(token(), {"access_token": "86_abc-_", "expires_in": 7200})
    assert got == PlatformToken(Secret("86_abc-_"), 7200)
    assert "86_abc" not in repr(got)


@pytest.mark.parametrize(
    "fields",
    [
        {"access_token": "86_abc"},
        {"expires_in": 7200},
        {"access_token": "", "expires_in": 7200},
        {"access_token": "with space", "expires_in": 7200},
        {"access_token": "x" * 2049, "expires_in": 7200},
        {"access_token": "86_abc", "expires_in": True},
        {"access_token": "86_abc", "expires_in": 0},
        {"access_token": "86_abc", "expires_in": -7200},
        {"access_token": "86_abc", "expires_in": "7200"},
        {"access_token": "86_abc", "expires_in": 10**9},
        {"access_token": ["86_abc"], "expires_in": 7200},
    ],
)
def test_a_token_that_is_none(fields):
    with pytest.raises(PlatformReplyInvalid):
        answered(token(), fields)


@pytest.mark.parametrize(
    ("errcode", "kind"),
    [
        (-1, PlatformSaysBusy),
        (40001, PlatformRefusedUs),
        (40002, PlatformRefusedUs),
        (40013, PlatformRefusedUs),
        (40125, PlatformRefusedUs),
        (40164, PlatformRefusedUs),
        (45009, PlatformLimit),
        (45011, PlatformLimit),
        (48001, PlatformRefusedUs),
        (89503, PlatformRefusedUs),
        (99999, PlatformReplyInvalid),
    ],
)
def test_refusals_of_a_token(errcode, kind):
    with pytest.raises(Refusal) as raised:
        answered(token(), {"errcode": errcode, "errmsg": f"invalid {APP.secret.reveal()} rid: 1"})
    assert (type(raised.value), raised.value.platform_errcode) == (kind, errcode)
    assert APP.secret.reveal() not in raised.value.detail


def test_a_number_is_asked_for_with_the_openid_always():
    asked = question(phone())
    assert (asked.method, asked.url) == ("POST", "https://api.weixin.qq.com/wxa/business/getuserphonenumber")
    assert plain(asked.query) == {"access_token": TOKEN.reveal()}
    assert plain(asked.json) == {"code": CODE, "openid": OPENID}
    assert TOKEN.reveal() not in repr(asked)
    assert CODE not in repr(asked)
    with pytest.raises(InternalFault):
        question(phone(openid=""))


@pytest.mark.parametrize("code", ["", " ", "a&openid=other", "x" * 257, "码", "a\n"])
def test_what_cannot_be_a_phone_code_is_not_sent(code):
    with pytest.raises(PhoneCodeInvalid):
        question(phone(code))


@pytest.mark.parametrize("country", [86, "86"])
def test_a_number(country):
    got = answered(phone(), {"errcode": 0, "errmsg": "ok", "phone_info": INFO | {"countryCode": country}})
    assert got == PlatformPhone("13580006666", "13580006666", "86")
    assert "6666" not in repr(got)


def test_a_number_of_elsewhere():
    info = INFO | {"phoneNumber": "+85291234567", "purePhoneNumber": "91234567", "countryCode": 852}
    assert answered(phone(), {"phone_info": info}) == PlatformPhone("+85291234567", "91234567", "852")


@pytest.mark.parametrize(
    "change",
    [
        {"watermark": {"timestamp": 1, "appid": "wxother"}},
        {"watermark": None},
        {"countryCode": None},
        {"countryCode": True},
        {"countryCode": "CN"},
        {"countryCode": 86.0},
        {"purePhoneNumber": ""},
        {"purePhoneNumber": 13580006666},
        {"purePhoneNumber": "135\r\n6666"},
        {"phoneNumber": None},
    ],
)
def test_a_number_that_is_none(change):
    with pytest.raises(PlatformReplyInvalid) as raised:
        answered(phone(), {"errcode": 0, "phone_info": INFO | change})
    assert "6666" not in str(raised.value)


@pytest.mark.parametrize("body", [{}, {"phone_info": []}, {"phone_info": None}, []])
def test_no_number(body):
    with pytest.raises(PlatformReplyInvalid):
        answered(phone(), body)


@pytest.mark.parametrize(
    ("errcode", "kind"),
    [
        (-1, PlatformSaysBusy),
        (40003, PhoneCodeInvalid),
        (40013, PhoneCodeInvalid),
        (40029, PhoneCodeInvalid),
        (40163, PhoneCodeInvalid),
        (40164, PlatformRefusedUs),
        (40226, UserBlocked),
        (45009, PlatformLimit),
        (45011, PlatformLimit),
        (48001, PlatformRefusedUs),
        (89503, PlatformRefusedUs),
        (41001, PlatformReplyInvalid),
    ],
)
def test_refusals_of_a_number(errcode, kind):
    with pytest.raises(Refusal) as raised:
        answered(phone(), {"errcode": errcode, "errmsg": f"no {CODE} {TOKEN.reveal()}"})
    assert (type(raised.value), raised.value.platform_errcode) == (kind, errcode)
    assert raised.value.detail == "no *** ***"


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
@pytest.mark.parametrize("flow", [phone, check, reset])
def test_a_token_that_is_refused(flow, errcode):
    with pytest.raises(TokenRefused) as raised:
        answered(flow(), {"errcode": errcode, "errmsg": f"invalid credential {TOKEN.reveal()}"})
    assert raised.value.platform_errcode == errcode
    assert TOKEN.reveal() not in str(raised.value)


@pytest.mark.parametrize(
    ("key", "signature"),
    [
        ("tiihtNczf5v6AKRyjwEUhQ==", "7154f9f8b4b76b92f541cbf0e37d48840fa06e5e42da92a6f80168a1516a4735"),
        ("HyVFkGl5F5OQWJZZaNzBBg==", "252b75c92698025afe925b29cca5517fdf9ee67aae072cf3225ebf3a53783058"),
    ],
)
def test_the_key_signs_by_its_text(key, signature):
    assert key_signature(Secret(key)).reveal() == signature


@pytest.mark.parametrize(("flow", "path"), [(check, "checksession"), (reset, "resetusersessionkey")])
def test_a_key_is_asked_about_in_the_query_and_never_sent(flow, path):
    asked = question(flow())
    assert (asked.method, asked.url) == ("GET", f"https://api.weixin.qq.com/wxa/{path}")
    assert asked.json is asked.form is asked.body is None
    assert plain(asked.query) == {
        "access_token": TOKEN.reveal(),
        "openid": OPENID,
        "signature": key_signature(KEY).reveal(),
        "sig_method": "hmac_sha256",
    }
    for secret in (TOKEN, KEY, key_signature(KEY)):
        assert secret.reveal() not in repr(asked)


def test_a_key_is_good_or_not():
    assert answered(check(), {"errcode": 0, "errmsg": "ok"}) is True
    assert answered(check(), {"errcode": 87009, "errmsg": "invalid signature"}) is False
    with pytest.raises(PlatformReplyInvalid):
        answered(check(), {"errcode": 40003, "errmsg": "invalid openid"})


def test_a_key_is_made_anew():
    new = {"errcode": 0, "errmsg": "ok", "openid": OPENID, "session_key": "HyVFkGl5F5OQWJZZaNzBBg=="}
    assert answered(reset(), new).session_key == Secret("HyVFkGl5F5OQWJZZaNzBBg==")
    with pytest.raises(PlatformReplyInvalid):
        answered(reset(), new | {"openid": "oSomebodyElse"})
    with pytest.raises(SessionKeyStale):
        answered(reset(), {"errcode": 87009, "errmsg": "invalid signature"})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=15,
)


@given(st.sampled_from([token, phone, check, reset]), st.binary(max_size=60) | json_values, st.integers(100, 599))
def test_any_answer_is_a_result_or_a_refusal(flow, body, status):
    try:
        result = answered(flow(), body, status)
    except (Refusal, TokenRefused):
        return
    assert status == 200
    assert result in (True, False) or isinstance(result, PlatformToken | PlatformPhone | PlatformIdentity)


def test_qq_gets_a_token_its_own_way():
    asked = question(QQ().access_token(QQ_APP, False))
    assert (asked.method, asked.url) == ("GET", "https://api.q.qq.com/api/getToken")
    assert plain(asked.query) == {
        "grant_type": "client_credential",
        "appid": QQ_APP.appid,
        "secret": QQ_APP.secret.reveal(),
    }
    got = answered(QQ().access_token(QQ_APP, True), {"errcode": 0, "access_token": "abc", "expires_in": 7200})
    assert got == PlatformToken(Secret("abc"), 7200)


def test_qq_has_no_phone_codes_and_does_not_judge_keys():
    qq = QQ()
    assert (qq.open_data, qq.phone_codes, qq.session_checks) == (True, False, False)
    for ask in (
        lambda: qq.phone_number(QQ_APP, TOKEN, CODE, OPENID),
        lambda: qq.check_session(QQ_APP, TOKEN, OPENID, KEY),
        lambda: qq.reset_session_key(QQ_APP, TOKEN, OPENID, KEY),
    ):
        with pytest.raises(NotOffered):
            ask()
