"""Open data as a client gets it: opened here by the book, with nothing of the gateway's."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.emulator.conftest import APPID


def opened(answer, session_key):
    key, iv, closed = (base64.b64decode(text) for text in (session_key, answer["iv"], answer["encryptedData"]))
    decryptor = Cipher(algorithms.AES128(key), modes.CBC(iv)).decryptor()
    plain = decryptor.update(closed) + decryptor.finalize()
    return json.loads(plain[: -plain[-1]])


async def asked(http, platform, **ask):
    status, answer = await http.control("POST", f"{platform}/open-data", {"appid": APPID, "user": "alice"} | ask)
    assert status == 200
    return answer


@pytest.mark.parametrize("platform", ["wechat", "qq"])
def test_a_profile_is_anonymous(emulate, clock, platform):
    async def main(http):
        identity = await http.exchange(await http.code(platform=platform), platform)
        answer = await asked(http, platform, kind="userinfo")
        assert list(answer) == ["encryptedData", "iv", "rawData", "signature"]
        fields = opened(answer, identity["session_key"])
        assert fields.pop("watermark") == {"timestamp": int(clock()), "appid": APPID}
        assert (fields.pop("openId"), fields.pop("unionId")) == (identity["openid"], identity["unionid"])
        assert fields == json.loads(answer["rawData"])
        assert (fields["nickName"], fields["gender"], fields["city"]) == ("微信用户", 0, "")
        signed = (answer["rawData"] + identity["session_key"]).encode()
        assert answer["signature"] == hashlib.sha1(signed, usedforsecurity=False).hexdigest()

    emulate(main, {"unionid": True})


@pytest.mark.parametrize("platform", ["wechat", "qq"])
def test_a_number(emulate, platform):
    async def main(http):
        identity = await http.exchange(await http.code(platform=platform), platform)
        answer = await asked(http, platform, kind="phone", phone="13580006666", watermark={"timestamp": 7})
        assert list(answer) == ["encryptedData", "iv"]
        assert opened(answer, identity["session_key"]) == {
            "phoneNumber": "13580006666",
            "purePhoneNumber": "13580006666",
            "countryCode": "86",
            "watermark": {"timestamp": 7, "appid": APPID},
        }

    emulate(main)


def test_an_old_client_still_sends_a_real_profile(emulate):
    async def main(http):
        identity = await http.exchange(await http.code())
        answer = await asked(http, "wechat", kind="userinfo", profile={"nickName": "Band", "gender": 1})
        fields = opened(answer, identity["session_key"])
        assert (fields["nickName"], fields["gender"]) == ("Band", 1)
        assert "unionId" not in fields

    emulate(main)


def test_no_two_payloads_are_alike(emulate):
    async def main(http):
        first, second = [await asked(http, "wechat", kind="phone") for _ in range(2)]
        assert first["iv"] != second["iv"]
        assert first["encryptedData"] != second["encryptedData"]

    emulate(main)
