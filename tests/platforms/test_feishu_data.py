"""Feishu's open data: the vendor's sample, and what ties a payload to a user."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from menshen.config.snapshot import App
from menshen.errors import OpenDataInvalid
from menshen.platforms.base import EncryptedData
from menshen.platforms.feishu import Feishu
from menshen.platforms.open_data import AHEAD, OLDEST, SignedData, profile_of, signed_data, signed_fields
from menshen.secret import Secret

FEISHU = Feishu()
APP = App("office", "feishu", "cli_a000000000000001", Secret("s"))
NOW = 1_700_000_000
KEY = "6b" * 16
MARK = {"appid": 6648491577574883592, "timestamp": NOW}

SAMPLE_KEY, SAMPLE_IV = "36f764e22be7fc5edb07f56073a4b770", "f210af090c830cd5c47e67eeb4f52001"
SAMPLE = (
    "Ssy006/cEV4+a2wUWTGvHuXIkU+vX1KCNUkLntKKVXzggx6yfycO/RDkx55A8TvhI5EUGKJ8X4x3NBCypWlkvODaCSDw6uUBhqbDaRS9vH57Dk9n"
    "Vcw+u2ANGU4PmW/WX2ihze8hDMpofD/pDfZCkEjnvmqkeZ+jPxq351bpDwTUJ+mae92iL9DuHd+xz6WC5cUx9HE8AbxUD18dGUwt2KcNNi9ePvgcvGZB"
    "EgZGG2s="
)
"""Of Feishu's page "敏感数据处理"."""
SAMPLE_OPENID, SAMPLE_MADE = "ou_529a6770d21625dfdd792352d75fb79b", 1_548_251_549


def closed(plain: object, key: str = KEY) -> EncryptedData:
    raw = plain if isinstance(plain, bytes) else json.dumps(plain).encode()
    padder = PKCS7(128).padder()
    encryptor = Cipher(AES(bytes.fromhex(key)), CBC(b"i" * 16)).encryptor()
    return EncryptedData(encryptor.update(padder.update(raw) + padder.finalize()) + encryptor.finalize(), b"i" * 16)


def opened(payload: EncryptedData, key: str = KEY):
    return FEISHU.decrypt(APP, payload, Secret(key), openid="ou_alice", now=float(NOW))


def sample(openid: str = SAMPLE_OPENID, now: float = SAMPLE_MADE + 60, key: str = SAMPLE_KEY):
    payload = FEISHU.encrypted_data(SAMPLE, SAMPLE_IV)
    return FEISHU.decrypt(APP, payload, Secret(key), openid=openid, now=now)


def test_the_vendors_sample():
    assert sample() == {
        "openId": SAMPLE_OPENID,
        "unionId": "ou_c68f35107bcd8abf9767c802c2887ecd",
        "watermark": {"appid": 6648491577574883592, "timestamp": SAMPLE_MADE},
    }


def test_the_vendors_sample_is_nobody_elses_and_not_for_ever():
    for wrong in ({"openid": "ou_another"}, {"now": SAMPLE_MADE + OLDEST + 1}, {"key": "00" * 16}):
        with pytest.raises(OpenDataInvalid):
            sample(**wrong)


def test_a_profile_with_a_gender_in_words():
    fields = opened(closed({"openId": "ou_alice", "nickName": "A", "gender": "female", "watermark": MARK}))
    assert profile_of(fields) == {"nickname": "A", "gender": "2"}


def test_a_mark_may_be_the_appid_and_no_other_text():
    good = {"openId": "ou_alice", "watermark": MARK | {"appid": APP.appid}}
    assert opened(closed(good))["openId"] == "ou_alice"
    with pytest.raises(OpenDataInvalid):
        opened(closed(good | {"watermark": MARK | {"appid": "cli_another"}}))


@pytest.mark.parametrize(
    "plain",
    [
        {"openId": "ou_bob", "watermark": MARK},
        {"nickName": "nobody's", "watermark": MARK},
        {"openId": "ou_alice"},
        {"openId": "ou_alice", "watermark": "today"},
        {"openId": "ou_alice", "watermark": {"appid": 1}},
        {"openId": "ou_alice", "watermark": MARK | {"timestamp": True}},
        {"openId": "ou_alice", "watermark": MARK | {"timestamp": str(NOW)}},
        {"openId": "ou_alice", "watermark": MARK | {"timestamp": NOW - OLDEST - 1}},
        {"openId": "ou_alice", "watermark": MARK | {"timestamp": NOW + AHEAD + 1}},
        {"openId": "ou_alice", "phoneNumber": "13800001111", "watermark": MARK},
        {"phoneNumber": "13800001111", "watermark": MARK},
        b'{"openId":"ou_bob","openId":"ou_alice","watermark":{"appid":1,"timestamp":1700000000}}',
        b"[]",
        b"\xff",
        b"",
    ],
)
def test_payloads_that_are_not_this_users(plain):
    with pytest.raises(OpenDataInvalid):
        opened(closed(plain))


RAW = '{"nickName":"A","gender":"male"}'


def signed_with(key: str) -> SignedData:
    return signed_data(RAW, hashlib.sha1((RAW + key).encode()).hexdigest())


@pytest.mark.parametrize(
    "key", [base64.b64encode(bytes.fromhex(KEY)).decode(), base64.b64encode(KEY.encode()).decode(), KEY]
)
def test_signed_data_by_whatever_the_page_may_mean(key):
    assert profile_of(signed_fields(FEISHU, signed_with(key), Secret(KEY))) == {"nickname": "A", "gender": "1"}


@pytest.mark.parametrize("key", ["", base64.b64encode(b"").decode(), "00" * 16, KEY.upper()])
def test_signed_data_by_anything_else_is_nobodys(key):
    with pytest.raises(OpenDataInvalid):
        signed_fields(FEISHU, signed_with(key), Secret(KEY))


def test_signed_data_where_the_key_is_none():
    for none in ("", "6b" * 15):
        with pytest.raises(OpenDataInvalid):
            signed_fields(FEISHU, signed_with(none), Secret(none))


@pytest.mark.parametrize("key", ["", "6b", "6b" * 15, "6b" * 24, "zz" * 16, base64.b64encode(b"k" * 16).decode()])
def test_a_key_that_is_not_sixteen_bytes_in_hex_opens_nothing(key):
    with pytest.raises(OpenDataInvalid):
        opened(closed({"openId": "ou_alice", "watermark": MARK}), key)


@pytest.mark.parametrize(
    "iv", ["", "00", "0" * 31, "0" * 34, "g" * 32, base64.b64encode(b"i" * 16).decode(), "00 " * 16]
)
def test_an_iv_that_is_not_sixteen_bytes_in_hex(iv):
    with pytest.raises(OpenDataInvalid):
        FEISHU.encrypted_data(SAMPLE, iv)


@pytest.mark.parametrize("data", ["", "AAAA", "!" * 24, "A" * 12_000])
def test_data_that_no_key_could_open(data):
    with pytest.raises(OpenDataInvalid):
        FEISHU.encrypted_data(data, "0" * 32)
