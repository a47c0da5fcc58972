"""WeChat's encrypted and signed calls: the page's own example step by step, then what is refused."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from menshen.config.snapshot import ApiSecurity, App
from menshen.errors import (
    PhoneCodeInvalid,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    PlatformSaysBusy,
    Refusal,
)
from menshen.platforms.app_key_forms import no_aes256_key, no_certificate, public_key
from menshen.platforms.base import PlatformPhone, PlatformReply, PlatformRequest, TokenRefused
from menshen.platforms.wechat import WeChat
from menshen.platforms.wechat_api_security import ERRORS, NOT_OURS, REFUSED_FOR, closed, encrypted, opened
from menshen.secret import Secret
from tests.platforms.api_security import (
    PSS_SHA256,
    SYMMETRIC_KEY,
    certificate_text,
    sealed,
    secured_reply,
    security,
    signature,
    signed_reply,
)
from tests.platforms.app_keys import AES_KEY, key, private_text, public_text

# The example of developers.weixin.qq.com/miniprogram/dev/server/getting_started/api_signature.
VECTOR_APP = App("shop", "wechat", "wxba6223c06417af7b", Secret("not in the example"))
VECTOR_URL = "https://api.weixin.qq.com/wxa/getuserriskrank"
VECTOR_REQUEST = (
    b'{"iv":"fmW/zNxXlytUZBgj","data":"0IDVdrPtSPF/Oe2CTXCV2vVNPbVJdJlP2WaTMQnoYLh5iCrrSNfQFh25EnStDMf0hLlVNBCZQtf9NaV'
    b"0m4aRA4AAYIO7oR/Ge+4yY4EmZp5EVPB42xjScgMx5X3D4VdLCfynXIUKUtZHZvk1zmLVE3RauzJgiM1BB1CPmwcENo3MTJ0z8Vfkf5tMv54kOXobD"
    b'LlV5rfqKdAX7gM/rP82DgZdt9vvZX44ipdbHIjJvw83ZXAFtvftdVw2Qd8=","authtag":"5qeM/2vZv+6KtScN94IpMg=="}'
)
VECTOR_REQUEST_SIGNATURE = (
    "wcSSWHZunjz9VKl9q+If9deiyECXDAELfAJNZ4+5T+NhFr8zfhkwdQtlgQ7nN5xs99R57La9UjBTRBGge2KYyshWtw7HIMPAqWNsnpHvx0b2f7s6Bt7O"
    "pfOQLlIfNgepgTVmUwrqW8/7A12szj7tCe/bRFilwnaX6N0w4duHlfL7ic7IIZXouvy9dLRAa5GtEk1eD/LPWRiKh0SvJ3znPY/pSiQW9zSkXVdj9UGG"
    "M8qcKLzPGJ7gSmt3ZOPkFapk9wqFmhJwQj//xN5+hUlr2UiNPMNSHve5Y2ADLsNHqk5t7RfAZ8nW9/8lzhVt4t+toy1FeehxCGIC8qgmjIl1hg=="
)
VECTOR_REPLY = (
    b'{"iv":"r2WDQt56rEAmMuoR","data":"HExs66Ik3el+iM4IpeQ7SMEN934FRLFYOd3EmeaIrpP4EPTHckoco6O+PaoRZRa3lqaPRZT7r52f7LUok6'
    b"gLxc6cdR8C4vpIIfh4xfLC4L7FNy9GbuMK1hcoi8b7gkWJcwZMkuCFNEDmqn3T49oWzAQOrY4LZnnnykv6oUJotdAsnKvmoJkLK7hRh7M2B1d2UnTnRu"
    b'oIyarXc5Iojwoghx4BOvnV","authtag":"z2BFD8QctKXTuBlhICGOjQ=="}'
)
VECTOR_REPLY_HEADERS = {
    "wechatmp-appid": VECTOR_APP.appid,
    "wechatmp-timestamp": "1635927956",
    "wechatmp-serial": "79ba700ea147819f640941bceb38b1d1",
    "wechatmp-signature": (
        "Ht0VfQkkEweJ4hU266C14Aj64H9AXfkwNi5zxUZETCvR2svU1ZYdosDhFX/voLj1TyszqKsVxAlENGt7PPZZ8RQX7jnA4SKhiPUhW4LTbyTenisH"
        "J+ohSfDjYnXavjQsBHspFS+BlPHuSSJ2xyQzw1+HuC6nid09ZL4FnGSYo4OI5MJrSb9xLzIVZMIDuUQchGKi/KaB1KzxECLEZcfjqbAgmxC7qOmu"
        "BLyO1WkHYDM95NJrHJWba5xv4wrwPru9yYTJSNRnlM+zrW5w9pOubC4Jtj3szTAEuOz9AcqUmgaAvMLNAIa8hfODLRe3n/cu4SgYlN/ZkNRU4QXV"
        "NbPGMg=="
    ),
    "wechatmp-serial-deprecated": "2171af9cdf1d7404423852e7e183d852",
    "wechatmp-signature-deprecated": "ZP1OODikAOePc+YJUMLxunF6xV05kextO/T1fy5lWv/CwV6OCsPBRM2xRRCi+B4lYXbbfYDd",
}
VECTOR_PUBLIC_KEY = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3FoQOmOl5/CF5hF7ta4EzCy2LaU3Eu2k9DBwQ73J82I53Sx9LAgM1DH3IsYohRRx/BESfbdD"
    "I2powvr6QYKVIC+4Yavwg7gzhZRxWWmT1HruEADCZAgkUCu+9Il/9FPuitPSoIpBd07NqdkkRe82NBOfrKTdhge/5zd457fl7J81Q5VTIxO8vvq7FSw7"
    "k6Jtv+eOjR6SZOWbbUO7f9r4UuUkXmvdGv21qiqtaO1EMw4tUCELzY73M7NpCH3RorlommYX3P6q0VrkDHrCE0/QMhmHsF+46E+IRcJ3wtEj3p/mO1Vo"
    "CpEhawC1U728ZUTwWNEii8hPEhcNAZTKaQMaTQIDAQAB"
)
VECTOR_CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIID0jCCArqgAwIBAgIUeE+Yy7vM/o+eHHsfM+1bGJJEZTQwDQYJKoZIhvcNAQEL
BQAwXjELMAkGA1UEBhMCQ04xEzARBgNVBAoTClRlbnBheS5jb20xHTAbBgNVBAsT
FFRlbnBheS5jb20gQ0EgQ2VudGVyMRswGQYDVQQDExJUZW5wYXkuY29tIFJvb3Qg
Q0EwHhcNMjIwOTA1MDgzOTIyWhcNMjcwOTA0MDgzOTIyWjBkMRswGQYDVQQDDBJ3
eGQ5MzBlYTVkNWEyNThmNGYxFTATBgNVBAoMDFRlbmNlbnQgSW5jLjEOMAwGA1UE
CwwFV3hnTXAxCzAJBgNVBAYMAkNOMREwDwYDVQQHDAhTaGVuWmhlbjCCASIwDQYJ
KoZIhvcNAQEBBQADggEPADCCAQoCggEBAM5D9qlkCmk1kr3FpF0e9pc3kGsvz5RA
0/YRny9xPKIyV2UVMDZvRQ+mDHsiQQFE6etg457KFYSxTDKtItbdl6hJQVGeAvg0
mqPYE9SkHRGTfL/AnXRbKBG2GC2OcaPSAprsLOersjay2me+9pF8VHybV8aox78A
NsU75G/OO3V1iEE0s5Pmglqk8DEiw9gB/dGJzsNfXwzvyJyiUP9ZujYexyjsS+/Z
GdSOUkqL/th+16yHj8alcdyga6YGfWEDyWkt/i/B28cwx4nzwk8xgrurifPaLuMk
0+9wJQLCfAn/f7zyHrC8PcD1XvvRt9VBNMBASXs3710ODyyVf2lkMgkCAwEAAaOB
gTB/MAkGA1UdEwQCMAAwCwYDVR0PBAQDAgTwMGUGA1UdHwReMFwwWqBYoFaGVGh0
dHA6Ly9ldmNhLml0cnVzLmNvbS5jbi9wdWJsaWMvaXRydXNjcmw/Q0E9MUJENDIy
MEU1MERCQzA0QjA2QUQzOTc1NDk4NDZDMDFDM0U4RUJEMjANBgkqhkiG9w0BAQsF
AAOCAQEAL2MK9tYu+ljLVBlSbfEeaKyF07TN+G31Ya5NBzeS1ZCx4joUEIyACWmG
fUkKNKiKV+EMzxeEhKRso1Qif3E7Ipl+PQBoQw6OSR/jFHciYurnGR9CLkL03Zo1
qw1Xetv9OipsvlpA0SOWc207e/XpGdm8C7FMXM6bzvVp8I/STTjC1vqjIZu9WavI
RgGM4jyAPz2XogUq0BNijef8BXbbav9fAsXjHSwn5BQv4iLms3fiLm/eoyQ6dZ2R
oTudrlcyr1bG4vwETLmHF+3yfVp9dpvJ+lyfiviwDwyfa8t2WlJm27DuF4vWoxir
mjgj9tDutIFqxLIovLyg3uiAYtSQ/Q==
-----END CERTIFICATE-----
"""
VECTOR_KEYS = ApiSecurity(
    Secret("otUpngOjU+nVQaWJIC3D/yMLV17RKaP6t4Ot9tbnzLY="),
    "fa05fe1e5bcc79b81ad5ad4b58acf787",
    Secret(""),
    VECTOR_CERTIFICATE,
    "79ba700ea147819f640941bceb38b1d1",
)

NOW = 1_800_000_000
APP = App("shop", "wechat", "wx4f4bc4dec97d474b", Secret("0123456789abcdef0123456789abcdef"), api_security=security())
KEYS = security()
URL = "https://api.weixin.qq.com/wxa/business/getuserphonenumber"
TOKEN = Secret("86_canary_token")
CODE = "e31968a7f94cc5ee25fafc2aef2773f0bb8c3937b22520eb8ee345274d00c144"
OPENID = "oGZUI0egBJY1zhBYw2KhdUfwVJJE"
WECHAT = WeChat(lambda: NOW, lambda length: bytes(length))
INFO = {
    "phoneNumber": "13580006666",
    "purePhoneNumber": "13580006666",
    "countryCode": 86,
    "watermark": {"timestamp": NOW, "appid": APP.appid},
}
NUMBER = {"errcode": 0, "errmsg": "ok", "phone_info": INFO}


def vector_reply(**change: str) -> PlatformReply:
    return PlatformReply(200, VECTOR_REPLY, {**VECTOR_REPLY_HEADERS, **change})


def asked() -> PlatformRequest:
    return next(WECHAT.phone_number(APP, TOKEN, CODE, OPENID))


def answered(reply: PlatformReply) -> PlatformPhone:
    flow = WECHAT.phone_number(APP, TOKEN, CODE, OPENID)
    next(flow)
    with pytest.raises(StopIteration) as done:
        flow.send(reply)
    phone: PlatformPhone = done.value.value
    return phone


def refused(reply: PlatformReply) -> str:
    flow = WECHAT.phone_number(APP, TOKEN, CODE, OPENID)
    next(flow)
    with pytest.raises(PlatformReplyInvalid) as raised:
        flow.send(reply)
    return raised.value.detail


def inside(body: bytes, bound: str, key_text: str) -> dict[str, Any]:
    parts = {name: base64.b64decode(text) for name, text in json.loads(body).items()}
    text = AESGCM(base64.b64decode(key_text)).decrypt(parts["iv"], parts["data"] + parts["authtag"], bound.encode())
    fields: dict[str, Any] = json.loads(text)
    return fields


VECTOR_FIELDS = {
    "_n": "o89QaPVsRu1yppIZzvSZc4",
    "_appid": VECTOR_APP.appid,
    "_timestamp": 1635927954,
    "appid": VECTOR_APP.appid,
    "openid": "oEWzBfmdLqhFS2mTXCo2E4Y9gJAM",
    "scene": 0,
    "client_ip": "127.0.0.1",
}
VECTOR_BOUND = f"{VECTOR_URL}|{VECTOR_APP.appid}|1635927954|{VECTOR_KEYS.symmetric_key_sn}"


def test_the_pages_request_is_encrypted_as_ours_are() -> None:
    """Byte by byte."""
    iv = base64.b64decode("fmW/zNxXlytUZBgj")
    assert encrypted(VECTOR_FIELDS, iv, VECTOR_BOUND.encode(), VECTOR_KEYS) == VECTOR_REQUEST
    assert len(VECTOR_REQUEST) == 324


def test_the_pages_request_is_opened_with_its_bound_text() -> None:
    assert inside(VECTOR_REQUEST, VECTOR_BOUND, VECTOR_KEYS.symmetric_key.reveal()) == VECTOR_FIELDS


def test_the_pages_request_is_signed_in_four_lines() -> None:
    """Not with the number of the key as a fifth, by which the calls of an SDK ended."""
    four = f"{VECTOR_URL}\n{VECTOR_APP.appid}\n1635927954\n".encode() + VECTOR_REQUEST
    made = base64.b64decode(VECTOR_REQUEST_SIGNATURE)
    public_key(VECTOR_PUBLIC_KEY).verify(made, four, PSS_SHA256, SHA256())
    five = four.replace(b'\n{"iv"', b'\n97845f6ed842ea860df6fdf65941ff56\n{"iv"')
    with pytest.raises(InvalidSignature):
        public_key(VECTOR_PUBLIC_KEY).verify(made, five, PSS_SHA256, SHA256())


def test_the_pages_text_to_verify_has_the_hash_that_it_says() -> None:
    text = f"{VECTOR_URL}\n{VECTOR_APP.appid}\n1635927956\n".encode() + VECTOR_REPLY
    assert len(VECTOR_REPLY) == 292
    assert hashlib.sha256(text).hexdigest() == "f797cafd9e323df336fb427569fbe67e20d5bc96dd68a3f54d66b54e6e08bb27"


def test_the_pages_answer_is_verified_by_its_certificate_and_opened() -> None:
    told = opened(vector_reply(), VECTOR_URL, VECTOR_APP, VECTOR_KEYS, 1635927956)
    assert json.loads(told.body) == {
        "_n": "ShYZpqdVgY+yQVAxNSWhYg",
        "errcode": 0,
        "errmsg": "getuserriskrank succ",
        "risk_rank": 0,
        "unoin_id": 2258658297,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"wechatmp-timestamp": "1635927957"},
        {"wechatmp-serial": "2171af9cdf1d7404423852e7e183d852"},
        {"wechatmp-signature": VECTOR_REQUEST_SIGNATURE},
        {"wechatmp-signature": ""},
    ],
)
def test_the_pages_answer_with_another_header_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(PlatformReplyInvalid, match=NOT_OURS):
        opened(vector_reply(**change), VECTOR_URL, VECTOR_APP, VECTOR_KEYS, 1635927956)


def test_a_number_is_asked_for_with_nothing_but_the_token_in_the_clear() -> None:
    request = asked()
    assert (request.method, request.url, request.query) == ("POST", URL, {"access_token": TOKEN})
    assert request.json is None
    assert request.body is not None
    assert inside(request.body, f"{URL}|{APP.appid}|{NOW}|{KEYS.symmetric_key_sn}", SYMMETRIC_KEY) == {
        "_n": "AAAAAAAAAAAAAAAAAAAAAA",
        "_appid": APP.appid,
        "_timestamp": NOW,
        "code": CODE,
        "openid": OPENID,
    }
    assert CODE.encode() not in request.body


def test_what_a_call_has_in_its_address_is_encrypted_with_the_rest() -> None:
    request = PlatformRequest("GET", URL, {"access_token": TOKEN, "openid": OPENID, "signature": Secret("ab")})
    made = closed(request, APP, KEYS, NOW, lambda length: bytes(length))
    assert (made.method, made.query) == ("POST", {"access_token": TOKEN})
    assert made.body is not None
    fields = inside(made.body, f"{URL}|{APP.appid}|{NOW}|{KEYS.symmetric_key_sn}", SYMMETRIC_KEY)
    assert (fields["openid"], fields["signature"], "access_token" in fields) == (OPENID, "ab", False)


def test_the_request_is_signed_by_the_app_over_four_lines() -> None:
    request = asked()
    assert request.body is not None
    headers = dict(request.headers)
    made = base64.b64decode(str(headers.pop("Wechatmp-Signature")))
    four = f"{URL}\n{APP.appid}\n{NOW}\n".encode() + request.body
    key("app").public_key().verify(made, four, PSS_SHA256, SHA256())
    assert headers == {
        "Content-Type": "application/json",
        "Wechatmp-Appid": APP.appid,
        "Wechatmp-TimeStamp": str(NOW),
    }


def test_a_number_that_is_told() -> None:
    assert answered(secured_reply(NUMBER, URL, APP.appid, NOW + 1, KEYS)) == PlatformPhone(
        "13580006666", "13580006666", "86"
    )


def test_a_text_that_is_no_unicode_is_passed_over_as_in_the_clear() -> None:
    told = json.dumps({"_appid": APP.appid, "_timestamp": NOW, "rid": "\ud800", **NUMBER}).encode()
    iv, bound = bytes(12), f"{URL}|{APP.appid}|{NOW}|{KEYS.symmetric_key_sn}".encode()
    text = AESGCM(base64.b64decode(KEYS.symmetric_key.reveal())).encrypt(iv, told, bound)
    parts = {"iv": iv, "data": text[:-16], "authtag": text[-16:]}
    body = json.dumps({name: base64.b64encode(part).decode() for name, part in parts.items()}).encode()
    assert answered(signed_reply(body, URL, APP.appid, NOW, KEYS)).pure == "13580006666"


def test_other_calls_are_neither_encrypted_nor_signed() -> None:
    """Their pages do not say that they may be."""
    login, session = WECHAT.code2session(APP, "0" * 32), Secret("tiihtNczf5v6AKRyjwEUhQ==")
    for flow in (login, WECHAT.access_token(APP, False), WECHAT.check_session(APP, TOKEN, OPENID, session)):
        request = next(flow)
        assert request.body is None
        assert request.headers == {}


def test_an_app_without_keys_calls_as_ever() -> None:
    request = next(WECHAT.phone_number(App("shop", "wechat", APP.appid, APP.secret), TOKEN, CODE, OPENID))
    assert request.body is None
    assert request.json is not None


def test_while_the_certificate_changes_the_one_that_the_app_has_is_enough() -> None:
    made = secured_reply(NUMBER, URL, APP.appid, NOW, KEYS)
    old = {f"{name}-deprecated": made.headers[name] for name in ("wechatmp-serial", "wechatmp-signature")}
    new = {"wechatmp-serial": "99" * 16, "wechatmp-signature": base64.b64encode(bytes(256)).decode()}
    assert answered(PlatformReply(200, made.body, {**made.headers, **new, **old})).number == "13580006666"


def test_the_old_signature_must_be_good_too() -> None:
    made = secured_reply(NUMBER, URL, APP.appid, NOW, KEYS)
    changed = {
        "wechatmp-serial": "99" * 16,
        "wechatmp-serial-deprecated": KEYS.platform_certificate_sn,
        "wechatmp-signature-deprecated": base64.b64encode(bytes(256)).decode(),
    }
    assert refused(PlatformReply(200, made.body, {**made.headers, **changed})) == NOT_OURS


def test_a_certificate_that_the_app_does_not_have_is_refused_though_it_signs_well() -> None:
    body = sealed({"_appid": APP.appid, "_timestamp": NOW, **NUMBER}, URL, APP.appid, NOW, KEYS)
    other = signature(f"{URL}\n{APP.appid}\n{NOW}\n".encode() + body, "another")
    for change in ({"wechatmp_signature": other}, {"wechatmp_serial": "99" * 16}):
        assert refused(signed_reply(body, URL, APP.appid, NOW, KEYS, **change)) == NOT_OURS


def test_a_success_that_nobody_signed_is_refused() -> None:
    """Or whoever leaves the headers away would switch this off."""
    encrypted = secured_reply(NUMBER, URL, APP.appid, NOW, KEYS).body
    for body in (json.dumps(NUMBER).encode(), b'{"phone_info":{}}', encrypted, b"{}"):
        assert refused(PlatformReply(200, body)) == NOT_OURS
        assert refused(signed_reply(body, URL, APP.appid, NOW, KEYS, wechatmp_signature="")) == NOT_OURS


def test_a_success_that_is_signed_and_not_encrypted_is_refused() -> None:
    body = json.dumps({"_appid": APP.appid, "_timestamp": NOW, **NUMBER}).encode()
    assert "not encrypted" in refused(signed_reply(body, URL, APP.appid, NOW, KEYS))


def test_a_tampered_body_is_refused_before_it_is_read() -> None:
    made = secured_reply(NUMBER, URL, APP.appid, NOW, KEYS)
    for body in (made.body.replace(b'"iv"', b' "iv"'), made.body + b" ", b"not json", b'{"errcode":40029}'):
        assert refused(PlatformReply(200, body, made.headers)) == NOT_OURS


@pytest.mark.parametrize("off", [301, -301, 86_400])
def test_an_answer_of_another_time_is_refused(off: int) -> None:
    assert "clock" in refused(secured_reply(NUMBER, URL, APP.appid, NOW + off, KEYS))


@pytest.mark.parametrize("off", [300, -300])
def test_a_clock_may_be_a_little_off(off: int) -> None:
    assert answered(secured_reply(NUMBER, URL, APP.appid, NOW + off, KEYS))


@pytest.mark.parametrize("time", ["", "now", "-1", "1.8e9", "1800000000000000", "１８００００００００"])
def test_an_answer_without_a_time_is_refused(time: str) -> None:
    made = secured_reply(NUMBER, URL, APP.appid, NOW, KEYS)
    assert "no time" in refused(PlatformReply(200, made.body, {**made.headers, "wechatmp-timestamp": time}))


def test_an_answer_to_another_app_is_refused() -> None:
    assert "not to this app" in refused(secured_reply(NUMBER, URL, "wx0000000000000000", NOW, KEYS))


@pytest.mark.parametrize("inner", [{}, {"_appid": "wx0000000000000000"}, {"_timestamp": NOW - 1}, {"_timestamp": "x"}])
def test_the_app_and_the_time_inside_must_be_those_outside(inner: dict[str, Any]) -> None:
    full = {"_appid": APP.appid, "_timestamp": NOW, **inner} if inner else {}
    body = sealed({**full, **NUMBER}, URL, APP.appid, NOW, KEYS)
    assert "another app or another time" in refused(signed_reply(body, URL, APP.appid, NOW, KEYS))


@pytest.mark.parametrize(
    "where", [("https://api.weixin.qq.com/wxa/other", APP.appid, NOW), (URL, "wx0", NOW), (URL, APP.appid, NOW - 1)]
)
def test_an_encrypted_answer_of_another_call_app_or_time_does_not_open(where: tuple[str, str, int]) -> None:
    body = sealed({"_appid": APP.appid, "_timestamp": NOW, **NUMBER}, *where, KEYS)
    assert "not encrypted with the symmetric_key" in refused(signed_reply(body, URL, APP.appid, NOW, KEYS))


def test_another_symmetric_key_or_number_does_not_open() -> None:
    fields = {"_appid": APP.appid, "_timestamp": NOW, **NUMBER}
    for other in (
        security(symmetric_key_sn="00"),
        security(symmetric_key=Secret(base64.b64encode(bytes(32)).decode())),
    ):
        body = sealed(fields, URL, APP.appid, NOW, other)
        assert "symmetric_key" in refused(signed_reply(body, URL, APP.appid, NOW, KEYS))


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"iv":"","data":"","authtag":""}',
        b'{"iv":1,"data":[],"authtag":null}',
        b'{"iv":"AA","data":"*"}',
    ],
)
def test_what_is_signed_and_no_encrypted_answer(body: bytes) -> None:
    refused(signed_reply(body, URL, APP.appid, NOW, KEYS))


@pytest.mark.parametrize(
    ("errcode", "kind"),
    [
        (-1, PlatformSaysBusy),
        (40001, TokenRefused),
        (40029, PhoneCodeInvalid),
        (45011, PlatformLimit),
        (48001, PlatformRefusedUs),
        *((errcode, PlatformRefusedUs) for errcode in range(40230, 40241)),
        (99999, PlatformReplyInvalid),
    ],
)
@pytest.mark.parametrize("how", ["in the clear", "signed", "signed and encrypted"])
def test_refusals(errcode: int, kind: type[Refusal | TokenRefused], how: str) -> None:
    fields = {"errcode": errcode, "errmsg": "invalid signature rid: 69af74a4-39bbb3e9-06b4d7c0"}
    body = json.dumps(fields).encode()
    reply = {
        "in the clear": PlatformReply(200, body),
        "signed": signed_reply(body, URL, APP.appid, NOW, KEYS),
        "signed and encrypted": secured_reply(fields, URL, APP.appid, NOW, KEYS),
    }[how]
    flow = WECHAT.phone_number(APP, TOKEN, CODE, OPENID)
    next(flow)
    with pytest.raises(kind) as raised:
        flow.send(reply)
    assert raised.value.platform_errcode == errcode


def test_of_every_error_it_is_known_what_is_wrong() -> None:
    assert set(ERRORS) == set(range(40230, 40241)) == set(REFUSED_FOR)
    assert {errcode for errcode, about in REFUSED_FOR.items() if about == "clock"} == {40240}


@pytest.mark.parametrize(("status", "kind"), [(502, PlatformSaysBusy), (403, PlatformReplyInvalid)])
def test_another_status_is_what_it_ever_was(status: int, kind: type[Refusal]) -> None:
    flow = WECHAT.phone_number(APP, TOKEN, CODE, OPENID)
    next(flow)
    with pytest.raises(kind):
        flow.send(PlatformReply(status, b"<html>"))


@given(st.binary(max_size=200), st.dictionaries(st.sampled_from(sorted(VECTOR_REPLY_HEADERS)), st.text(max_size=30)))
def test_nothing_that_is_not_signed_gives_a_number(body: bytes, headers: dict[str, str]) -> None:
    flow = WECHAT.phone_number(APP, TOKEN, CODE, OPENID)
    next(flow)
    with pytest.raises((Refusal, TokenRefused)):
        flow.send(PlatformReply(200, body, headers))


@pytest.mark.parametrize("text", ["", "AAAA", AES_KEY, "*", private_text("app")])
def test_what_is_no_key_of_aes_256(text: str) -> None:
    assert no_aes256_key(Secret(text)) is not None
    assert no_aes256_key(Secret(SYMMETRIC_KEY)) is None


@pytest.mark.parametrize(
    "text", ["", "AAAA", public_text("platform"), private_text("platform"), VECTOR_CERTIFICATE * 2]
)
def test_what_is_no_certificate(text: str) -> None:
    assert no_certificate(Secret(text)) is not None


@pytest.mark.parametrize(
    "text", [VECTOR_CERTIFICATE, VECTOR_CERTIFICATE.replace("\n", "\\n"), certificate_text("platform", days=-1)]
)
def test_a_certificate_is_read_in_every_form_and_after_its_end(text: str) -> None:
    assert no_certificate(Secret(text)) is None


def test_no_key_is_in_a_repr() -> None:
    shown = repr(APP)
    for secret in (SYMMETRIC_KEY, private_text("app"), KEYS.platform_certificate):
        assert secret not in shown
    assert CODE not in repr(asked())
