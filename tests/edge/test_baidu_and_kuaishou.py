"""Baidu's and Kuaishou's mini programs through a real gateway, against their emulators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.edge.conftest import Stack, running_stack

APPIDS = {"baidu": "4fecoAqgCIUtzIyA4FAPgoyrc4oUc25c", "kuaishou": "ks700000000000000001"}
SECRETS = {name: f"planted-appsecret-of-{name}-0123456789" for name in APPIDS}
TYPES = {"baidu": "BaiduMpLogin", "kuaishou": "KuaishouMpLogin"}

DOCUMENT = "\n".join(
    [
        "version: 1",
        "apps:",
        *(
            f'  - {{{{name: {name}, platform: {name}, appid: "{APPIDS[name]}", secret: "{SECRETS[name]}",'
            f' base_url: "{{emulator}}/{name}"}}}}'
            for name in APPIDS
        ),
        "upstreams:",
        '  - {{name: orders, endpoints: ["{backend}"], timeout: 2}}',
        "groups:",
        *(
            f'  - {{{{name: {name}, hosts: ["*"], prefix: /{name}, upstream: orders,'
            " apis: [{{name: all, path: /*}}]}}"
            for name in APPIDS
        ),
        "plugins:",
        *(f"  - {{{{name: {name}-login, type: {TYPES[name]}, app: {name}}}}}" for name in APPIDS),
        "bindings:",
        *(f"  - {{{{plugin: {name}-login, group: {name}}}}}" for name in APPIDS),
        "",
    ]
)

BOTH = pytest.mark.parametrize("platform", APPIDS)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("baidu-and-kuaishou"), DOCUMENT) as running:
        for name, appid in APPIDS.items():
            app = {"appid": appid, "secret": SECRETS[name]}
            assert running.emulator.post_json(f"/emulator/{name}/apps", app).status == 200
        yield running


def code_of(two: Stack, platform: str, user: str) -> str:
    return two.code(user, APPIDS[platform], platform)


def log_in(two: Stack, platform: str, user: str) -> str:
    reply = two.gateway(f"/{platform}/login", ("js_code", code_of(two, platform, user)))
    assert reply.status == 200, reply.raw
    return reply.headers["user_session"]


def made(two: Stack, platform: str, user: str, kind: str, **more: Any) -> dict[str, str]:
    asked = {"appid": APPIDS[platform], "user": user, "kind": kind, **more}
    told: dict[str, str] = two.emulator.post_json(f"/emulator/{platform}/open-data", asked).json
    return {name: told[name] for name in ("encryptedData", "iv")}


@BOTH
def test_a_login_and_a_check(two: Stack, platform: str) -> None:
    login = two.gateway(f"/{platform}/login", ("js_code", code_of(two, platform, "lin")))
    assert login.status == 200
    check = two.gateway(f"/{platform}/orders", ("user_session", login.headers["user_session"]))
    for reply in (login, check):
        assert reply.identity["x-menshen-platform"] == platform
        assert reply.identity["x-menshen-appid"] == APPIDS[platform]
        assert reply.identity["x-menshen-openid"]
    assert check.identity["x-menshen-user"] == login.identity["x-menshen-user"]


@BOTH
def test_a_code_that_was_never_given_and_one_that_is_none(two: Stack, platform: str) -> None:
    refused = two.gateway(f"/{platform}/login", ("js_code", "0" * 32))
    assert refused.refusal == (401, 4022, "code_invalid")
    before = two.exchanges(platform)
    refused = two.gateway(f"/{platform}/login", ("js_code", "a+b"))
    assert refused.refusal == (400, 4000, "code_malformed")
    assert two.exchanges(platform) == before


@BOTH
def test_a_code_of_the_other_platform(two: Stack, platform: str) -> None:
    other = next(name for name in APPIDS if name != platform)
    refused = two.gateway(f"/{platform}/login", ("js_code", code_of(two, other, "lin")))
    assert refused.refusal == (401, 4022, "code_invalid")


@BOTH
def test_a_used_code_is_not_asked_for_again(two: Stack, platform: str) -> None:
    code = code_of(two, platform, "replayed")
    assert two.gateway(f"/{platform}/login", ("js_code", code)).status == 200
    before = two.exchanges(platform)
    # At once it is a repeat of the same request, and gets the same; the platform hears of it once.
    two.gateway(f"/{platform}/login", ("js_code", code))
    assert two.exchanges(platform) == before


@BOTH
@pytest.mark.parametrize(
    ("fault", "refusal", "action"),
    [
        ("-1", (503, 4021, "platform_says_busy"), "retry"),
        ("502", (503, 4021, "platform_says_busy"), "retry"),
        ("45011", (429, 4023, "platform_limit"), "retry"),
        ("40226", (502, 4017, "platform_refused_credentials"), "none"),  # they document no number for a blocked user
        ("truncated", (502, 4021, "platform_reply_invalid"), "retry"),
        ("html", (502, 4021, "platform_reply_invalid"), "retry"),
        ("huge", (502, 4021, "platform_reply_invalid"), "retry"),
        ("redirect", (502, 4021, "platform_reply_invalid"), "retry"),
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
    app = {"appid": APPIDS[platform], "secret": "another-secret"}
    assert two.emulator.post_json(f"/emulator/{platform}/apps", app).status == 200
    try:
        refused = two.gateway(f"/{platform}/login", ("js_code", code_of(two, platform, "locked-out")))
    finally:
        two.emulator.post_json(f"/emulator/{platform}/apps", app | {"secret": SECRETS[platform]})
    assert refused.refusal == (502, 4017, "platform_refused_credentials")
    assert SECRETS[platform].encode() not in refused.raw
    assert SECRETS[platform] not in (two.config.parent / "serve.log").read_text()


@BOTH
def test_a_number_in_open_data_is_bound(two: Stack, platform: str) -> None:
    number = {"baidu": "13900000011", "kuaishou": "13900000012"}[platform]
    state = log_in(two, platform, "with-a-number")
    data = made(two, platform, "with-a-number", "phone", phone=number)
    bound = two.gateway.post_json("/v1/me/phone", data, ("user_session", state))
    assert bound.status == 200, bound.raw
    fresh = str(bound.json["user_session"])
    assert two.gateway("/v1/me", ("user_session", fresh)).json["phone"] == f"139****{number[-4:]}"


@BOTH
def test_open_data_of_another_user_opens_nothing(two: Stack, platform: str) -> None:
    log_in(two, platform, "owner")
    state = log_in(two, platform, "thief")
    data = made(two, platform, "owner", "phone", phone="13900000013")
    refused = two.gateway.post_json("/v1/me/phone", data, ("user_session", state))
    assert refused.refusal == (401, 4001, "session_key_stale")


@BOTH
def test_a_profile_is_no_number(two: Stack, platform: str) -> None:
    state = log_in(two, platform, "no-number")
    data = made(two, platform, "no-number", "userinfo")
    refused = two.gateway.post_json("/v1/me/phone", data, ("user_session", state))
    assert refused.refusal == (400, 4000, "open_data_invalid")


@BOTH
def test_there_are_no_phone_codes(two: Stack, platform: str) -> None:
    state = log_in(two, platform, "codeless")
    refused = two.gateway.post_json("/v1/me/phone", {"phone_code": "abc"}, ("user_session", state))
    assert refused.refusal == (404, 4004, "not_offered")
