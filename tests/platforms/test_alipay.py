"""Alipay by hand: what a request looks like, and what is made of every answer."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from menshen.config.snapshot import App
from menshen.errors import (
    CodeInvalid,
    CodeMalformed,
    NotOffered,
    OpenDataInvalid,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    PlatformSaysBusy,
)
from menshen.platforms.alipay import CODES, REFUSED_FOR, Alipay
from menshen.platforms.alipay_signing import content_of, members
from menshen.platforms.open_data import phone_of
from menshen.secret import Secret
from tests.platforms.app_keys import AES_KEY, key, private_text, public_text
from tests.platforms.flows import answered, plain, question

CODE = "4b203fe6c11548bcabd8da5bb087a83b"
OPEN_ID = "074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5"
ALIPAY = Alipay(lambda: 1_700_000_000.0)
RESPONSE = "igATcyTqqgv1AFpBiHJyVf94zn4d80DWhHrnUhty+8QTwnwcZ+IvYxUhADa4W5wnvJ0d4yD4Z82wscGjQ0bJEA=="
"""The vector of reference/platform-apis.md 4.2: 13580006666 under bytes 0 to 15."""


def app(**change: object) -> App:
    keys = {"platform_key": public_text("platform"), "data_key": Secret(AES_KEY)} | change
    return App("shop", "alipay", "2021000000000001", Secret(private_text("app")), "", **keys)  # type: ignore[arg-type]


def sealed(text: str, name: str = "platform") -> str:
    return base64.b64encode(key(name).sign(text.encode(), PKCS1v15(), SHA256())).decode()


def success(told: str, sign: str | None = None) -> bytes:
    made = sealed(told) if sign is None else sign
    return f'{{"alipay_system_oauth_token_response":{told},"sign":"{made}"}}'.encode()


def failure(code: object, sub_code: str, *, signed: bool = True) -> bytes:
    told = json.dumps({"code": code, "msg": "x", "sub_code": sub_code, "sub_msg": "授权码code无效"}, ensure_ascii=False)
    return f'{{"error_response":{told}{f""","sign":"{sealed(told)}" """ if signed else ""}}}'.encode()


def login(body: object, status: int = 200, of: App | None = None):
    return answered(ALIPAY.code2session(of or app(), CODE), body, status)


def test_a_request_is_signed_over_all_its_parameters_in_order():
    asked = question(ALIPAY.code2session(app(), CODE))

    assert (asked.method, asked.url) == ("POST", "https://openapi.alipay.com/gateway.do")
    query, form = plain(asked.query), plain(asked.form)
    assert form == {"grant_type": "authorization_code", "code": CODE}
    signature = base64.b64decode(str(query.pop("sign")))
    assert query == {
        "app_id": "2021000000000001",
        "method": "alipay.system.oauth.token",
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": "2023-11-15 06:13:20",
        "version": "1.0",
    }
    content = (
        f"app_id=2021000000000001&charset=utf-8&code={CODE}&format=JSON&grant_type=authorization_code"
        "&method=alipay.system.oauth.token&sign_type=RSA2&timestamp=2023-11-15 06:13:20&version=1.0"
    )
    key("app").public_key().verify(signature, content.encode(), PKCS1v15(), SHA256())


def test_what_is_empty_is_not_signed_and_nothing_is_encoded():
    assert content_of({"b": "", "c": "1 2&", "a": Secret("x"), "sign": "y"}) == "a=x&c=1 2&"


def test_the_emulator_gets_the_call_where_base_url_says():
    here = App("shop", "alipay", "1", Secret(private_text("app")), "http://127.0.0.1:8082/alipay")
    assert question(ALIPAY.code2session(here, CODE)).url == "http://127.0.0.1:8082/alipay/gateway.do"


@pytest.mark.parametrize("code", ["", "a b", "x&appid=other", "x" * 257, "é"])
def test_a_code_that_cannot_be_one_is_not_sent(code):
    with pytest.raises(CodeMalformed):
        next(ALIPAY.code2session(app(), code))


@pytest.mark.parametrize(
    ("told", "openid"),
    [
        (f'{{"access_token":"authusrBx","open_id":"{OPEN_ID}"}}', OPEN_ID),
        ('{"user_id":"2088000000000001","alipay_user_id":"20880000000000000000000000000001"}', "2088000000000001"),
        (f'{{"user_id":"2088000000000001","open_id":"{OPEN_ID}"}}', "2088000000000001"),
        (f'{{"code":"10000","msg":"Success","open_id":"{OPEN_ID}"}}', OPEN_ID),
        (f'{{ "open_id" : "{OPEN_ID}", "msg": "a\\\\/b\\u0001 {{}}" }}', OPEN_ID),
    ],
    ids=["new app", "old app", "both", "with a code", "spaces and escapes"],
)
def test_who_logged_in(told, openid):
    identity = login(success(told))
    assert (identity.openid, identity.unionid, identity.session_key.reveal()) == (openid, "", "")


def test_the_text_is_verified_as_it_stands_whatever_is_around_it():
    told = f'{{"open_id":"{OPEN_ID}","x":"\\"sign\\":\\"\\u4e2d"}}'
    body = f'{{ "sign" : "{sealed(told)}" , "alipay_system_oauth_token_response" : {told} , "new":[1] }}\n'
    assert login(body.encode()).openid == OPEN_ID
    assert members(b'{"a": [1, 2] }')["a"].text == "[1, 2]"


GOOD = f'{{"open_id":"{OPEN_ID}"}}'


@pytest.mark.parametrize(
    "body",
    [
        success(GOOD, ""),
        success(GOOD, "AAAA"),
        success(GOOD, "not base64"),
        success(GOOD, sealed(GOOD, "app")),
        success(GOOD, sealed(GOOD + " ")),
        f'{{"alipay_system_oauth_token_response":{GOOD}}}'.encode(),
        f'{{"alipay_system_oauth_token_response":{GOOD},"sign":["{sealed(GOOD)}"]}}'.encode(),
    ],
    ids=["empty", "short", "no base64", "our own key", "another text", "absent", "a list"],
)
def test_a_success_that_alipay_did_not_sign_logs_nobody_in(body):
    with pytest.raises(PlatformReplyInvalid, match="not signed"):
        login(body)


def test_an_answer_of_two_meanings_is_refused():
    forged = '{"open_id":"another"}'
    for body in (
        f'{{"alipay_system_oauth_token_response":{GOOD},"alipay_system_oauth_token_response":{forged},'
        f'"sign":"{sealed(GOOD)}"}}',
        f'{{"alipay_system_oauth_token_response":{GOOD},"error_response":{forged},"sign":"{sealed(GOOD)}"}}',
    ):
        with pytest.raises(PlatformReplyInvalid):
            login(body.encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"{",
        b'{"a"',
        b'{"a":1',
        b'{"a":1}x',
        b"{1:2}",
        b'{"sign":"x"}',
        b'{"alipay_system_oauth_token_response":[]}',
        b'{"error_response":"x"}',
        b"<html>",
        b"\xff\xfe",
        b"[" * 100_000,
        success("{}"),
        success('{"open_id":"a b"}'),
        success('{"open_id":7}'),
        success('{"code":"zero"}'),
    ],
)
def test_a_malformed_answer_is_no_login(body):
    with pytest.raises(PlatformReplyInvalid):
        login(body)


@pytest.mark.parametrize(("status", "kind"), [(502, PlatformSaysBusy), (302, PlatformReplyInvalid)])
def test_another_status_than_200(status, kind):
    with pytest.raises(kind):
        login(success(GOOD), status)


@pytest.mark.parametrize(
    ("code", "sub_code", "kind"),
    [
        ("40002", "isv.code-invalid", CodeInvalid),
        ("20000", "isp.unknow-error", PlatformSaysBusy),
        ("20000", "aop.unknow-error", PlatformSaysBusy),
        ("20001", "aop.invalid-app-auth-token", PlatformRefusedUs),
        ("40001", "isv.missing-signature", PlatformRefusedUs),
        ("40002", "isv.invalid-signature", PlatformRefusedUs),
        ("40002", "isv.invalid-app-id", PlatformRefusedUs),
        ("40003", "isv.invalid-auth-relations", PlatformRefusedUs),
        ("40005", "isv.app-call-limited", PlatformLimit),
        ("40004", "isv.method-call-limited", PlatformLimit),
        ("40006", "isv.insufficient-isv-permissions", PlatformRefusedUs),
        ("40004", "isv.user-blocked", PlatformReplyInvalid),
        ("99999", "unknown", PlatformReplyInvalid),
        (40002, "isv.code-invalid", CodeInvalid),
    ],
)
@pytest.mark.parametrize("signed", [True, False])
def test_errors(code, sub_code, kind, signed):
    with pytest.raises(kind) as raised:
        login(failure(code, sub_code, signed=signed))
    assert type(raised.value) is kind
    assert raised.value.platform_errcode == int(code)
    assert raised.value.detail == f"{sub_code} 授权码code无效"


def test_an_error_where_a_success_would_stand():
    with pytest.raises(CodeInvalid):
        login(success('{"code":"40002","sub_code":"isv.code-invalid"}'))


def test_an_error_that_somebody_else_signed_tells_of_a_wrong_platform_key():
    with pytest.raises(PlatformReplyInvalid, match="platform_key"):
        login(failure("40002", "isv.code-invalid"), of=app(platform_key=public_text("app")))


def test_a_code_that_comes_back_in_a_text_is_masked():
    told = json.dumps({"code": "40002", "sub_code": "isv.code-invalid", "sub_msg": f"code {CODE}\n"})
    with pytest.raises(CodeInvalid) as raised:
        login(f'{{"error_response":{told}}}'.encode())
    assert raised.value.detail == "isv.code-invalid code ***"


def test_every_code_that_refuses_us_has_something_that_it_is_about():
    assert set(REFUSED_FOR) == {code for code, kind in CODES.items() if kind is PlatformRefusedUs}


def opened(data: str = RESPONSE, sign: str | None = None, of: App | None = None):
    closed = ALIPAY.encrypted_data(data, sealed(f'"{data}"') if sign is None else sign)
    return ALIPAY.decrypt(of or app(), closed, Secret(""), openid=OPEN_ID, now=0)


def test_the_vector_of_a_phone_number():
    phone = phone_of(opened())
    assert (phone.number, phone.pure, phone.country_code) == ("13580006666", "13580006666", "86")


@pytest.mark.parametrize("sign", [sealed(RESPONSE), sealed(f'"{RESPONSE}"', "app")], ids=["no quotes", "our own key"])
def test_a_number_that_alipay_did_not_sign_is_none(sign):
    with pytest.raises(OpenDataInvalid):
        opened(sign=sign)


@pytest.mark.parametrize(
    ("data", "sign"), [("", "x"), ("AAAA", None), (RESPONSE, "AAAA"), ("A" * 5000, None), ("é", "é")]
)
def test_what_no_key_could_open_is_refused_before_anything_is_tried(data, sign):
    with pytest.raises(OpenDataInvalid):
        ALIPAY.encrypted_data(data, sealed(f'"{data}"') if sign is None else sign)


def test_a_wrong_key_opens_nothing():
    with pytest.raises(OpenDataInvalid):
        opened(of=app(data_key=Secret("EBESExQVFhcYGRobHB0eHw==")))


@pytest.mark.parametrize(
    "told",
    [
        {"code": "40003", "msg": "Insufficient Conditions", "subCode": "isv.invalid-auth-relations"},
        {"code": "10000", "mobile": 13580006666},
        {"mobile": "13580006666"},
        {"code": "10000", "msg": "Success"},
        [],
    ],
)
def test_an_error_in_the_payload_is_no_number(told):
    with pytest.raises(OpenDataInvalid):
        opened(closed(told))


def test_an_app_without_the_key_offers_no_numbers():
    with pytest.raises(NotOffered):
        opened(of=app(data_key=Secret("")))


def test_what_alipay_does_not_have():
    for call in (ALIPAY.access_token, ALIPAY.phone_number, ALIPAY.check_session, ALIPAY.reset_session_key):
        with pytest.raises(NotOffered):
            call(app())


def closed(told: object) -> str:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    text = json.dumps(told).encode()
    text += bytes([16 - len(text) % 16]) * (16 - len(text) % 16)
    encryptor = Cipher(algorithms.AES(bytes(range(16))), modes.CBC(bytes(16))).encryptor()
    return base64.b64encode(encryptor.update(text) + encryptor.finalize()).decode()
