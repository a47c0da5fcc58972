"""WeChat's and QQ's flows, by hand: what they ask, and what they make of every answer."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from menshen.config.snapshot import App
from menshen.errors import (
    CodeInvalid,
    CodeMalformed,
    CodeUsed,
    PlatformBusy,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    PlatformSaysBusy,
    Refusal,
    UserBlocked,
)
from menshen.platforms import qq, wechat
from menshen.platforms.base import PlatformIdentity, PlatformReply
from menshen.platforms.qq import QQ
from menshen.platforms.wechat import WeChat
from menshen.secret import Secret

SECRET = "0123456789abcdef0123456789abcdef"
CODE = "051v0m000ObAyK19vV1005SDWf0v0m0s"
WX = App("shop", "wechat", "wx4f4bc4dec97d474b", Secret(SECRET))
QQ_APP = App("shop", "qq", "1108001234", Secret(SECRET))
GOOD = {"session_key": "+ayNafOPeRTHJkc0H67XCw==", "openid": "oGZUI0egBJY1zhBYw2KhdUfwVJJE"}
ADAPTERS = [(WeChat(), WX), (QQ(), QQ_APP)]


def answer(body: object, status: int = 200, adapter=ADAPTERS[0]) -> PlatformIdentity:
    platform, app = adapter
    flow = platform.code2session(app, CODE)
    next(flow)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(StopIteration) as done:
        flow.send(PlatformReply(status, raw))
    return done.value.value


def refusal(body: object, status: int = 200, adapter=ADAPTERS[0]) -> Refusal:
    platform, app = adapter
    flow = platform.code2session(app, CODE)
    next(flow)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(Refusal) as raised:
        flow.send(PlatformReply(status, raw))
    return raised.value


@pytest.mark.parametrize(
    ("platform", "base_url", "url"),
    [
        (WeChat(), "", "https://api.weixin.qq.com/sns/jscode2session"),
        (QQ(), "", "https://api.q.qq.com/sns/jscode2session"),
        (WeChat(), "http://127.0.0.1:8082/wechat", "http://127.0.0.1:8082/wechat/sns/jscode2session"),
        (QQ(), "http://127.0.0.1:8082/qq/", "http://127.0.0.1:8082/qq/sns/jscode2session"),
    ],
)
def test_the_request(platform, base_url, url):
    request = next(platform.code2session(App("a", platform.name, "appid", Secret(SECRET), base_url), CODE))
    assert (request.method, request.url, request.json, request.form) == ("GET", url, None, None)
    assert request.query == {
        "appid": "appid",
        "secret": Secret(SECRET),
        "js_code": Secret(CODE),
        "grant_type": "authorization_code",
    }
    assert SECRET not in repr(request)
    assert CODE not in repr(request)


@pytest.mark.parametrize("platform", [WeChat(), QQ()])
@pytest.mark.parametrize(
    "code", ["", "x&appid=other", "a b", "code\n", "\ncode", "ä", "a" * 257, "%26", "a+b", "a=", "a/b", "１２３"]
)
def test_a_code_that_no_platform_made_is_not_sent(platform, code):
    with pytest.raises(CodeMalformed) as raised:
        next(platform.code2session(WX, code))
    assert not code or code not in repr(raised.value)


@pytest.mark.parametrize("code", ["a", "A-_9", "0" * 256, CODE, "e31968a7f94cc5ee25fafc2aef2773f0" * 2])
def test_codes_that_pass(code):
    assert WeChat.code_pattern.fullmatch(code)
    assert next(WeChat().code2session(WX, code)).query["js_code"] == Secret(code)


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"errcode": 0},
        {"errcode": "0", "errmsg": ""},
        {"errcode": None},
        {"errcode": ""},
        {"errcode": 0.0},
        {"errcode": 0, "errmsg": "ok", "expires_in": 7200, "extra": {"a": [None]}},
        {"uin": "", "errcode": 0, "errmsg": ""},
        {"unionid": ""},
        {"unionid": None},
    ],
)
def test_success_in_its_many_forms(adapter, extra):
    identity = answer(GOOD | extra, adapter=adapter)
    assert identity == PlatformIdentity(GOOD["openid"], "", Secret(GOOD["session_key"]))
    assert GOOD["session_key"] not in repr(identity)


def test_unionid_is_taken():
    assert answer(GOOD | {"unionid": "ocMvos6NjeKLIBqg5Mr9QjxrP1FA"}).unionid == "ocMvos6NjeKLIBqg5Mr9QjxrP1FA"


def test_qq_shapes():
    body = {
        "errcode": 0,
        "errmsg": "",
        "openid": "0A" * 16,
        "session_key": "QUJDREVGR0hJSktMTU5PUA==",
        "uin": "",
        "unionid": "UID_" + "0A" * 16,
    }
    identity = answer(body, adapter=ADAPTERS[1])
    assert (identity.openid, identity.unionid) == ("0A" * 16, "UID_" + "0A" * 16)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"session_key":"+ayNafOPeRTHJkc0H67XCw==","openid":"oGZUI0egBJY1zhBYw2KhdUfwVJJE","errmsg":"o\x01\x0b\n\tk"}',
        b'{"session_key":"+ayNafOPeRTHJkc0H67XCw==","openid":"oGZUI0egBJY1zhBYw2KhdUfwVJJE","x":"\xff\xfe"}',
        b'\xef\xbb\xbf{"session_key":"+ayNafOPeRTHJkc0H67XCw==","openid":"oGZUI0egBJY1zhBYw2KhdUfwVJJE"}',
        b'\r\n {"session_key":"+ayNafOPeRTHJkc0H67XCw==","openid":"oGZUI0egBJY1zhBYw2KhdUfwVJJE"}\n',
    ],
    ids=["control characters", "not UTF-8", "BOM", "white space"],
)
def test_bytes_that_a_strict_parser_refuses(raw):
    assert answer(raw).openid == GOOD["openid"]


@pytest.mark.parametrize(
    "change",
    [
        {"openid": None},
        {"openid": ""},
        {"openid": "o" * 129},
        {"openid": 12345},
        {"openid": ["oGZUI0egBJY1zhBYw2KhdUfwVJJE"]},
        {"openid": "oGZUI0egBJY1zhBYw2Khd\r\nX-Evil: 1"},
        {"openid": "oGZUI0egBJY1zhBYw2KhdUfwVJJE\n"},
        {"openid": "o,o"},
        {"openid": "\ud800"},
        {"session_key": None},
        {"session_key": ""},
        {"session_key": "short"},
        {"session_key": "x" * 200},
        {"session_key": "not base64 but 24 chars."},
        {"session_key": {"k": 1}},
        {"unionid": "o o"},
        {"unionid": 7},
        {"unionid": "o" * 129},
        {"errcode": True},
        {"errcode": "many"},
        {"errcode": [0]},
        {"errcode": 1.5},
        {"errcode": 10**13},
        {"errcode": "٤٠٠٢٩"},
    ],
)
def test_an_identity_that_is_not_one(change):
    refused = refusal(GOOD | change)
    assert type(refused) is PlatformReplyInvalid
    assert GOOD["session_key"] not in refused.detail


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'"openid"',
        b"1",
        b'{"openid":"oGZUI0egBJY1z',
        b"<html><body>502</body></html>",
        b'callback({"openid":"o"})',
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"errcode":' + b"9" * 6000 + b"}",
        b'{"errcode":NaN}',
        b'{"errcode":1e999}',
        b"\x1f\x8b\x08\x00\x00",
        b"{}",
    ],
)
def test_bodies_that_are_not_an_answer(raw):
    refused = refusal(raw)
    assert type(refused) is PlatformReplyInvalid
    assert refused.__cause__ is None
    assert refused.__context__ is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, PlatformSaysBusy),
        (502, PlatformSaysBusy),
        (503, PlatformSaysBusy),
        (599, PlatformSaysBusy),
        (301, PlatformReplyInvalid),
        (302, PlatformReplyInvalid),
        (204, PlatformReplyInvalid),
        (400, PlatformReplyInvalid),
        (404, PlatformReplyInvalid),
        (429, PlatformReplyInvalid),
        (600, PlatformReplyInvalid),
    ],
)
def test_only_200_is_an_answer(status, kind):
    refused = refusal(GOOD, status)
    assert type(refused) is kind
    assert refused.detail == f"HTTP {status}"
    assert refused.platform_errcode is None


WECHAT_ERRORS = [
    (-1, PlatformSaysBusy),
    (40001, PlatformRefusedUs),
    (40002, PlatformRefusedUs),
    (40013, PlatformRefusedUs),
    (40029, CodeInvalid),
    (40125, PlatformRefusedUs),
    (40163, CodeUsed),
    (40226, UserBlocked),
    (41002, PlatformRefusedUs),
    (41004, PlatformRefusedUs),
    (41008, CodeInvalid),
    (42003, CodeInvalid),
    (43003, PlatformRefusedUs),
    (45009, PlatformLimit),
    (45011, PlatformLimit),
    (48001, PlatformRefusedUs),
]
QQ_ERRORS = [(-1, PlatformSaysBusy), (40029, CodeInvalid), (45011, PlatformLimit), (-101222100, PlatformRefusedUs)]


def test_the_tables_are_tested_whole():
    assert dict(WECHAT_ERRORS) == dict(wechat.ERRORS)
    assert dict(QQ_ERRORS) == dict(qq.ERRORS)


@pytest.mark.parametrize(
    ("adapter", "errcode", "kind"),
    [(ADAPTERS[0], *row) for row in WECHAT_ERRORS] + [(ADAPTERS[1], *row) for row in QQ_ERRORS],
)
@pytest.mark.parametrize("form", [int, str])
def test_every_documented_error(adapter, errcode, kind, form):
    # With an identity beside it: an error is an error.
    refused = refusal({"errcode": form(errcode), "errmsg": "why, rid: 1-2-3", **GOOD}, adapter=adapter)
    assert type(refused) is kind
    assert refused.platform_errcode == errcode
    assert refused.detail == "why, rid: 1-2-3"


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("errcode", [1, -2, 40164, 99999999, 40029.5e3])
def test_unknown_errcodes_are_kept(adapter, errcode):
    refused = refusal({"errcode": errcode, "errmsg": "?"}, adapter=adapter)
    assert type(refused) is PlatformReplyInvalid
    assert refused.platform_errcode == errcode
    assert isinstance(refused.platform_errcode, int)
    assert issubclass(type(refused), PlatformBusy)


@pytest.mark.parametrize(
    ("errmsg", "detail"),
    [
        ("a\r\nlevel=error forged\x00\x1b[31m", "alevel=error forged[31m"),
        ("\u202eright to left\u2028", "right to left"),
        ("half \ud800 a pair", "half  a pair"),
        ("系统繁忙", "系统繁忙"),
        ("x" * 1000, "x" * 200),
        (f"bad secret {SECRET} or code {CODE}!", "bad secret *** or code ***!"),
        (f"{SECRET[:9]}\n{SECRET[9:]}", "***"),
        ("x" * 190 + SECRET, "x" * 190 + "***"),
        (None, ""),
        (["list"], ""),
    ],
)
def test_errmsg_is_made_fit_for_a_log(errmsg, detail):
    refused = refusal({"errcode": 40125, "errmsg": errmsg})
    assert refused.detail == detail
    assert SECRET not in f"{refused!r} {refused}"
    assert CODE not in f"{refused!r} {refused}"


values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([GOOD["openid"], GOOD["session_key"], "40029", "o" * 200, [], {}, ["o"], {"openid": "o"}])
)
objects = st.dictionaries(
    st.sampled_from(["errcode", "errmsg", "openid", "session_key", "unionid", "x"]), values, max_size=6
).map(lambda o: json.dumps(o).encode())


@pytest.mark.parametrize("adapter", ADAPTERS)
# Other work on the machine must not fail this test: no deadline, no measure of slowness.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(status=st.integers(0, 999) | st.just(200), body=st.binary(max_size=300) | objects, cut=st.integers(0, 300))
@example(status=200, body=b'{"errcode":-0}', cut=300)
def test_nothing_but_an_identity_or_a_refusal_comes_out(adapter, status, body, cut):
    platform, app = adapter
    flow = platform.code2session(app, CODE)
    next(flow)
    with pytest.raises((StopIteration, Refusal)) as ended:
        flow.send(PlatformReply(status, body[:cut]))
    if isinstance(ended.value, Refusal):
        assert len(ended.value.detail) <= 200
        assert ended.value.detail.isprintable()
    else:
        identity = ended.value.value
        assert identity.openid.isascii()
        assert 1 <= len(identity.openid) <= 128
        assert identity.session_key
