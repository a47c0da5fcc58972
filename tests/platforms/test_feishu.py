"""Feishu's flows, by hand and against the emulator."""

from __future__ import annotations

import time

import pytest

from menshen.config.snapshot import App
from menshen.emulator.feishu import USERS_OWN
from menshen.errors import (
    CodeInvalid,
    CodeMalformed,
    InternalFault,
    PlatformLimit,
    PlatformReplyInvalid,
    PlatformSaysBusy,
    UserBlocked,
)
from menshen.platforms import feishu
from menshen.platforms.base import PlatformIdentity, TokenLogins, TokenRefused
from menshen.platforms.feishu import Feishu
from menshen.platforms.open_data import profile_of
from menshen.secret import Secret
from tests.platforms.flows import answered, plain, question
from tests.platforms.rows import against, log_in

FEISHU = Feishu()
SECRET, TOKEN, CODE = "0123456789abcdef", "t-g1044ghJRUIJJ5ZPPZMOHKWZISL33E4QSS3abcef", "2ef0bb04e272d274"
APP = App("office", "feishu", "cli_a000000000000001", Secret(SECRET))
KEY = "36f764e22be7fc5edb07f56073a4b770"
DATA = {
    "open_id": "ou_194fcfc5e4b78db556a040ff5e42c0",
    "employee_id": "6c486g",
    "union_id": "ou_be2c1742f2bb189469bdd33f0b1516",
    "session_key": KEY,
    "tenant_key": "2c5914ac018f97",
    "access_token": "u-tpwcnx2XzIcq8yHyJ6KL",
    "expires_in": 1565512680,
    "refresh_token": "ur-W9dGvBJyVtwZmrwh0vBn",
}


def good(**change: object) -> dict[str, object]:
    return {"code": 0, "msg": "success", "data": DATA | change}


def login(body: object, status: int = 200) -> PlatformIdentity:
    return answered(FEISHU.code2session_by(APP, Secret(TOKEN), CODE), body, status)


def test_a_login_comes_with_a_token_in_a_header_and_without_the_secret():
    asked = question(FEISHU.code2session_by(APP, Secret(TOKEN), CODE))
    assert (asked.method, asked.url) == ("POST", "https://open.feishu.cn/open-apis/mina/v2/tokenLoginValidate")
    assert plain(asked.json) == {"code": CODE}
    assert plain(asked.headers)["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in repr(asked)
    assert CODE not in repr(asked)
    assert isinstance(FEISHU, TokenLogins)
    with pytest.raises(InternalFault):
        FEISHU.code2session(APP, CODE)


def test_lark_is_another_address():
    lark = App("office", "feishu", APP.appid, APP.secret, "https://open.larksuite.com/")
    assert question(FEISHU.access_token(lark, False)).url.startswith("https://open.larksuite.com/open-apis/auth/v3/")
    asked = question(FEISHU.code2session_by(lark, Secret(TOKEN), CODE))
    assert asked.url == "https://open.larksuite.com/open-apis/mina/v2/tokenLoginValidate"


def test_of_the_vendors_sample_who_it_is_stays_and_nothing_else():
    """Neither the obsolete union_id, nor the company, nor the user's own tokens."""
    assert login(good()) == PlatformIdentity("ou_194fcfc5e4b78db556a040ff5e42c0", "", Secret(KEY))


def test_a_token():
    asked = question(FEISHU.access_token(APP, False))
    assert (asked.method, asked.url) == (
        "POST",
        "https://open.feishu.cn/open-apis/auth/v3/app_access_token/internal",
    )
    assert plain(asked.json) == {"app_id": APP.appid, "app_secret": SECRET}
    body = {"app_access_token": TOKEN, "code": 0, "expire": 7200, "msg": "ok", "tenant_access_token": "t-another"}
    token = answered(FEISHU.access_token(APP, False), body)
    assert (token.token.reveal(), token.expires_in) == (TOKEN, 7200)


@pytest.mark.parametrize("code", ["", "x&app_id=other", "a b", "a" * 257, "code\n"])
def test_a_code_that_is_none_is_not_sent(code):
    with pytest.raises(CodeMalformed):
        next(FEISHU.code2session_by(APP, Secret(TOKEN), code))


@pytest.mark.parametrize(("number", "kind"), feishu.CALL_ERRORS.items())
def test_every_number_of_a_login(number, kind):
    with pytest.raises(kind) as raised:
        login({"code": number, "msg": f"no {CODE}, no {TOKEN}"}, 400 if number > 99990000 else 200)
    assert (raised.value.platform_errcode, raised.value.detail) == (number, "no ***, no ***")


@pytest.mark.parametrize(("number", "kind"), feishu.TOKEN_ERRORS.items())
@pytest.mark.parametrize("status", [200, 400])
def test_every_number_of_a_token(number, kind, status):
    with pytest.raises(kind) as raised:
        answered(FEISHU.access_token(APP, False), {"code": number, "msg": f"no {SECRET}"}, status)
    assert (raised.value.platform_errcode, raised.value.detail) == (number, "no ***")


def test_what_the_pages_say_of_the_numbers_that_matter_most():
    """Login page: token, code, visibility. Page on limits: 99991400, under whichever HTTP status."""
    said = {number: feishu.CALL_ERRORS[number] for number in (10202, 10213, 10228, 99991664, 99991400)}
    assert said == {
        10202: TokenRefused,
        10213: CodeInvalid,
        10228: UserBlocked,
        99991664: TokenRefused,
        99991400: PlatformLimit,
    }
    for status in (400, 429):
        with pytest.raises(PlatformLimit):
            login({"code": 99991400, "msg": "request trigger frequency limit"}, status)


@pytest.mark.parametrize(
    "body",
    [
        good(open_id=None),
        good(open_id="ou\r\nX-Evil: 1"),
        good(session_key="short"),
        good(session_key=None),
        good() | {"data": None},
        good() | {"data": []},
        good() | {"code": None},
        good() | {"code": True},
        good() | {"code": "many"},
        {"data": DATA},
        {"code": 123456, "msg": "of no page"},
        {},
        b"[]",
        b"<html>",
        b'{"data":{"open_id"',
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


@pytest.mark.parametrize(("said", "gender"), [("", "0"), ("male", "1"), ("female", "2")])
def test_open_data(said, gender):
    async def main(emulator, client, app):
        alice = await log_in(client, app, emulator.login("feishu", "app-1", "alice"))
        assert not any(own in repr(alice) for own in USERS_OWN.values())
        made = emulator.user_info("feishu", "app-1", "alice", {"gender": said}, {})
        closed = FEISHU.encrypted_data(made.encrypted_data, made.iv)
        fields = FEISHU.decrypt(app, closed, alice.session_key, openid=alice.openid, now=time.time())
        assert profile_of(fields) == {"nickname": "飞书用户", "gender": gender}

    against("feishu", main)
