"""Alipay and Douyin on the wire, as a server and a test meet them."""

from __future__ import annotations

import base64
import json
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from menshen.emulator.state import AppSettings, Emulator, NotFaked
from tests.platforms.app_keys import AES_KEY, key, private_text, public_text

APP = "2021000000000001"
TICKET = "tt0000000000000001"


async def alipay_app(http, **more):
    app = {"appid": APP, "secret": private_text("app"), "data_key": AES_KEY, **more}
    status, shown = await http.control("POST", "alipay/apps", app)
    assert status == 200
    assert private_text("app") not in str(shown)
    assert AES_KEY not in str(shown)
    return shown["platform_key"]


async def gateway(http, code, sign=None, method="POST", **change):
    params = {
        "app_id": APP,
        "method": "alipay.system.oauth.token",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": "2023-11-15 06:13:20",
        "version": "1.0",
        "grant_type": "authorization_code",
        "code": code,
    } | change
    params = {name: value for name, value in params.items() if value}
    content = "&".join(f"{name}={params[name]}" for name in sorted(params))
    made = base64.b64encode(key("app").sign(content.encode(), PKCS1v15(), SHA256())).decode()
    form = {"grant_type": params.pop("grant_type", ""), "code": params.pop("code", "")}
    query = {**params, "sign": made if sign is None else sign}
    async with http.session.request(method, f"{http.origin}/alipay/gateway.do", params=query, data=form) as response:
        assert response.status == 200
        return response.headers["content-type"], await response.text()


def test_alipays_answer_is_signed_as_it_stands(emulate):
    async def main(http):
        public = load_der_public_key(base64.b64decode(await alipay_app(http)))
        kind, text = await gateway(http, await http.code(platform="alipay", appid=APP))
        assert kind == "text/html;charset=utf-8"
        told = re.fullmatch(r'\{"alipay_system_oauth_token_response":(\{.*\}),"sign":"([^"]+)"\}', text)
        public.verify(base64.b64decode(told[2]), told[1].encode(), PKCS1v15(), SHA256())
        fields = json.loads(told[1])
        assert re.fullmatch(r"[0-9A-Za-z_-]{47}", fields["open_id"])
        assert {"code", "user_id", "session_key", "unionid"}.isdisjoint(fields)

    emulate(main)


@pytest.mark.parametrize(
    ("change", "code", "sub_code", "signed"),
    [
        ({"code": "nobodys"}, "40002", "isv.code-invalid", True),
        ({"code": ""}, "40001", "isv.missing-code", True),
        ({"grant_type": "refresh_token"}, "40002", "isv.grant-type-invalid", True),
        ({"app_id": "2021000000000002"}, "40002", "isv.invalid-app-id", False),
        ({"sign": "AAAA"}, "40002", "isv.invalid-signature", False),
        ({"sign": ""}, "40001", "isv.missing-signature", False),
        ({"timestamp": ""}, "40001", "isv.missing-method", True),
        ({"method": "GET"}, "40001", "isv.missing-method", True),
    ],
)
def test_what_alipay_refuses(emulate, change, code, sub_code, signed):
    async def main(http):
        await alipay_app(http)
        _, text = await gateway(http, **{"code": "c", **change})
        fields = json.loads(text)
        assert (fields["error_response"]["code"], fields["error_response"]["sub_code"]) == (code, sub_code)
        assert ("sign" in fields) == signed

    emulate(main)


def test_a_key_of_the_platforms_can_be_given(emulate):
    async def main(http):
        assert await alipay_app(http, platform_key=private_text("platform")) == public_text("platform")
        assert await alipay_app(http) == public_text("platform")

    emulate(main)


def test_a_number_of_alipays_is_the_vector(emulate):
    async def main(http):
        await alipay_app(http, platform_key=private_text("platform"))
        asked = {"appid": APP, "user": "alice", "kind": "phone", "phone": "13580006666"}
        status, made = await http.control("POST", "alipay/open-data", asked)
        assert status == 200
        assert made["encryptedData"] == (
            "igATcyTqqgv1AFpBiHJyVf94zn4d80DWhHrnUhty+8QTwnwcZ+IvYxUhADa4W5wnvJ0d4yD4Z82wscGjQ0bJEA=="
        )
        content = f'"{made["encryptedData"]}"'.encode()
        key("platform").public_key().verify(base64.b64decode(made["iv"]), content, PKCS1v15(), SHA256())
        assert (await http.control("POST", "alipay/open-data", {**asked, "kind": "userinfo"}))[0] == 404

    emulate(main)


async def douyin(http, **body):
    asked = {"appid": TICKET, "secret": "right"} | body
    present = {name: value for name, value in asked.items() if value}
    return await http.call("POST", "api/apps/v2/jscode2session", "douyin", json=present)


def test_douyins_answers(emulate):
    async def main(http):
        assert (await http.control("POST", "douyin/apps", {"appid": TICKET, "secret": "right", "unionid": True}))[
            0
        ] == 200
        code = await http.code(platform="douyin", appid=TICKET)
        fields = await douyin(http, code=code)
        assert list(fields) == ["err_no", "err_tips", "data"]
        assert set(fields["data"]) == {"session_key", "openid", "anonymous_openid", "unionid"}
        assert (fields["err_no"], fields["data"]["anonymous_openid"]) == (0, "")
        for change, err_no in (
            ({"code": code}, 40018),
            ({"code": "nobodys"}, 40018),
            ({"anonymous_code": "nobodys"}, 40019),
            ({"code": "c", "appid": "tt02"}, 40015),
            ({"code": "c", "secret": "wrong"}, 40017),
            ({}, 40014),
            ({"code": "c", "secret": ""}, 40014),
        ):
            told = await douyin(http, **change)
            assert told["err_no"] == err_no
            assert "data" not in told

    emulate(main)


def test_a_phone_has_codes_of_its_own_at_douyin(emulate):
    async def main(http):
        await http.control("POST", "douyin/apps", {"appid": TICKET, "secret": "right"})
        asked = {"appid": TICKET, "user": "alice", "anonymous": True}
        status, given = await http.control("POST", "douyin/login", asked)
        assert (status, list(given)) == (200, ["anonymous_code"])
        data = (await douyin(http, anonymous_code=given["anonymous_code"]))["data"]
        assert (data["openid"], data["session_key"], data["unionid"]) == ("", "", "")
        assert data["anonymous_openid"]
        assert (await http.control("POST", "qq/login", {**asked, "appid": "wx4f4bc4dec97d474b"}))[0] == 404

    emulate(main)


def test_heard_shows_what_is_harmless_one_level_down(emulate):
    async def main(http):
        await http.control("POST", "douyin/apps", {"appid": TICKET, "secret": "right"})
        code = await http.code(platform="douyin", appid=TICKET)
        await douyin(http, code=code)
        _, seen = await http.control("GET", f"douyin/calls?code={code}")
        (heard,) = seen["heard"]
        assert heard["query"] == {"appid": TICKET, "secret": "***", "code": code}
        assert heard["answer"]["data"]["session_key"] == "***"
        assert heard["answer"]["data"]["openid"].startswith("_000")

    emulate(main)


def test_a_number_that_the_app_has_no_key_for_is_not_faked():
    emulator = Emulator()
    emulator.add_app("douyin", "app-1", AppSettings("any"))
    emulator.add_app("alipay", "app-1", AppSettings("any"))
    with pytest.raises(NotFaked, match="data_key"):
        emulator.phone("douyin", "app-1", "alice")
    with pytest.raises(NotFaked, match="data_key"):
        emulator.phone_data("alipay", "app-1", "alice", "", "86", {})
