"""Baidu's frames: its own vector, and what a user can make of a payload of his own."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from menshen.config.snapshot import App
from menshen.errors import OpenDataInvalid
from menshen.platforms.baidu import Baidu
from menshen.platforms.base import EncryptedData
from menshen.platforms.open_data import encrypted_data, phone_of, profile_of
from menshen.secret import Secret

# The vector of Baidu's page on signatures and decryption.
APP_KEY = "y2dTfnWfkx2OXttMEMWlGHoB1KzMogm7"
SESSION_KEY = "1df09d0a1677dd72b8325aec59576e0c"
IV = "1df09d0a1677dd72b8325Q=="
DATA = (
    "OpCoJgs7RrVgaMNDixIvaCIyV2SFDBNLivgkVqtzq2GC10egsn+PKmQ/+5q+chT8xzldLUog2haTItyIkKyvzvmXonBQLIMeq54axAu9c3KG8Ihp"
    "FD6+ymHocmx07ZKi7eED3t0KyIxJgRNSDkFk5RV1ZP2mSWa7ZgCXXcAbP0RsiUcvhcJfrSwlpsm0E1YJzKpYy429xrEEGvK+gfL+Cw=="
)


def opened(closed: EncryptedData, openid: str = "open_id", key: str = SESSION_KEY, app_key: str = APP_KEY):
    return Baidu().decrypt(App("a", "baidu", app_key, Secret("s")), closed, Secret(key), openid=openid, now=0.0)


def framed(plain: bytes, app_key: str = APP_KEY, length: int | None = None, padding: int = 0) -> EncryptedData:
    frame = b"r" * 16 + (len(plain) if length is None else length).to_bytes(4, "big") + plain + app_key.encode()
    padding = padding or 32 - len(frame) % 32
    return sealed(frame + bytes([padding]) * padding)


def sealed(padded: bytes) -> EncryptedData:
    encryptor = Cipher(AES(base64.b64decode(SESSION_KEY)), CBC(b"i" * 16)).encryptor()
    return EncryptedData(encryptor.update(padded) + encryptor.finalize(), b"i" * 16)


def refused(closed: EncryptedData, **how: str) -> None:
    with pytest.raises(OpenDataInvalid) as raised:
        opened(closed, **how)
    assert raised.value.detail == ""


def test_baidus_vector():
    fields = opened(encrypted_data(DATA, IV))
    assert fields == {"openId": "open_id", "nickName": "baidu_user", "avatarUrl": "url of image", "gender": 1}
    assert profile_of(fields) == {"nickname": "baidu_user", "gender": "1"}


@pytest.mark.parametrize(
    "how", [{"openid": "another"}, {"app_key": "another"}, {"key": "ffffffffffffffffffffffffffffffff"}, {"key": "abc"}]
)
def test_the_vector_is_nobody_elses(how):
    refused(encrypted_data(DATA, IV), **how)


@pytest.mark.parametrize("key", ["MTIzNDU2Nzg5MDEyMzQ1Ng==", "YTEyMzQ1Njc4OTAxMjM0NTYxMjM0NTY3ODkwMTIzNDU=", "", "§"])
def test_a_key_is_24_bytes(key):
    refused(encrypted_data(DATA, IV), key=key)


@pytest.mark.parametrize("shown", ["13800001111", "+8613800001111", "86-13800001111"])
def test_a_number(shown):
    phone = phone_of(opened(framed(json.dumps({"mobile": shown}).encode())))
    assert (phone.number, phone.pure, phone.country_code) == ("13800001111", "13800001111", "86")


@pytest.mark.parametrize(
    "fields",
    [
        {"mobile": "91234567"},  # of which country?
        {"mobile": 13800001111},
        {"mobile": None},
        {"mobile": ""},
        {"mobile": "13800001111", "headimgurl": "the rest of a profile", "sex": 1},
        {"mobile": "13800001111", "openid": "open_id"},
        {"nickname": "without an openid"},
        {},
    ],
)
def test_neither_a_number_nor_a_profile_of_this_user(fields):
    refused(framed(json.dumps(fields).encode()))


def test_a_profile_is_no_number():
    with pytest.raises(OpenDataInvalid):
        phone_of(opened(encrypted_data(DATA, IV)))


@pytest.mark.parametrize(
    "closed",
    [
        framed(b'{"mobile":"13800001111"}', app_key=""),
        framed(b'{"mobile":"13800001111"}', length=2**31),
        framed(b'{"mobile":"13800001111"}', length=5),
        framed(b'{"mobile":"1","mobile":"13800001111"}'),
        framed(b"[1]"),
        framed(b"\xff\xfe"),
        framed(b""),
        sealed(b"r" * 31 + b"\x01"),
        sealed(b"\x10" * 16),
        sealed(b"\x00" * 32),
        sealed(b"r" * 15 + b"\x21"),
        sealed(b"r" * 47 + b"\x20"),
    ],
    ids=lambda closed: f"{len(closed.data)} bytes",
)
def test_frames_that_are_none(closed):
    refused(closed)


def test_a_user_cannot_make_a_number_of_his_nickname():
    """He knows the plain text of a profile of his and chooses the nickname: blocks before it are garbled at will."""
    head, rest = '{"openid":"open_id","nickname":"', '","headimgurl":"u","sex":1}'
    filling = -(16 + 4 + len(head)) % 16  # up to a block's end
    plain = (head + "x" * (filling + 16 + 16) + "3800001111" + rest).encode()
    at = 16 + 4 + len(head) + filling  # of the block that is to be read as the random bytes
    cut = bytearray(framed(plain).data[at:])
    wanted = len('{"mobile":"13800001111' + rest).to_bytes(4, "big") + b'{"mobile":"1'
    for place in range(16):
        cut[place] ^= ord("x") ^ wanted[place]
    forged = EncryptedData(bytes(cut), b"\x00" * 16)
    # It opens to what he wanted, and only what stands beside the number gives it away.
    decryptor = Cipher(AES(base64.b64decode(SESSION_KEY)), CBC(forged.iv)).decryptor()
    text = decryptor.update(forged.data) + decryptor.finalize()
    assert text[16:].startswith(wanted + b"3800001111" + rest.encode() + APP_KEY.encode())
    refused(forged)
