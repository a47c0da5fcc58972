"""Alipay's and Douyin's mini programs through a real gateway, against their emulators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.edge.conftest import Stack, running_stack
from tests.platforms.app_keys import AES_KEY, private_text, public_text

APPIDS = {"alipay": "2021000000000001", "douyin": "tt0000000000000001"}
SECRETS = {"alipay": private_text("app"), "douyin": "planted-appsecret-of-douyin-0123456789"}
DATA_KEYS = {"alipay": AES_KEY, "douyin": private_text("data")}
OTHER = {"alipay": private_text("another"), "douyin": "another-secret"}

DOCUMENT = f"""\
version: 1
apps:
  - name: alipay
    platform: alipay
    appid: "{APPIDS["alipay"]}"
    secret: "{SECRETS["alipay"]}"
    platform_key: "{public_text("platform")}"
    data_key: "{DATA_KEYS["alipay"]}"
    base_url: "{{emulator}}/alipay"
  - name: douyin
    platform: douyin
    appid: "{APPIDS["douyin"]}"
    secret: "{SECRETS["douyin"]}"
    data_key: "{DATA_KEYS["douyin"]}"
    base_url: "{{emulator}}/douyin"
upstreams:
  - {{{{name: orders, endpoints: ["{{backend}}"], timeout: 2}}}}
groups:
  - {{{{name: alipay, hosts: ["*"], prefix: /alipay, upstream: orders, apis: [{{{{name: all, path: /*}}}}]}}}}
  - {{{{name: douyin, hosts: ["*"], prefix: /douyin, upstream: orders, apis: [{{{{name: all, path: /*}}}}]}}}}
plugins:
  - {{{{name: alipay-login, type: AlipayMpLogin, app: alipay}}}}
  - {{{{name: douyin-login, type: DouyinMpLogin, app: douyin}}}}
bindings:
  - {{{{plugin: alipay-login, group: alipay}}}}
  - {{{{plugin: douyin-login, group: douyin}}}}
"""

BOTH = pytest.mark.parametrize("platform", APPIDS)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("alipay-and-douyin"), DOCUMENT) as running:
        for name in APPIDS:
            register(running, name)
        yield running


def register(two: Stack, platform: str, **change: str) -> None:
    app = {"appid": APPIDS[platform], "secret": SECRETS[platform], "data_key": DATA_KEYS[platform]}
    told = two.emulator.post_json(
        f"/emulator/{platform}/apps", {**app, "platform_key": private_text("platform"), **change}
    )
    assert told.status == 200, told.raw


def code_of(two: Stack, platform: str, user: str) -> str:
    return two.code(user, APPIDS[platform], platform)


def log_in(two: Stack, platform: str, user: str) -> str:
    reply = two.gateway(f"/{platform}/login", ("js_code", code_of(two, platform, user)))
    assert reply.status == 200, reply.raw
    return reply.headers["user_session"]


def made(two: Stack, platform: str, what: str, user: str, **more: Any) -> dict[str, str]:
    asked = {"appid": APPIDS[platform], "user": user, **more}
    told: dict[str, str] = two.emulator.post_json(f"/emulator/{platform}/{what}", asked).json
    return told


def phone_data(two: Stack, platform: str, user: str, phone: str) -> dict[str, str]:
    return made(two, platform, "open-data", user, kind="phone", phone=phone)


@BOTH
def test_a_login_and_a_check(two: Stack, platform: str) -> None:
    login = two.gateway(f"/{platform}/login", ("js_code", code_of(two, platform, "lin")))
    assert login.status == 200
    check = two.gateway(f"/{platform}/orders", ("user_session", login.headers["user_session"]))
    for reply in (login, check):
        assert reply.identity["x-menshen-platform"] == platform
        assert reply.identity["x-menshen-appid"] == APPIDS[platform]
        assert len(reply.identity["x-menshen-openid"]) == {"alipay": 47, "douyin": 36}[platform]
    assert check.identity["x-menshen-user"] == login.identity["x-menshen-user"]
    again = two.gateway(f"/{platform}/login", ("js_code", code_of(two, platform, "lin")))
    assert again.identity["x-menshen-user"] == login.identity["x-menshen-user"]


@BOTH
def test_a_code_that_was_never_given_and_one_that_is_none(two: Stack, platform: str) -> None:
    assert two.gateway(f"/{platform}/login", ("js_code", "0" * 32)).refusal == (401, 4022, "code_invalid")
    before = two.exchanges(platform)
    assert two.gateway(f"/{platform}/login", ("js_code", "a+b")).refusal == (400, 4000, "code_malformed")
    assert two.exchanges(platform) == before


@BOTH
def test_a_code_of_the_other_platform(two: Stack, platform: str) -> None:
    other = next(name for name in APPIDS if name != platform)
    refused = two.gateway(f"/{platform}/login", ("js_code", code_of(two, other, "lin")))
    assert refused.refusal == (401, 4022, "code_invalid")


@BOTH
def test_a_used_code_is_refused_and_not_asked_for_again(two: Stack, platform: str) -> None:
    code = code_of(two, platform, "replayed")
    assert two.gateway(f"/{platform}/login", ("js_code", code)).status == 200
    before = two.exchanges(platform)
    two.gateway(f"/{platform}/login", ("js_code", code))
    assert two.exchanges(platform) == before


@BOTH
@pytest.mark.parametrize(
    ("fault", "refusal", "action"),
    [
        ("-1", (503, 4021, "platform_says_busy"), "retry"),
        ("502", (503, 4021, "platform_says_busy"), "retry"),
        ("45011", (429, 4023, "platform_limit"), "retry"),
        # No word of either for a blocked user is known: what is unknown logs nobody in.
        ("40226", (502, 4021, "platform_reply_invalid"), "retry"),
        ("truncated", (502, 4021, "platform_reply_invalid"), "retry"),
        ("html", (502, 4021, "platform_reply_invalid"), "retry"),
        ("huge", (502, 4021, "platform_reply_invalid"), "retry"),
        ("redirect", (502, 4021, "platform_reply_invalid"), "retry"),
        ("timeout", (503, 4021, "platform_timeout"), "retry"),
    ],
)
def test_what_the_platform_answers(
    two: Stack, platform: str, fault: str, refusal: tuple[int, int, str], action: str
) -> None:
    with two.faulty(platform, fault=fault):
        refused = two.gateway(f"/{platform}/login", ("js_code", code_of(two, platform, "faulty")))
    assert refused.refusal == refusal
    assert refused.json["action"] == action


@BOTH
@pytest.mark.parametrize("fault", ["extra_fields", "string_errcode", "control_characters"])
def test_answers_that_are_odd_and_good(two: Stack, platform: str, fault: str) -> None:
    with two.faulty(platform, fault=fault):
        log_in(two, platform, "odd")


@BOTH
def test_wrong_credentials_are_the_operators_and_stay_secret(two: Stack, platform: str) -> None:
    register(two, platform, secret=OTHER[platform])
    try:
        refused = two.gateway(f"/{platform}/login", ("js_code", code_of(two, platform, "locked-out")))
    finally:
        register(two, platform)
    assert refused.refusal == (502, 4017, "platform_refused_credentials")
    log = (two.config.parent / "serve.log").read_text()
    for secret in (SECRETS[platform], DATA_KEYS[platform]):
        assert secret.encode() not in refused.raw
        assert secret not in log
        assert secret[100:160] not in log or len(secret) < 160


def test_an_answer_that_another_key_signed_logs_nobody_in(two: Stack) -> None:
    register(two, "alipay", platform_key=private_text("another"))
    try:
        refused = two.gateway("/alipay/login", ("js_code", code_of(two, "alipay", "forged")))
    finally:
        register(two, "alipay")
    assert refused.refusal == (502, 4021, "platform_reply_invalid")


@BOTH
def test_a_number_in_open_data_is_bound(two: Stack, platform: str) -> None:
    number = {"alipay": "13900000021", "douyin": "13900000022"}[platform]
    state = log_in(two, platform, "with-a-number")
    data = phone_data(two, platform, "with-a-number", number)
    bound = two.gateway.post_json("/v1/me/phone", data, ("user_session", state))
    assert bound.status == 200, bound.raw
    fresh = str(bound.json["user_session"])
    assert two.gateway("/v1/me", ("user_session", fresh)).json["phone"] == f"139****{number[-4:]}"


@BOTH
def test_a_login_that_brings_a_number(two: Stack, platform: str) -> None:
    number = {"alipay": "13900000023", "douyin": "13900000024"}[platform]
    code = code_of(two, platform, "comes-with-a-number")
    data = phone_data(two, platform, "comes-with-a-number", number)
    entered = two.gateway.post_json("/v1/login/phone", {"code": code, "app": platform, **data})
    assert entered.status == 200, entered.raw
    state = str(entered.json["user_session"])
    assert two.gateway("/v1/me", ("user_session", state)).json["phone"] == f"139****{number[-4:]}"


def test_a_number_that_alipay_did_not_sign(two: Stack) -> None:
    state = log_in(two, "alipay", "forger")
    data = phone_data(two, "alipay", "forger", "13900000025")
    other = phone_data(two, "alipay", "forger", "13900000026")
    for forged in ({**data, "iv": other["iv"]}, {**data, "encryptedData": other["encryptedData"]}):
        refused = two.gateway.post_json("/v1/me/phone", forged, ("user_session", state))
        assert refused.refusal == (400, 4000, "open_data_invalid")


def test_signed_data_where_there_is_no_session_key_is_not_looked_at(two: Stack) -> None:
    """SHA-1 over the text and an empty key is something that anybody can make."""
    body = {
        "code": code_of(two, "alipay", "self-made"),
        "app": "alipay",
        "rawData": "{}",
        "signature": "bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f",
    }
    before = two.exchanges("alipay")
    assert two.gateway.post_json("/v1/login", body).refusal == (404, 4004, "not_offered")
    assert two.exchanges("alipay") == before


def test_open_data_of_another_user_opens_nothing_at_douyin(two: Stack) -> None:
    log_in(two, "douyin", "owner")
    state = log_in(two, "douyin", "thief")
    data = phone_data(two, "douyin", "owner", "13900000027")
    refused = two.gateway.post_json("/v1/me/phone", data, ("user_session", state))
    assert refused.refusal == (401, 4001, "session_key_stale")


def test_a_phone_code_of_douyins_is_good_once(two: Stack) -> None:
    state = log_in(two, "douyin", "presses-the-button")
    code = made(two, "douyin", "phone", "presses-the-button", phone="13900000028")["code"]
    told = two.gateway.post_json("/v1/me/phone/get", {"phone_code": code}, ("user_session", state))
    assert told.status == 200, told.raw
    assert "13900000028" in str(told.json)
    refused = two.gateway.post_json("/v1/me/phone/get", {"phone_code": code}, ("user_session", state))
    assert refused.refusal[2] == "phone_code_invalid"


def test_a_token_of_douyins_that_is_over_is_replaced(two: Stack) -> None:
    state = log_in(two, "douyin", "late")
    two.emulator.send_json("DELETE", "/emulator/douyin/access-token", {"appid": APPIDS["douyin"]})
    code = made(two, "douyin", "phone", "late", phone="13900000029")["code"]
    told = two.gateway.post_json("/v1/me/phone/get", {"phone_code": code}, ("user_session", state))
    assert told.status == 200, told.raw


def test_alipay_has_no_phone_codes(two: Stack) -> None:
    state = log_in(two, "alipay", "codeless")
    refused = two.gateway.post_json("/v1/me/phone", {"phone_code": "abc"}, ("user_session", state))
    assert refused.refusal == (404, 4004, "not_offered")


def test_a_device_is_somebody_else_than_who_logs_in_on_it(two: Stack) -> None:
    code = made(two, "douyin", "login", "guest", anonymous=True)["anonymous_code"]
    assert two.gateway("/douyin/login", ("js_code", code)).refusal == (401, 4022, "code_invalid")
    device = two.gateway("/douyin/login", ("js_code", f"anonymous:{code}"))
    assert device.status == 200
    assert device.identity["x-menshen-openid"].startswith("anonymous:_000")
    user = two.gateway("/douyin/login", ("js_code", code_of(two, "douyin", "guest")))
    assert user.identity["x-menshen-user"] != device.identity["x-menshen-user"]
    plain = code_of(two, "douyin", "guest")
    refused = two.gateway("/douyin/login", ("js_code", f"anonymous:{plain}"))
    assert refused.refusal == (401, 4022, "code_invalid")
