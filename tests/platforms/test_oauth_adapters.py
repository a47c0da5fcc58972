"""Baidu's and Kuaishou's flows, by hand: what they ask, and what they make of every answer."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from menshen.config.snapshot import App
from menshen.errors import (
    CodeInvalid,
    CodeMalformed,
    NotOffered,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    PlatformSaysBusy,
    Refusal,
)
from menshen.platforms import baidu, kuaishou
from menshen.platforms.baidu import Baidu
from menshen.platforms.base import PlatformIdentity, PlatformReply
from menshen.platforms.kuaishou import Kuaishou
from menshen.platforms.oauth import NAMES
from menshen.secret import Secret
from tests.platforms.flows import answered, plain, question

SECRET = "0123456789abcdef0123456789abcdef"
CODE = "8ba01454ac57775d3692f5dbfcac7a28NW"
KEY = "981ce8b151c0599acf7ad1a673c6ff5e"
BAIDU = App("shop", "baidu", "4fecoAqgCIUtzIyA4FAPgoyrc4oUc25c", Secret(SECRET))
KS = App("shop", "kuaishou", "ks700000000000000001", Secret(SECRET))
ADAPTERS = [(Baidu(), BAIDU), (Kuaishou(), KS)]
GOOD = {
    "baidu": {"openid": "k0mHEREiGjI_Iw0DWayen-bdzXgj", "session_key": KEY},
    "kuaishou": {"result": 1, "open_id": "f1888888888888888888888888888888", "session_key": "+ayNafOPeRTHJkc0H67XCw=="},
}


def answer(adapter, body: object, status: int = 200) -> PlatformIdentity:
    platform, app = adapter
    return answered(platform.code2session(app, CODE), body, status)


def refusal(adapter, body: object, status: int = 200) -> Refusal:
    with pytest.raises(Refusal) as raised:
        answer(adapter, body, status)
    return raised.value


@pytest.mark.parametrize(
    ("platform", "base_url", "url", "form"),
    [
        (
            Baidu(),
            "",
            "https://spapi.baidu.com/oauth/jscode2sessionkey",
            {"code": CODE, "client_id": "key", "sk": SECRET},
        ),
        (
            Kuaishou(),
            "http://127.0.0.1:8082/kuaishou/",
            "http://127.0.0.1:8082/kuaishou/oauth2/mp/code2session",
            {"js_code": CODE, "app_id": "key", "app_secret": SECRET},
        ),
    ],
)
def test_the_login(platform, base_url, url, form):
    asked = question(platform.code2session(App("a", platform.name, "key", Secret(SECRET), base_url), CODE))
    assert (asked.method, asked.url, asked.json, dict(asked.query)) == ("POST", url, None, {})
    assert plain(asked.form) == form
    assert SECRET not in repr(asked)
    assert CODE not in repr(asked)


def test_the_access_tokens():
    asked = question(Baidu().access_token(BAIDU, False))
    assert (asked.method, asked.url) == ("GET", "https://openapi.baidu.com/oauth/2.0/token")
    assert plain(asked.query) == {
        "grant_type": "client_credentials",
        "client_id": BAIDU.appid,
        "client_secret": SECRET,
        "scope": "smartapp_snsapi_base",
    }
    asked = question(Kuaishou().access_token(KS, False))
    assert (asked.method, asked.url) == ("POST", "https://open.kuaishou.com/oauth2/access_token")
    assert plain(asked.form) == {"grant_type": "client_credentials", "app_id": KS.appid, "app_secret": SECRET}
    got = answered(Baidu().access_token(BAIDU, False), {"access_token": "24.abc", "expires_in": 2_592_000})
    assert (got.token, got.expires_in) == (Secret("24.abc"), 2_592_000)
    body = {"result": 1, "access_token": "abc", "expires_in": 172_800, "token_type": "bearer"}
    assert answered(Kuaishou().access_token(KS, True), body).expires_in == 172_800


@pytest.mark.parametrize(("platform", "app"), ADAPTERS)
@pytest.mark.parametrize("body", [{}, {"access_token": "a"}, {"access_token": "a", "expires_in": 0}, {"expires_in": 1}])
def test_a_token_that_is_none(platform, app, body):
    with pytest.raises(PlatformReplyInvalid):
        answered(platform.access_token(app, False), {"result": 1, **body})


@pytest.mark.parametrize(("platform", "app"), ADAPTERS)
@pytest.mark.parametrize("code", ["", "x&appid=other", "a b", "code\n", "ä", "a" * 257, "%26", "a+b", "a/b", "１２３"])
def test_a_code_that_no_platform_made_is_not_sent(platform, app, code):
    with pytest.raises(CodeMalformed):
        next(platform.code2session(app, code))


def test_a_code_of_another_host_app_is_sent_to_baidu():
    assert Baidu.code_pattern.fullmatch(f"{CODE}@host")
    assert not Kuaishou.code_pattern.fullmatch(f"{CODE}@host")


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("extra", [{}, {"error": None}, {"error": ""}, {"x": {"a": [None]}}, {"error_msg": "ok\x01"}])
def test_success(adapter, extra):
    good = GOOD[adapter[0].name]
    identity = answer(adapter, good | extra)
    openid = good.get("openid") or good["open_id"]
    assert identity == PlatformIdentity(openid, "", Secret(good["session_key"]))


def test_numbers_of_success_as_text_and_a_unionid():
    assert answer(ADAPTERS[0], GOOD["baidu"] | {"errno": "0", "error_code": 0}).openid
    assert answer(ADAPTERS[1], GOOD["kuaishou"] | {"result": "1", "union_id": "u1"}).unionid == "u1"


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(
    "change",
    [
        {"openid": None, "open_id": None},
        {"openid": "", "open_id": ""},
        {"openid": 1, "open_id": 1},
        {"openid": "o\r\nX-Evil: 1", "open_id": "o\r\nX-Evil: 1"},
        {"session_key": None},
        {"session_key": "short"},
        {"session_key": ["k"]},
        {"result": True, "errno": True},
        {"result": "many", "errno": "many"},
        {"result": 0, "errno": 7777777},
        {"result": None, "errno": 7777777},
        {"error": "no_such_name"},
        {"error": 1},
        {"error": ["invalid_grant"]},
    ],
)
def test_an_identity_that_is_not_one(adapter, change):
    good = GOOD[adapter[0].name]
    refused = refusal(adapter, good | change)
    assert type(refused) is PlatformReplyInvalid
    assert good["session_key"] not in refused.detail


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(
    "raw", [b"", b"null", b"[]", b'{"openid":"oGZ', b"<html>502</html>", b"[" * 60_000, b"\x1f\x8b\x08\x00", b"{}"]
)
def test_bodies_that_are_not_an_answer(adapter, raw):
    refused = refusal(adapter, raw)
    assert type(refused) is PlatformReplyInvalid
    assert refused.__context__ is None


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, PlatformSaysBusy),
        (503, PlatformSaysBusy),
        (429, PlatformLimit),
        (302, PlatformReplyInvalid),
        (204, PlatformReplyInvalid),
        (400, PlatformReplyInvalid),
        (401, PlatformReplyInvalid),
        (404, PlatformReplyInvalid),
    ],
)
def test_a_success_is_believed_of_200_only(adapter, status, kind):
    refused = refusal(adapter, GOOD[adapter[0].name], status)
    assert type(refused) is kind
    assert refused.detail == f"HTTP {status}"


BAIDU_ERRORS = [
    (1, PlatformSaysBusy),
    (2, PlatformSaysBusy),
    (3, PlatformRefusedUs),
    (4, PlatformLimit),
    (5, PlatformRefusedUs),
    (6, PlatformRefusedUs),
    (17, PlatformLimit),
    (18, PlatformLimit),
    (19, PlatformLimit),
    (101, PlatformRefusedUs),
    (10010100, PlatformRefusedUs),
]
KUAISHOU_ERRORS = [
    (100200100, PlatformRefusedUs),
    (100200101, PlatformRefusedUs),
    (100200102, PlatformRefusedUs),
    (100200103, PlatformRefusedUs),
    (100200104, PlatformRefusedUs),
    (100200105, CodeInvalid),
    (100200106, PlatformRefusedUs),
    (100200500, PlatformSaysBusy),
]
NAMED = [
    ("access_denied", PlatformRefusedUs),
    ("invalid_client", PlatformRefusedUs),
    ("invalid_grant", CodeInvalid),
    ("invalid_request", PlatformRefusedUs),
    ("invalid_scope", PlatformRefusedUs),
    ("server_error", PlatformSaysBusy),
    ("temporarily_unavailable", PlatformSaysBusy),
    ("unauthorized_client", PlatformRefusedUs),
    ("unsupported_grant_type", PlatformRefusedUs),
    ("unsupported_response_type", PlatformRefusedUs),
]


def test_the_tables_are_tested_whole():
    assert dict(BAIDU_ERRORS) == dict(baidu.ERRORS)
    assert dict(KUAISHOU_ERRORS) == dict(kuaishou.ERRORS)
    assert dict(NAMED) == dict(NAMES)


@pytest.mark.parametrize(
    ("adapter", "field", "number", "kind"),
    [(ADAPTERS[0], field, *row) for row in BAIDU_ERRORS for field in ("errno", "error_code")]
    + [(ADAPTERS[1], "result", *row) for row in KUAISHOU_ERRORS],
)
@pytest.mark.parametrize("form", [int, str])
def test_every_number(adapter, field, number, kind, form):
    # With an identity beside it: an error is an error.
    refused = refusal(adapter, {**GOOD[adapter[0].name], field: form(number), "error_msg": "why"})
    assert type(refused) is kind
    assert refused.platform_errcode == number
    assert refused.detail == "why"


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(("name", "kind"), NAMED)
@pytest.mark.parametrize("status", [200, 400, 401])
def test_every_name(adapter, name, kind, status):
    refused = refusal(adapter, {**GOOD[adapter[0].name], "error": name, "error_description": "why"}, status)
    assert type(refused) is kind
    assert refused.detail == f"{name}: why"
    assert refused.platform_errcode is None


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_number_that_is_not_known_means_what_its_name_says_and_is_kept(adapter):
    field = {"baidu": "errno", "kuaishou": "result"}[adapter[0].name]
    refused = refusal(adapter, {field: 424242, "error": "invalid_grant"})
    assert (type(refused), refused.platform_errcode) == (CodeInvalid, 424242)
    refused = refusal(adapter, {field: 424242, "error": "something"})
    assert (type(refused), refused.platform_errcode) == (PlatformReplyInvalid, 424242)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_what_a_platform_says_is_made_fit_for_a_log(adapter):
    said = f"bad {SECRET} or {CODE}\r\nlevel=error forged\x1b" + "x" * 400
    refused = refusal(adapter, {"result": 100200101, "error": "invalid_client", "error_description": said})
    assert refused.detail.startswith("invalid_client: bad *** or ***level=error forgedx")
    assert len(refused.detail) == 200


@pytest.mark.parametrize(("platform", "app"), ADAPTERS)
def test_what_they_do_not_have(platform, app):
    assert (platform.open_data, platform.session_keys) == (True, True)
    assert (platform.phone_codes, platform.session_checks, platform.stable_tokens) == (False, False, False)
    token = Secret("t")
    for ask in (
        lambda: platform.phone_number(app, token, CODE, "o"),
        lambda: platform.check_session(app, token, "o", Secret(KEY)),
        lambda: platform.reset_session_key(app, token, "o", Secret(KEY)),
    ):
        with pytest.raises(NotOffered):
            ask()


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from([KEY, [], {}])
names = ["errno", "error_code", "error", "result", "openid", "open_id", "session_key", "union_id", "error_msg"]
objects = st.dictionaries(st.sampled_from(names), values, max_size=6).map(lambda o: json.dumps(o).encode())


@pytest.mark.parametrize(("platform", "app"), ADAPTERS)
# Other work on the machine must not fail this test: no deadline, no measure of slowness.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(status=st.integers(0, 999) | st.just(200), body=st.binary(max_size=300) | objects)
def test_nothing_but_an_identity_or_a_refusal_comes_out(platform, app, status, body):
    flow = platform.code2session(app, CODE)
    next(flow)
    with pytest.raises((StopIteration, Refusal)) as ended:
        flow.send(PlatformReply(status, body))
    if isinstance(ended.value, Refusal):
        assert len(ended.value.detail) <= 200
        assert ended.value.detail.isprintable()
    else:
        assert ended.value.value.openid.isascii()
