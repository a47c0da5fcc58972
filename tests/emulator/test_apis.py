"""Calls that need an access token: phone numbers and session_keys."""

from __future__ import annotations

import hashlib
import hmac
import json
import re

import pytest

from tests.emulator.conftest import APPID

PHONE = "wxa/business/getuserphonenumber"
CHECK, RESET = "wxa/checksession", "wxa/resetusersessionkey"


async def ask_phone(http, token, code, openid=None):
    body = {"code": code} | ({} if openid is None else {"openid": openid})
    return await http.call("POST", PHONE, params={"access_token": token}, json=body)


async def session(http, user="alice"):
    return await http.exchange(await http.code(user))


async def signed(http, path, token, openid, key, **change):
    signature = hmac.new(key.encode(), b"", hashlib.sha256).hexdigest()
    query = {"access_token": token, "openid": openid, "signature": signature, "sig_method": "hmac_sha256"}
    return await http.call("GET", path, params=query | change)


def test_a_number_by_code(emulate, clock):
    async def main(http):
        token, code = (await http.token())["access_token"], await http.phone_code()
        assert re.fullmatch(r"[0-9a-f]{64}", code)
        answer = await ask_phone(http, token, code, (await session(http))["openid"])
        info = answer["phone_info"]
        assert (answer["errcode"], answer["errmsg"]) == (0, "ok")
        assert re.fullmatch(r"138[0-9]{8}", info["phoneNumber"])
        assert (info["purePhoneNumber"], info["countryCode"]) == (info["phoneNumber"], 86)
        assert info["watermark"] == {"timestamp": int(clock()), "appid": APPID}

    emulate(main)


def test_a_number_of_elsewhere_has_its_country_in_front(emulate):
    async def main(http):
        token = (await http.token())["access_token"]
        info = (await ask_phone(http, token, await http.phone_code(phone="91234567", country_code="852")))["phone_info"]
        assert (info["phoneNumber"], info["purePhoneNumber"], info["countryCode"]) == ("+85291234567", "91234567", 852)

    emulate(main)


def test_a_phone_code_works_once_for_five_minutes_and_for_its_user(emulate, clock):
    async def main(http):
        token = (await http.token())["access_token"]
        alice, mallory = [(await session(http, user))["openid"] for user in ("alice", "mallory")]
        code = await http.phone_code()
        assert (await ask_phone(http, token, code, mallory))["errcode"] == 40029
        assert (await ask_phone(http, token, code, alice))["errcode"] == 0
        assert (await ask_phone(http, token, code, alice))["errcode"] == 40029
        late = await http.phone_code()
        clock.time += 301
        assert (await ask_phone(http, token, late, alice))["errcode"] == 40029

    emulate(main)


def test_login_codes_and_phone_codes_are_different_things(emulate):
    async def main(http):
        token = (await http.token())["access_token"]
        assert (await ask_phone(http, token, await http.code()))["errcode"] == 40029
        assert (await http.exchange(await http.phone_code()))["errcode"] == 40029

    emulate(main)


def test_a_code_of_another_app(emulate):
    async def main(http):
        assert (await http.control("POST", "wechat/apps", {"appid": "wxother", "secret": "s"}))[0] == 200
        other = (await http.token(appid="wxother", secret="s"))["access_token"]
        code = await http.phone_code()
        assert (await ask_phone(http, other, code))["errcode"] == 40013
        assert (await ask_phone(http, (await http.token())["access_token"], code))["errcode"] == 0

    emulate(main)


def test_bad_tokens(emulate, clock):
    async def main(http):
        async def errcode(token):
            return (await ask_phone(http, token, "x"))["errcode"]

        first = (await http.token())["access_token"]
        assert await errcode("") == 41001
        assert await errcode("no token at all") == 40014
        assert await errcode("86_" + "x" * 133) == 40001
        assert await errcode(first) == 40029
        second = (await http.token(force=True))["access_token"]
        assert await errcode(first) == 40001
        clock.time += 7200
        assert await errcode(second) == 42001

    emulate(main)


def test_a_token_that_somebody_else_forced_away(emulate):
    async def main(http):
        first = (await http.token())["access_token"]
        assert (await http.control("DELETE", "wechat/access-token", {"appid": APPID})) == (200, {})
        assert (await ask_phone(http, first, "x"))["errcode"] == 40001
        assert (await http.token())["access_token"] != first

    emulate(main)


def test_a_number_is_posted_as_json(emulate):
    async def main(http):
        token = (await http.token())["access_token"]
        assert (await http.call("GET", PHONE, params={"access_token": token}))["errcode"] == 43002
        assert (await http.call("POST", PHONE, params={"access_token": token}, data=b"{"))["errcode"] == 47001

    emulate(main)


def test_a_session_key_is_checked(emulate, clock):
    async def main(http):
        token, alice = (await http.token())["access_token"], await session(http)
        openid, key = alice["openid"], alice["session_key"]
        assert (await signed(http, CHECK, token, openid, key)) == {"errcode": 0, "errmsg": "ok"}
        upper = hmac.new(key.encode(), b"", hashlib.sha256).hexdigest().upper()
        assert (await signed(http, CHECK, token, openid, key, signature=upper))["errcode"] == 0
        assert (await signed(http, CHECK, token, openid, "AAAAAAAAAAAAAAAAAAAAAA=="))["errcode"] == 87009
        assert (await signed(http, CHECK, token, openid, key, sig_method="md5"))["errcode"] == 87008
        assert (await signed(http, CHECK, token, "oNobody", key))["errcode"] == 40003
        clock.time += 61
        await http.code()
        assert (await signed(http, CHECK, token, openid, key))["errcode"] == 87009

    emulate(main)


def test_a_session_key_is_made_anew(emulate):
    async def main(http):
        token, alice = (await http.token())["access_token"], await session(http)
        openid, key = alice["openid"], alice["session_key"]
        answer = await signed(http, RESET, token, openid, key)
        assert (answer["errcode"], answer["openid"], answer["session_key"] == key) == (0, openid, False)
        assert (await signed(http, RESET, token, openid, key))["errcode"] == 87009
        assert (await signed(http, CHECK, token, openid, answer["session_key"]))["errcode"] == 0
        assert (await session(http))["session_key"] == answer["session_key"]
        assert (await http.control("POST", "wechat/session-key", {"appid": APPID, "user": "alice"})) == (200, {})
        assert (await signed(http, CHECK, token, openid, answer["session_key"]))["errcode"] == 87009

    emulate(main)


@pytest.mark.parametrize(
    "errcode", [40001, 40014, 40164, 42001, 45009, 45011, 48001, 89503],
)  # fmt: skip
@pytest.mark.parametrize("api", ["token", "phone"])
def test_refusals_on_demand_spend_nothing(emulate, api, errcode):
    async def main(http):
        token, code = (await http.token())["access_token"], await http.phone_code()
        fault = {"fault": errcode, "api": api}
        assert (await http.control("POST", "wechat/faults", fault))[1]["api"] == api
        if api == "token":
            assert (await http.token())["errcode"] == errcode
        else:
            assert (await ask_phone(http, token, code))["errcode"] == errcode
        assert (await ask_phone(http, token, code))["errcode"] == 0
        assert "openid" in await session(http)

    emulate(main)


def test_a_fault_is_of_one_kind_of_call_and_of_one_user(emulate):
    async def main(http):
        token = (await http.token())["access_token"]
        await http.control("POST", "wechat/faults", {"fault": -1, "api": "phone", "user": "mallory"})
        await http.control("POST", "wechat/faults", {"fault": "502", "api": "session", "user": "alice"})
        alice = await session(http)
        assert (await ask_phone(http, token, await http.phone_code()))["errcode"] == 0
        assert (await ask_phone(http, token, await http.phone_code("mallory")))["errcode"] == -1
        url = f"/wechat/{CHECK}?access_token={token}&openid={alice['openid']}"
        assert (await http.ask("GET", url))[0] == 502

    emulate(main)


def test_a_fault_after_the_work_spends_the_code(emulate):
    async def main(http):
        token, code = (await http.token())["access_token"], await http.phone_code()
        await http.control("POST", "wechat/faults", {"fault": "truncated", "api": "phone"})
        body = json.dumps({"code": code}).encode()
        status, kind, answer = await http.ask("POST", f"/wechat/{PHONE}?access_token={token}", data=body)
        assert (status, kind) == (200, "text/plain")
        with pytest.raises(json.JSONDecodeError):
            json.loads(answer)
        assert (await ask_phone(http, token, code))["errcode"] == 40029

    emulate(main)


def test_calls_are_counted_by_path(emulate):
    async def main(http):
        token = (await http.token())["access_token"]
        await ask_phone(http, token, "x")
        await ask_phone(http, token, "x")
        counts = (await http.control("GET", "wechat/calls"))[1]
        assert counts == {"total": 0, "codes": {}, "apis": {"/cgi-bin/stable_token": 1, f"/{PHONE}": 2}}

    emulate(main)


def test_qq_has_none_of_it(emulate):
    async def main(http):
        status, body = await http.control("POST", "qq/phone", {"appid": APPID, "user": "alice"})
        assert (status, body) == (404, {"error": "qq has no phone codes"})
        assert (await http.ask("POST", f"/qq/{PHONE}"))[0] == 404

    emulate(main)
