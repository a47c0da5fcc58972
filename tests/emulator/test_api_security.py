"""WeChat's API security as the emulator has it: the calls that it takes, and what it says to others."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate

from tests.emulator.conftest import APPID, SECRET
from tests.platforms.app_keys import key, public_text

PHONE = "wxa/business/getuserphonenumber"
SYMMETRIC_KEY = base64.b64encode(bytes(range(32))).decode()
KEYS = {"symmetric_key": SYMMETRIC_KEY, "symmetric_key_sn": "5f" * 16, "public_key": public_text("app")}
SECURED = {"appid": APPID, "secret": SECRET, "api_security": KEYS}
SIGNED_BY = PSS(MGF1(SHA256()), 32)


async def secured(http) -> dict[str, str]:
    status, shown = await http.control("POST", "wechat/apps", SECURED)
    assert status == 200
    return shown


async def ask(http, clock, fields: dict[str, Any], **change: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """Headers and body of the answer to a signed call; ``change`` is what is otherwise about it."""
    token = (await http.token())["access_token"]
    url, made = f"{http.origin}/wechat/{PHONE}", str(change.get("made", int(clock())))
    inner = {"_n": "x", "_appid": APPID, "_timestamp": int(made), **change.get("inner", {}), **fields}
    bound = f"{url}|{APPID}|{made}|{change.get('sn', '5f' * 16)}".encode()
    closed = AESGCM(bytes(range(32))).encrypt(bytes(12), json.dumps(inner).encode(), bound)
    parts = {"iv": bytes(12), "data": closed[:-16], "authtag": closed[-16:]}
    body = json.dumps({name: base64.b64encode(part).decode() for name, part in parts.items()}).encode()
    body = change.get("body", body)
    content = f"{url}\n{APPID}\n{made}\n".encode() + body
    signature = key(change.get("key", "app")).sign(content, SIGNED_BY, SHA256())
    headers = {
        "Wechatmp-Appid": APPID,
        "Wechatmp-TimeStamp": made,
        "Wechatmp-Signature": base64.b64encode(signature).decode(),
    }
    left = {name: value for name, value in (headers | change.get("headers", {})).items() if value}
    query = {"access_token": token}
    async with http.session.post(url, params=query, data=body, headers=left) as response:
        told = {name.lower(): value for name, value in response.headers.items() if name.lower().startswith("wechatmp")}
        return told, json.loads(await response.read())


def test_a_number_is_told_signed_and_encrypted(emulate, clock):
    async def main(http):
        shown = await secured(http)
        told, parts = await ask(http, clock, {"code": await http.phone_code()})
        url = f"{http.origin}/wechat/{PHONE}"
        assert told["wechatmp-serial"] == shown["platform_certificate_sn"]
        assert "wechatmp-serial-deprecated" not in told
        bound = f"{url}|{APPID}|{told['wechatmp-timestamp']}|{'5f' * 16}".encode()
        iv, data, tag = (base64.b64decode(parts[name]) for name in ("iv", "data", "authtag"))
        inner = json.loads(AESGCM(bytes(range(32))).decrypt(iv, data + tag, bound))
        assert (inner["_appid"], inner["_timestamp"], inner["errcode"]) == (APPID, int(clock()), 0)
        assert inner["phone_info"]["countryCode"] == 86
        body = json.dumps(parts, separators=(",", ":")).encode()
        content = f"{url}\n{APPID}\n{told['wechatmp-timestamp']}\n".encode() + body
        whose = load_pem_x509_certificate(shown["platform_certificate"].encode()).public_key()
        whose.verify(base64.b64decode(told["wechatmp-signature"]), content, SIGNED_BY, SHA256())

    emulate(main)


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"headers": {"Wechatmp-Appid": ""}}, 40233),
        ({"headers": {"Wechatmp-TimeStamp": ""}}, 40231),
        ({"headers": {"Wechatmp-Signature": ""}}, 40232),
        ({"headers": {"Wechatmp-Appid": "wx0000000000000000"}}, 40237),
        ({"headers": {"Wechatmp-Signature": "AAAA"}}, 40234),
        ({"key": "another"}, 40234),
        ({"made": 1_700_000_000 - 301}, 40240),
        ({"sn": "another"}, 40235),
        ({"body": b"{}"}, 40235),
        ({"body": b'{"code":"in the clear"}'}, 40235),
        ({"inner": {"_appid": "wx0000000000000000"}}, 40235),
        ({"inner": {"_timestamp": 1}}, 40235),
    ],
)
def test_what_is_refused_in_the_clear(emulate, clock, change, errcode):
    async def main(http):
        await secured(http)
        code = await http.phone_code()
        told, body = await ask(http, clock, {"code": code}, **change)
        assert (told, body["errcode"]) == ({}, errcode)
        assert (await ask(http, clock, {"code": code}))[0], "the phone code is still good"

    emulate(main)


def test_a_refusal_of_the_call_itself_is_signed_too(emulate, clock):
    async def main(http):
        await secured(http)
        told, body = await ask(http, clock, {"code": "0" * 64})
        assert "wechatmp-signature" in told
        assert set(body) == {"iv", "data", "authtag"}

    emulate(main)


def test_while_the_certificate_changes_both_sign(emulate, clock):
    async def main(http):
        shown = await secured(http)
        numbers = [shown["platform_certificate_sn"]]
        for _ in range(2):
            status, new = await http.control("POST", "wechat/certificate", {"appid": APPID})
            assert status == 200
            numbers.append(new["platform_certificate_sn"])
            told, _ = await ask(http, clock, {"code": await http.phone_code()})
            assert [told["wechatmp-serial-deprecated"], told["wechatmp-serial"]] == numbers[-2:]
        assert (await secured(http))["platform_certificate_sn"] == numbers[-1], "an app that is changed keeps it"

    emulate(main)


def test_an_app_without_keys_is_answered_as_ever(emulate):
    async def main(http):
        token, code = (await http.token())["access_token"], await http.phone_code()
        answer = await http.call("POST", PHONE, params={"access_token": token}, json={"code": code})
        assert answer["errcode"] == 0
        status, body = await http.control("POST", "wechat/certificate", {"appid": APPID})
        assert (status, "api_security" in body["error"]) == (404, True)

    emulate(main)


@pytest.mark.parametrize(
    ("platform", "change"),
    [("wechat", {"symmetric_key": "AAAA"}), ("wechat", {"public_key": "AAAA"}), ("qq", {})],
)
def test_keys_that_are_none_or_not_the_platforms(emulate, platform, change):
    async def main(http):
        status, _ = await http.control("POST", f"{platform}/apps", SECURED | {"api_security": KEYS | change})
        assert status == 404

    emulate(main)


@pytest.mark.parametrize("fault", ["plain", "unsigned", "tampered", "forged", "stale"])
def test_a_fault_of_signed_answers_strikes_no_other_app(emulate, fault):
    async def main(http):
        assert (await http.control("POST", "wechat/faults", {"fault": fault, "api": "phone"}))[0] == 200
        token, code = (await http.token())["access_token"], await http.phone_code()
        assert (await http.call("POST", PHONE, params={"access_token": token}, json={"code": code}))["errcode"] == 0

    emulate(main)
