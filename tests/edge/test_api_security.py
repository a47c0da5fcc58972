"""WeChat's API security through a real gateway: numbers by calls that are encrypted and signed both ways."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.edge.conftest import APPID, SECRET, Stack, running_stack
from tests.edge.processes import Reply
from tests.platforms.api_security import SYMMETRIC_KEY
from tests.platforms.app_keys import private_text, public_text

PHONE = "/wxa/business/getuserphonenumber"


@dataclass
class Shop:
    """The stack, and what stands in the document and in WeChat's console for its one app."""

    stack: Stack
    original: dict[str, Any]
    keys: dict[str, str] = field(default_factory=dict)
    applied: int = 0

    def register(self, **change: Any) -> dict[str, str]:
        """The app as WeChat knows it: with keys, or with others, or with none."""
        console = {"symmetric_key": SYMMETRIC_KEY, "symmetric_key_sn": "5f" * 16, "public_key": public_text("app")}
        app = {"appid": APPID, "secret": SECRET, "api_security": {**console, **change} if change != {"no": 1} else None}
        told = self.stack.emulator.post_json("/emulator/wechat/apps", app)
        assert told.status == 200, told.raw
        shown: dict[str, str] = told.json
        return shown

    def configure(self, **change: str | None) -> None:
        """The app's keys as the document has them, live."""
        self.applied += 1
        document = json.loads(json.dumps(self.original))
        if change != {"no": None}:
            document["apps"][0]["api_security"] = {**self.keys, **change}
        mark = f"/revision-{self.applied}"
        document["groups"][0]["apis"].append({"name": mark[1:], "path": mark, "access": "public"})
        self.stack.config.write_text(json.dumps(document))
        deadline = time.monotonic() + 90
        while self.stack.gateway(f"/mall{mark}").status != 200:
            assert time.monotonic() < deadline, "the document did not become live"
            time.sleep(0.02)

    def ask(self, user: str, number: str) -> Reply:
        """The user's number by phone code."""
        state = self.stack.log_in(user)
        asked = {"appid": APPID, "user": user, "phone": number}
        code = self.stack.emulator.post_json("/emulator/wechat/phone", asked).json["code"]
        return self.stack.gateway.post_json("/v1/me/phone/get", {"phone_code": code}, ("user_session", state))

    def log(self) -> str:
        return (self.stack.config.parent / "serve.log").read_text()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    document: dict[str, Any] = {
        "version": 1,
        "apps": [{"name": "shop", "platform": "wechat", "appid": APPID, "secret": SECRET, "base_url": "<e>/wechat"}],
        "upstreams": [{"name": "orders", "endpoints": ["<b>"], "timeout": 10}],
        "groups": [
            {"name": "mall", "prefix": "/mall", "upstream": "orders", "apis": [{"name": "login", "path": "/login"}]}
        ],
        "plugins": [{"name": "shop-login", "type": "WeChatMpLogin", "app": "shop"}],
        "bindings": [{"plugin": "shop-login", "api": "mall/login"}],
    }
    text = json.dumps(document).replace("{", "{{").replace("}", "}}")
    text = text.replace("<e>", "{emulator}").replace("<b>", "{backend}")
    with running_stack(tmp_path_factory.mktemp("api-security"), text) as running:
        shop = Shop(running, json.loads(running.config.read_text()))
        shown = shop.register()
        shop.keys = {
            "symmetric_key": SYMMETRIC_KEY,
            "symmetric_key_sn": "5f" * 16,
            "private_key": private_text("app"),
            **{name: shown[name] for name in ("platform_certificate", "platform_certificate_sn")},
        }
        yield shop


@pytest.fixture
def shop(whole: Shop) -> Shop:
    """Both sides with the same keys, and the certificate that WeChat has now."""
    shown = whole.register()
    whole.keys |= {name: shown[name] for name in ("platform_certificate", "platform_certificate_sn")}
    whole.configure()
    return whole


def test_a_number_by_phone_code(shop: Shop) -> None:
    told = shop.ask("lin", "13900000101")
    assert told.status == 200, told.raw
    assert "13900000101" in str(told.json)


def test_a_used_phone_code_is_refused_as_ever(shop: Shop) -> None:
    state = shop.stack.log_in("twice")
    asked = {"appid": APPID, "user": "twice", "phone": "13900000102"}
    code = {"phone_code": shop.stack.emulator.post_json("/emulator/wechat/phone", asked).json["code"]}
    assert shop.stack.gateway.post_json("/v1/me/phone/get", code, ("user_session", state)).status == 200
    refused = shop.stack.gateway.post_json("/v1/me/phone/get", code, ("user_session", state))
    assert refused.refusal == (400, 4022, "phone_code_invalid")


def test_an_access_token_that_is_over_is_replaced(shop: Shop) -> None:
    """That it is over comes in the clear."""
    assert shop.ask("before", "13900000103").status == 200
    assert shop.stack.emulator.send_json("DELETE", "/emulator/wechat/access-token", {"appid": APPID}).status == 200
    assert shop.ask("after", "13900000104").status == 200


@pytest.mark.parametrize("fault", ["plain", "unsigned", "tampered", "forged", "stale"])
def test_an_answer_that_is_not_wechats_gives_no_number(shop: Shop, fault: str) -> None:
    with shop.stack.faulty(fault=fault, api="phone"):
        refused = shop.ask("overheard", "13900000105")
        assert refused.refusal == (502, 4021, "platform_reply_invalid")
    assert "13900000105" not in shop.log()
    assert shop.ask("overheard", "13900000105").status == 200


@pytest.mark.parametrize("fault", ["extra_fields", "string_errcode", "control_characters"])
def test_answers_that_are_odd_and_signed_are_good(shop: Shop, fault: str) -> None:
    with shop.stack.faulty(fault=fault, api="phone"):
        assert shop.ask("odd", "13900000106").status == 200


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"private_key": private_text("another")}, 40234),
        ({"symmetric_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}, 40235),
        ({"symmetric_key_sn": "another-number"}, 40235),
        ({"no": None}, 40233),
    ],
    ids=["signed with another key", "encrypted with another key", "another number", "not signed at all"],
)
def test_keys_that_are_not_the_apps_are_the_operators_to_correct(
    shop: Shop, change: dict[str, str | None], errcode: int
) -> None:
    shop.configure(**change)
    assert shop.ask("locked-out", "13900000107").refusal == (502, 4017, "platform_refused_credentials")
    assert re.findall(r'"platform_errcode":([0-9]+)', shop.log())[-1] == str(errcode)


def test_a_signature_against_a_platform_that_does_not_sign(shop: Shop) -> None:
    """What comes in the clear could be anybody's. WeChat without API security would not read the call either."""
    shop.register(no=1)
    assert shop.ask("alone", "13900000108").refusal == (400, 4022, "phone_code_invalid")


def test_a_change_of_the_certificate_costs_no_call(shop: Shop) -> None:
    """First both sign; the new one is configured; then the old one signs no more."""
    new = shop.stack.emulator.post_json("/emulator/wechat/certificate", {"appid": APPID}).json
    assert new["platform_certificate_sn"] != shop.keys["platform_certificate_sn"]
    assert shop.ask("meanwhile", "13900000109").status == 200
    shop.configure(**new)
    assert shop.ask("meanwhile", "13900000109").status == 200
    shop.configure()
    shop.stack.emulator.post_json("/emulator/wechat/certificate", {"appid": APPID})
    assert shop.ask("too-late", "13900000110").refusal == (502, 4021, "platform_reply_invalid")
    shop.configure(**new)
    assert shop.ask("too-late", "13900000110").status == 200


def test_the_number_of_another_certificate_is_not_enough(shop: Shop) -> None:
    """The certificate is compared by its key, whatever number it is called by."""
    old = shop.keys["platform_certificate"]
    new = shop.stack.emulator.post_json("/emulator/wechat/certificate", {"appid": APPID}).json
    shop.configure(**{**new, "platform_certificate": old})
    assert shop.ask("mixed-up", "13900000111").refusal == (502, 4021, "platform_reply_invalid")


def test_no_key_is_in_a_log_or_open_in_the_database(shop: Shop) -> None:
    shop.ask("lin", "13900000112")
    stored = b"".join(path.read_bytes() for path in shop.stack.data_dir.glob("menshen.db*"))
    assert b"platform_certificate_sn" in stored
    for secret in (SYMMETRIC_KEY, private_text("app")[:60], private_text("app")[-60:]):
        assert secret not in shop.log()
        assert secret.encode() not in stored
