"""Payloads without a watermark that is certain: what is a number, what a profile, and what the rest of one."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from menshen.config.snapshot import App
from menshen.errors import OpenDataInvalid
from menshen.platforms.base import EncryptedData
from menshen.platforms.kuaishou import Kuaishou
from menshen.platforms.open_data import AHEAD, OLDEST, phone_of, profile_of
from menshen.secret import Secret

NOW = 1_700_000_000
KEYS = [base64.b64encode(b"k" * size).decode() for size in (16, 24, 32)]
MARK = {"appid": "ks1", "timestamp": NOW}
NUMBER = {"phoneNumber": "13800001111", "purePhoneNumber": "13800001111", "countryCode": "86"}


def closed(plain: object, key: str = KEYS[0]) -> EncryptedData:
    raw = plain if isinstance(plain, bytes) else json.dumps(plain).encode()
    padder = PKCS7(128).padder()
    encryptor = Cipher(AES(base64.b64decode(key)), CBC(b"i" * 16)).encryptor()
    return EncryptedData(encryptor.update(padder.update(raw) + padder.finalize()) + encryptor.finalize(), b"i" * 16)


def opened(payload: EncryptedData, key: str = KEYS[0]):
    app = App("a", "kuaishou", "ks1", Secret("s"))
    return Kuaishou().decrypt(app, payload, Secret(key), openid="alice", now=float(NOW))


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("fields", [NUMBER, {"phoneNumber": "13800001111"}, NUMBER | {"watermark": MARK}])
def test_a_number(key, fields):
    phone = phone_of(opened(closed(fields, key), key))
    assert (phone.pure, phone.country_code) == ("13800001111", "86")


def test_a_number_of_elsewhere_says_its_country():
    elsewhere = {"phoneNumber": "+85291234567", "purePhoneNumber": "91234567", "countryCode": "852"}
    assert phone_of(opened(closed(elsewhere))).country_code == "852"
    with pytest.raises(OpenDataInvalid):
        opened(closed({"phoneNumber": "91234567"}))


@pytest.mark.parametrize("extra", [{}, {"watermark": MARK}])
def test_a_profile(extra):
    fields = opened(closed({"openId": "alice", "nickName": "A", "gender": 2, **extra}))
    assert profile_of(fields) == {"nickname": "A", "gender": "2"}
    with pytest.raises(OpenDataInvalid):
        phone_of(fields)


@pytest.mark.parametrize(
    "plain",
    [
        {"openId": "bob", "nickName": "B"},
        {"nickName": "nobody's"},
        {"phoneNumber": "13800001111", "gender": 1, "watermark": MARK},  # the rest of a profile that was cut
        {"phoneNumber": "13800001111", "openId": "alice"},
        {"phoneNumber": 13800001111},
        {},
        NUMBER | {"watermark": {"appid": "ks2", "timestamp": NOW}},
        NUMBER | {"watermark": {"appid": "ks1"}},
        NUMBER | {"watermark": {"appid": "ks1", "timestamp": True}},
        NUMBER | {"watermark": {"appid": "ks1", "timestamp": NOW - OLDEST - 1}},
        NUMBER | {"watermark": {"appid": "ks1", "timestamp": NOW + AHEAD + 1}},
        NUMBER | {"watermark": "ks1"},
        b'{"phoneNumber":"1","phoneNumber":"13800001111"}',
        b"[]",
        b"\xff",
        b"",
    ],
)
def test_what_is_refused(plain):
    with pytest.raises(OpenDataInvalid) as raised:
        opened(closed(plain))
    assert raised.value.detail == ""


@pytest.mark.parametrize(
    "fields", [{"purePhoneNumber": "13800001112"}, {"countryCode": None}, {"purePhoneNumber": None}]
)
def test_a_number_whose_fields_do_not_agree(fields):
    with pytest.raises(OpenDataInvalid):
        phone_of(opened(closed(NUMBER | fields)))


@pytest.mark.parametrize("key", [KEYS[1], "", "§", base64.b64encode(b"k" * 15).decode()])
def test_another_key(key):
    with pytest.raises(OpenDataInvalid):
        opened(closed(NUMBER), key)
