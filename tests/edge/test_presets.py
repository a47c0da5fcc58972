"""Every preset, as a client of its kind talks to it: it logs in, is checked, and is refused in its own shape.

Pages of the source documents run with ``tsf``, ``book`` and ``jwt`` in the tests that are named after them, published
clients with ``authing`` and ``wafer2``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from menshen.config.presets import presets
from tests.edge.conftest import APPID, Stack, running_stack
from tests.edge.processes import Reply

HEAD = """\
version: 1
apps:
  - {{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{emulator}/wechat"}}
upstreams:
  - {{name: orders, endpoints: ["{backend}"]}}
"""
GROUP = "  - {{name: NAME, prefix: /NAME, upstream: orders, apis: [{{name: all, path: /*}}]}}\n"
PLUGIN = "  - {{name: NAME-login, type: WeChatMpLogin, app: shop, preset: NAME}}\n"
BINDING = "  - {{plugin: NAME-login, group: NAME}}\n"


def each(line: str) -> str:
    return "".join(line.replace("NAME", name) for name in presets())


DOCUMENT = f"{HEAD}groups:\n{each(GROUP)}plugins:\n{each(PLUGIN)}bindings:\n{each(BINDING)}"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("presets"), DOCUMENT) as running:
        yield running


def log_in(stack: Stack, preset: str, code: str) -> Reply:
    match preset:
        case "tsf":
            return stack.gateway("/tsf/login", ("js_code", code))
        case "book":
            return stack.gateway(f"/book/login?code={code}")
        case "jwt":
            return stack.gateway.post_json("/jwt/login", {"js_code": code})
        case "authing":
            return stack.gateway.post_json("/authing/login", {"code": code})
        case "wafer2":
            return stack.gateway("/wafer2/login", ("X-WX-Code", code))
    raise AssertionError(f"nobody has said how a client of {preset} logs in")


def credential(preset: str, login: Reply) -> tuple[str, str]:
    """What the client sends from then on."""
    match preset:
        case "tsf":
            return "user_session", login.headers["user_session"]
        case "book":
            return "sessionId", login.json["sessionId"]
        case "jwt":
            return "Authentication", login.json["data"]
        case "authing":
            return "Authorization", f"Bearer {login.json['data']['token']}"
    return "X-WX-Skey", login.json["data"]["skey"]


def told(preset: str, reply: Reply) -> tuple[int, Any, str]:
    """(HTTP status, the number that the client looks at, our reason)."""
    body = reply.json
    assert reply.headers["x-menshen-code"]
    if preset == "authing":
        assert set(body) == {"code", "message", "data"}
        assert set(body["data"]) == {"code", "reason", "action", "request_id"}
        return reply.status, body["code"], body["data"]["reason"]
    if preset != "wafer2":
        return reply.refusal
    return reply.status, body["code"], body["reason"]


@pytest.mark.parametrize("preset", list(presets()))
def test_a_client_logs_in_and_is_known(preset: str, stack: Stack) -> None:
    name, state = credential(preset, log_in(stack, preset, stack.code("known")))
    seen = stack.gateway(f"/{preset}/orders/1", (name, state)).seen
    assert seen["x-menshen-openid"].startswith("o")
    assert name.lower() not in seen


@pytest.mark.parametrize("preset", list(presets()))
def test_who_brings_nothing_or_a_forged_state_is_told_so_in_the_clients_shape(preset: str, stack: Stack) -> None:
    name, _ = credential(preset, log_in(stack, preset, stack.code("forger")))
    missing, invalid = {"authing": (2020, 2207), "wafer2": (-1, -1)}.get(preset, (4001, 4001))
    assert told(preset, stack.gateway(f"/{preset}/x")) == (401, missing, "session_missing")
    assert told(preset, stack.gateway(f"/{preset}/x", (name, "forged"))) == (401, invalid, "session_invalid")


@pytest.mark.parametrize("preset", list(presets()))
def test_a_used_code_and_a_busy_platform_are_told_in_the_clients_shape(preset: str, stack: Stack) -> None:
    code = stack.code("user")
    assert log_in(stack, preset, code).status == 200
    used = told(preset, log_in(stack, preset, code))
    assert (used[0], used[1], used[2]) == (401, -1 if preset == "wafer2" else 4022, "code_used")
    with stack.faulty(fault="-1", times=1):
        busy = told(preset, log_in(stack, preset, stack.code("user")))
    assert busy == (401 if preset == "tsf" else 503, 4021, "platform_says_busy")


def test_an_authing_token_is_good_with_its_prefix_and_without(stack: Stack) -> None:
    token = log_in(stack, "authing", stack.code("bearer")).json["data"]["token"]
    for value in (token, f"Bearer {token}", f"bearer {token}"):
        assert stack.gateway("/authing/x", ("Authorization", value)).status == 200, value
        assert stack.gateway("/v1/me", ("Authorization", value)).status == 200, value
    for value in (f"Basic {token}", f"Bearer Bearer {token}"):
        assert told("authing", stack.gateway("/authing/x", ("Authorization", value)))[1] == 2207, value
    two = stack.gateway("/authing/x", ("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}"))
    assert told("authing", two) == (400, 4000, "ambiguous_credential")


def test_an_authing_login_has_the_user_and_what_the_platform_vouches_for(stack: Stack) -> None:
    asked = {"appid": APPID, "user": "profiled", "kind": "userinfo", "profile": {"nickName": "小李", "gender": 2}}
    made = stack.emulator.post_json("/emulator/wechat/open-data", asked).json
    body = {"code": stack.code("profiled"), "encryptedData": made["encryptedData"], "iv": made["iv"]}
    login = stack.gateway.post_json("/authing/login", body)
    assert (login.status, login.json["code"]) == (200, 200)
    user = login.json["data"]
    assert (user["nickname"], user["gender"], user["phone"], user["photo"]) == ("小李", 2, "", "")
    assert user["id"] == stack.gateway("/v1/me", ("Authorization", user["token"])).json["uid"]


def test_open_data_in_a_body_is_taken_once_and_there_alone(stack: Stack) -> None:
    body = b'{"code": "%s", "iv": "a", "iv": "b"}' % stack.code("body").encode()
    twice = stack.gateway("/authing/login", ("Content-Type", "application/json"), method="POST", body=body)
    assert told("authing", twice) == (400, 4000, "ambiguous_credential")
    beside = stack.gateway.post_json("/authing/login?iv=a", {"code": stack.code("body")})
    assert told("authing", beside) == (400, 4000, "ambiguous_credential")
    header = stack.gateway.send_json("POST", "/authing/login", {"code": stack.code("body")}, ("iv", "a"))
    assert told("authing", header) == (400, 4000, "ambiguous_credential")


def test_the_phone_in_a_reply_is_masked_as_the_user_sees_it(stack: Stack) -> None:
    first = log_in(stack, "authing", stack.code("dialled")).json["data"]
    bearer = ("Authorization", f"Bearer {first['token']}")
    button = {"appid": APPID, "user": "dialled", "phone": "13800138000"}
    phone_code = stack.emulator.post_json("/emulator/wechat/phone", button).json["code"]
    assert stack.gateway.send_json("POST", "/v1/me/phone", {"phone_code": phone_code}, bearer).status == 200
    later = log_in(stack, "authing", stack.code("dialled"))
    mine = stack.gateway("/v1/me", ("Authorization", later.json["data"]["token"])).json
    assert later.json["data"]["phone"] == mine["phone"] != ""
    assert "13800138000" not in later.raw.decode()
