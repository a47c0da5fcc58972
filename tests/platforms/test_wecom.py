"""WeCom's flows, by hand and against the emulator."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC

from menshen.config.snapshot import App
from menshen.emulator.faults import Fault
from menshen.emulator.state import AppSettings
from menshen.emulator.wecom import CORP
from menshen.errors import (
    CodeInvalid,
    CodeMalformed,
    CodeUsed,
    InternalFault,
    OpenDataInvalid,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    PlatformSaysBusy,
    UserBlocked,
)
from menshen.platforms.base import PlatformIdentity, TokenLogins, TokenRefused
from menshen.platforms.open_data import phone_of, profile_of
from menshen.platforms.wecom import CALL_ERRORS, TOKEN_ERRORS, WeCom
from menshen.secret import Secret
from tests.platforms.flows import answered, plain, question
from tests.platforms.rows import against, log_in

WECOM = WeCom()
SECRET = "0123456789abcdef0123456789abcdef"
TOKEN, CODE = "an-access-token-of-the-linked-app", "sVqtL3itg0L30LTGJtZ_isKC0efG5FqGw470fVp8Dpw"
APP = App("shop", "wecom", "wx4f4bc4dec97d474b", Secret(SECRET), platform_key=CORP)
KEY = "kJtdi6RF+Dv67QkbLlPGjw=="
TRAIL = "hint: [1716373033142833844597495], from ip: 192.0.2.7, more info at https://open.work.weixin.qq.com/devtool"


def good(**change: object) -> dict[str, object]:
    fields = {"corpid": CORP, "userid": "lin", "session_key": KEY, "deviceid": "", "errcode": 0, "errmsg": "ok"}
    return fields | change


def login(body: object, status: int = 200) -> PlatformIdentity:
    return answered(WECOM.code2session_by(APP, Secret(TOKEN), CODE), body, status)


def test_a_login_comes_with_a_token_and_without_the_secret():
    asked = question(WECOM.code2session_by(APP, Secret(TOKEN), CODE))
    assert (asked.method, asked.url) == ("GET", "https://qyapi.weixin.qq.com/cgi-bin/miniprogram/jscode2session")
    assert plain(asked.query) == {"access_token": TOKEN, "js_code": CODE, "grant_type": "authorization_code"}
    assert TOKEN not in repr(asked)
    assert isinstance(WECOM, TokenLogins)
    with pytest.raises(InternalFault):
        WECOM.code2session(APP, CODE)


def test_a_token_is_asked_for_with_the_corpid_and_not_the_appid():
    asked = question(WECOM.access_token(APP, False))
    assert (asked.method, asked.url) == ("GET", "https://qyapi.weixin.qq.com/cgi-bin/gettoken")
    assert plain(asked.query) == {"corpid": CORP, "corpsecret": SECRET}
    assert SECRET not in repr(asked)
    body = {"errcode": 0, "errmsg": "ok", "access_token": "t", "expires_in": 7200}
    assert answered(WECOM.access_token(APP, False), body).expires_in == 7200


@pytest.mark.parametrize(
    "userid", ["lin", "Lin.Na_2-b@corp.example", "7", "woTD_bDwAA6qQBOujKfgScxHP3msqqng", "a" * 64]
)
def test_a_userid_is_the_openid(userid):
    assert login(good(userid=userid)) == PlatformIdentity(userid, "", Secret(KEY))


@pytest.mark.parametrize("corpid", ["ww0123456789abcdee", CORP.upper(), CORP[:-1], f"{CORP}0"])
def test_a_member_of_another_corp_is_let_in_by_nobody(corpid):
    """A userid of theirs may well be one of ours."""
    with pytest.raises(UserBlocked):
        login(good(corpid=corpid))


def test_an_answer_for_an_app_without_a_corp_is_no_login():
    with pytest.raises(PlatformReplyInvalid):
        answered(WECOM.code2session_by(replace(APP, platform_key=""), Secret(TOKEN), CODE), good(corpid=""))


@pytest.mark.parametrize("code", ["", "x&corpid=other", "a b", "a" * 257, "code\n"])
def test_a_code_that_is_none_is_not_sent(code):
    with pytest.raises(CodeMalformed):
        next(WECOM.code2session_by(APP, Secret(TOKEN), code))


@pytest.mark.parametrize(
    ("errcode", "kind"),
    [(40029, CodeInvalid), (42022, CodeUsed), (45009, PlatformLimit), (-1, PlatformSaysBusy), (60021, UserBlocked)]
    + [(48002, PlatformRefusedUs), (60020, PlatformRefusedUs)]
    + [(errcode, TokenRefused) for errcode in (40001, 40014, 42001)],
)
def test_errors_of_a_login(errcode, kind):
    with pytest.raises(kind) as raised:
        login({"errcode": errcode, "errmsg": "said"})
    assert (raised.value.platform_errcode, raised.value.detail) == (errcode, "said")


def test_the_other_numbers_are_what_their_tables_say():
    for table, flow in (
        (CALL_ERRORS, lambda: WECOM.code2session_by(APP, Secret(TOKEN), CODE)),
        (TOKEN_ERRORS, lambda: WECOM.access_token(APP, False)),
    ):
        for errcode, kind in table.items():
            with pytest.raises(kind):
                answered(flow(), {"errcode": errcode, "errmsg": ""})


def test_no_number_that_is_in_no_table_is_taken_for_another():
    with pytest.raises(PlatformReplyInvalid):
        login({"errcode": 40163, "errmsg": "code been used"})


@pytest.mark.parametrize(
    "said",
    [
        f"invalid code, {TRAIL}",
        f"invalid code {TRAIL}",
        f"invalid code,\n{TRAIL}",
        "invalid code, from ip: 192.0.2.7",
        "invalid code, more info at https://192.0.2.7",
        "invalid code",
    ],
)
def test_what_an_error_says_of_us_is_left_out(said):
    with pytest.raises(CodeInvalid) as raised:
        login({"errcode": 40029, "errmsg": said})
    assert raised.value.detail == "invalid code"


def test_what_an_error_repeats_is_hidden():
    with pytest.raises(CodeInvalid) as of_a_code:
        login({"errcode": 40029, "errmsg": f"no {CODE} {TOKEN}"})
    assert of_a_code.value.detail == "no *** ***"
    with pytest.raises(PlatformRefusedUs) as of_a_secret:
        answered(WECOM.access_token(APP, False), {"errcode": 40001, "errmsg": f"no {SECRET}"})
    assert of_a_secret.value.detail == "no ***"


@pytest.mark.parametrize(
    "body",
    [
        good(userid=None),
        good(userid=""),
        good(userid="lin\r\nX-Evil: 1"),
        good(userid="林"),
        good(userid="a" * 65),
        good(corpid=None),
        good(corpid=["ww0123456789abcdef"]),
        good(session_key="short"),
        good(errcode=True),
        good(errcode="many"),
        {},
        b"[]",
        b"<html>",
        b'{"corpid"',
    ],
)
def test_answers_that_are_none(body):
    with pytest.raises(PlatformReplyInvalid):
        login(body)


@pytest.mark.parametrize(("status", "kind"), [(503, PlatformSaysBusy), (302, PlatformReplyInvalid)])
def test_http_statuses(status, kind):
    with pytest.raises(kind):
        login(good(), status)


# Open data.

NOW = 1_700_000_000
MARK = {"timestamp": NOW, "appid": APP.appid}
MEMBER = {"corpid": CORP, "userid": "lin", "name": "林", "gender": 2, "watermark": MARK}


IV = bytes(range(16))


def closed(text: str, key: str = KEY) -> bytes:
    plain = text.encode()
    padded = plain + bytes([16 - len(plain) % 16]) * (16 - len(plain) % 16)
    encryptor = Cipher(AES128(base64.b64decode(key)), CBC(IV)).encryptor()
    return encryptor.update(padded) + encryptor.finalize()


def opened(data: bytes, iv: bytes = IV) -> dict[str, object]:
    sent = WECOM.encrypted_data(base64.b64encode(data).decode(), base64.b64encode(iv).decode())
    return WECOM.decrypt(APP, sent, Secret(KEY), openid="lin", now=NOW)


def test_a_profile():
    assert profile_of(opened(closed(json.dumps(MEMBER)))) == {"nickname": "林", "gender": "2"}


@pytest.mark.parametrize(
    "fields",
    [
        {**MEMBER, "userid": "wang"},
        {**MEMBER, "userid": "Lin"},
        {**MEMBER, "corpid": "ww0123456789abcdee"},
        {name: value for name, value in MEMBER.items() if name != "userid"},
        {name: value for name, value in MEMBER.items() if name != "corpid"},
        {name: value for name, value in MEMBER.items() if name != "watermark"},
        {**MEMBER, "watermark": {**MARK, "appid": CORP}},  # what is marked with the corp is of no mini program
        {**MEMBER, "watermark": {**MARK, "timestamp": NOW - 601}},
        {"mobile": "13900000021", "watermark": MARK},
        {"email": "lin@corp.example", "watermark": MARK},
    ],
)
def test_payloads_that_are_not_this_members(fields):
    with pytest.raises(OpenDataInvalid):
        opened(closed(json.dumps(fields)))


def test_a_payload_under_another_key():
    with pytest.raises(OpenDataInvalid):
        opened(closed(json.dumps(MEMBER), "tiihtNczf5v6AKRyjwEUhQ=="))


def test_a_number_is_whatever_its_member_makes_of_it_and_no_proof():
    """By the iv of a number of his own, without the key: so none is taken, even one that names the member."""
    assert not WECOM.phone_data
    fields = {"mobile": "13812345678", "corpid": CORP, "userid": "lin", "watermark": MARK}
    own = closed(json.dumps(fields, separators=(",", ":")))
    front, forged = b'{"mobile":"13812', b'{"mobile":"19900'
    iv = bytes(a ^ b ^ c for a, b, c in zip(IV, front, forged, strict=True))
    decryptor = Cipher(AES128(base64.b64decode(KEY)), CBC(iv)).decryptor()
    assert decryptor.update(own).startswith(b'{"mobile":"19900345678",')
    with pytest.raises(OpenDataInvalid):
        phone_of(opened(own, iv))
    assert profile_of(opened(own, iv)) == {}


# Against the emulator.


def test_a_member_is_the_same_in_two_apps_of_a_corp():
    async def main(emulator, client, app):
        alice = await log_in(client, app, emulator.login("wecom", "app-1", "alice"))
        emulator.add_app("wecom", "app-2", AppSettings("other"))
        other = replace(app, appid="app-2", secret=Secret("other"))
        assert (await log_in(client, other, emulator.login("wecom", "app-2", "alice"))).openid == alice.openid

    against("wecom", main)


def test_a_member_of_another_corp():
    async def main(emulator, client, app):
        token = (await client.run(WECOM.access_token(app, False))).token
        emulator.add_app("wecom", "app-1", AppSettings(app.secret.reveal(), platform_key="ww0123456789abcdee"))
        with pytest.raises(UserBlocked):
            await client.run(WECOM.code2session_by(app, token, emulator.login("wecom", "app-1", "alice")))

    against("wecom", main)


@pytest.mark.parametrize(
    ("change", "errcode", "about"),
    [({"secret": Secret("reset")}, 40001, "secret"), ({"platform_key": "ww9999999999999999"}, 40013, "platform_key")],
)
def test_wrong_credentials(change, errcode, about):
    async def main(_emulator, client, app):
        with pytest.raises(PlatformRefusedUs) as raised:
            await client.run(WECOM.access_token(replace(app, **change), False))
        assert raised.value.platform_errcode == errcode
        assert WECOM.refused_for[errcode] == about

    against("wecom", main)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("40164", PlatformRefusedUs), ("45009", PlatformLimit), ("45011", PlatformLimit), ("-1", PlatformSaysBusy)],
)
def test_faults_of_a_token(name, kind):
    async def main(emulator, client, app):
        emulator.add_fault("wecom", Fault(name, api="token"))
        with pytest.raises(kind):
            await client.run(WECOM.access_token(app, False))

    against("wecom", main)
