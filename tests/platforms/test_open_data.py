"""Open data: the official samples open, nothing else does, and nothing says why (attack class 37)."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from menshen.errors import OpenDataInvalid
from menshen.platforms.base import PlatformPhone
from menshen.platforms.open_data import (
    AHEAD,
    OLDEST,
    decrypt,
    encrypted_data,
    phone_of,
    profile_of,
    signed_data,
    verify_raw,
)
from menshen.secret import Secret
from tests.platforms.open_data_vectors import (
    APPID,
    IV,
    MADE,
    OPENID,
    PHONE,
    RAW_DATA,
    RAW_KEY,
    RAW_SIGNATURE,
    SESSION_KEY,
    USER_INFO,
    USER_INFO_FIELDS,
)


def opened(data=USER_INFO, iv=IV, key=SESSION_KEY, appid=APPID, openid=OPENID, now=MADE + 1):
    return decrypt(encrypted_data(data, iv), key, appid=appid, openid=openid, now=now)


def closed(plain: bytes, *, pad: int | None = None) -> str:
    """Any plain text, under the sample's key and iv."""
    missing = 16 - len(plain) % 16
    padded = plain + bytes([missing if pad is None else pad]) * missing
    encryptor = Cipher(
        algorithms.AES128(base64.b64decode(SESSION_KEY.reveal())), modes.CBC(base64.b64decode(IV))
    ).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def marked(**fields: object) -> bytes:
    return json.dumps({**fields, "watermark": {"timestamp": MADE, "appid": APPID}}).encode()


def refused(work) -> None:
    """One refusal, whatever is wrong: no detail, no cause, no number of the platform's."""
    with pytest.raises(OpenDataInvalid) as raised:
        work()
    assert (raised.value.detail, raised.value.platform_errcode) == ("", None)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None or raised.value.__suppress_context__


def test_the_official_user_info():
    assert opened() == USER_INFO_FIELDS


def test_the_sample_of_a_number():
    fields = opened(PHONE)
    assert phone_of(fields) == PlatformPhone("13580006666", "13580006666", "86")


def test_the_official_signature():
    fields = verify_raw(signed_data(RAW_DATA, RAW_SIGNATURE), RAW_KEY)
    assert fields == json.loads(RAW_DATA)
    assert verify_raw(signed_data(RAW_DATA, RAW_SIGNATURE.upper()), RAW_KEY) == fields


@pytest.mark.parametrize(
    ("data", "iv"),
    [
        ("", IV),
        (USER_INFO, ""),
        (USER_INFO[:-1], IV),
        (USER_INFO[:-4] + "====", IV),
        (base64.b64encode(b"x" * 17).decode(), IV),
        (USER_INFO.replace("+", "-"), IV),
        (USER_INFO.replace("+", " "), IV),
        (USER_INFO + "\n", IV),
        (USER_INFO, IV[:-4]),
        (USER_INFO, base64.b64encode(b"x" * 15).decode()),
        (USER_INFO, base64.b64encode(b"x" * 32).decode()),
        ("码" * 24, IV),
        ("A" * 8196, IV),
    ],
)
def test_what_no_key_could_open(data, iv):
    refused(lambda: encrypted_data(data, iv))


@pytest.mark.parametrize(
    ("raw", "signature"), [("{}", ""), ("{}", "0" * 39), ("{}", "0" * 41), ("{}", "g" * 40), ("x" * 8193, "0" * 40)]
)
def test_what_cannot_be_signed_data(raw, signature):
    refused(lambda: signed_data(raw, signature))


@pytest.mark.parametrize(
    "how",
    [
        {"key": RAW_KEY},
        {"key": Secret("AAAAAAAAAAAAAAAAAAAAAA==")},
        {"key": Secret("c2hvcnQ=")},
        {"key": Secret("not base64!")},
        {"key": Secret("")},
        {"iv": base64.b64encode(bytes(16)).decode()},
        {"appid": "wxother"},
        {"openid": "oSomebodyElse"},
        {"now": MADE + OLDEST + 1},
        {"now": MADE - AHEAD - 1},
        {"data": closed(b"")},
        {"data": closed(marked(), pad=0)},
        {"data": closed(b"{" * 15, pad=17)},
        {"data": closed(b"\xff\xfe" + marked())},
        {"data": closed(b"not JSON")},
        {"data": closed(b"[" * 2000)},
        {"data": closed(b"[]")},
        {"data": closed(b"null")},
        {"data": closed(marked() + b"{}")},
        {"data": closed(b"x" + marked())},
        {"data": closed(b"{}")},
        {"data": closed(b'{"watermark": "wx"}')},
        {"data": closed(json.dumps({"watermark": {"appid": APPID}}).encode())},
        {"data": closed(json.dumps({"watermark": {"appid": APPID, "timestamp": str(MADE)}}).encode())},
        {"data": closed(json.dumps({"watermark": {"appid": APPID, "timestamp": True}}).encode())},
        {"data": closed(json.dumps({"watermark": {"appid": [APPID], "timestamp": MADE}}).encode())},
        {"data": closed(b'{"openId":"a",' + marked(openId=OPENID)[1:])},
        {"data": closed(marked(openId=None))},
    ],
)
def test_everything_that_depends_on_the_key_fails_alike(how):
    refused(lambda: opened(**how))


@pytest.mark.parametrize("now", [MADE - AHEAD, MADE, MADE + OLDEST])
def test_it_is_believed_for_ten_minutes(now):
    assert opened(now=now)["nickName"] == "Band"


def test_stray_bytes_around_the_object_do_no_harm():
    assert opened(closed(b"\x00\x0b" + marked(a=1) + b"\x00\n"))["a"] == 1


@given(st.integers(0, len(base64.b64decode(USER_INFO)) - 1), st.integers(1, 255))
def test_a_flipped_byte_of_the_payload_never_changes_who_or_where_or_when(index, flip):
    """CBC has no MAC, so some flips open; none of them opens as another user's, another app's or another time's."""
    raw = bytearray(base64.b64decode(USER_INFO))
    raw[index] ^= flip
    try:
        fields = opened(base64.b64encode(raw).decode())
    except OpenDataInvalid:
        return
    assert fields.get("openId", OPENID) == OPENID
    assert fields["watermark"]["appid"] == APPID


def test_a_forged_first_block_makes_no_number():
    """Whoever has a payload with its plain text can replace its first 16 bytes: here with the name of a field."""
    nickname = json.dumps({"padding": "x" * 41, "nickName": "13800138000"}, separators=(",", ":")).encode()
    plain = nickname[:-1] + b"," + marked()[1:]
    at = plain.index(b'":"13800138000"')
    assert at % 16 == 0
    raw = base64.b64decode(closed(plain))
    wanted, block, before = b'   {"phoneNumber', plain[at - 16 : at], raw[at - 32 : at - 16]
    iv = bytes(a ^ b ^ c for a, b, c in zip(before, block, wanted, strict=True))
    fields = opened(base64.b64encode(raw[at - 16 :]).decode(), base64.b64encode(iv).decode())
    assert fields["phoneNumber"] == "13800138000"  # the cipher lets it pass
    refused(lambda: phone_of(fields))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"phoneNumber": "13580006666", "purePhoneNumber": "13580006666"},
        {"phoneNumber": "13580006666", "purePhoneNumber": "13580006667", "countryCode": "86"},
        {"phoneNumber": "13580006666", "purePhoneNumber": "13580006666", "countryCode": "86", "openId": OPENID},
        {"phoneNumber": 13580006666, "purePhoneNumber": "13580006666", "countryCode": "86"},
    ],
)
def test_what_is_no_number(fields):
    refused(lambda: phone_of(fields))


@pytest.mark.parametrize(
    ("raw", "signature", "key"),
    [
        (RAW_DATA, RAW_SIGNATURE, SESSION_KEY),
        (RAW_DATA.replace("Band", "Bend"), RAW_SIGNATURE, RAW_KEY),
        (RAW_DATA + " ", RAW_SIGNATURE, RAW_KEY),
        (RAW_DATA, "0" * 40, RAW_KEY),
        ("\ud800", "0" * 40, RAW_KEY),
    ],
)
def test_signed_data_that_does_not_hold(raw, signature, key):
    refused(lambda: verify_raw(signed_data(raw, signature), key))


@pytest.mark.parametrize("raw", ["[]", "text", '{"a":1,"a":2}'])
def test_signed_data_that_is_no_object(raw):
    signature = hashlib.sha1((raw + RAW_KEY.reveal()).encode(), usedforsecurity=False).hexdigest()
    refused(lambda: verify_raw(signed_data(raw, signature), RAW_KEY))


def test_a_profile():
    assert profile_of(USER_INFO_FIELDS) == {
        "nickname": "Band",
        "gender": "1",
        "language": "zh_CN",
        "city": "Guangzhou",
        "province": "Guangdong",
        "country": "CN",
    }
    anonymous = {"nickName": "微信用户", "gender": 0, "language": "", "city": "", "province": "", "country": ""}
    assert profile_of(anonymous) == {"nickname": "微信用户", "gender": "0"}
    assert profile_of({"nickName": ["x"], "gender": True, "city": None, "country": 3}) == {}
    assert profile_of({"gender": 7}) == profile_of({"gender": "1"}) == profile_of({"gender": []}) == {}


def test_nothing_of_it_shows():
    for shown in (repr(encrypted_data(PHONE, IV)), repr(signed_data(RAW_DATA, RAW_SIGNATURE))):
        assert shown.endswith("()")
