"""Baidu's, Kuaishou's and Xiaohongshu's mini programs through a real gateway, against their emulators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.edge.conftest import Stack, running_stack

APPIDS = {
    "baidu": "4fecoAqgCIUtzIyA4FAPgoyrc4oUc25c",
    "kuaishou": "ks700000000000000001",
    "xiaohongshu": "640000000000000000000001",
}
SECRETS = {name: f"planted-appsecret-of-{name}-0123456789" for name in APPIDS}
TYPES = {"baidu": "BaiduMpLogin", "kuaishou": "KuaishouMpLogin", "xiaohongshu": "XiaohongshuMpLogin"}

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

EACH = pytest.mark.parametrize("platform", APPIDS)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("three-platforms"), DOCUMENT) as running:
        for name, appid in APPIDS.items():
            app = {"appid": appid, "secret": SECRETS[name]}
            assert running.emulator.post_json(f"/emulator/{name}/apps", app).status == 200
        yield running


def code_of(three: Stack, platform: str, user: str) -> str:
    return three.code(user, APPIDS[platform], platform)


def log_in(three: Stack, platform: str, user: str) -> str:
    reply = three.gateway(f"/{platform}/login", ("js_code", code_of(three, platform, user)))
    assert reply.status == 200, reply.raw
    return reply.headers["user_session"]


def made(three: Stack, platform: str, user: str, kind: str, **more: Any) -> dict[str, str]:
    asked = {"appid": APPIDS[platform], "user": user, "kind": kind, **more}
    told: dict[str, str] = three.emulator.post_json(f"/emulator/{platform}/open-data", asked).json
    return {name: told[name] for name in ("encryptedData", "iv")}


@EACH
def test_a_login_and_a_check(three: Stack, platform: str) -> None:
    login = three.gateway(f"/{platform}/login", ("js_code", code_of(three, platform, "lin")))
    assert login.status == 200
    check = three.gateway(f"/{platform}/orders", ("user_session", login.headers["user_session"]))
    for reply in (login, check):
        assert reply.identity["x-menshen-platform"] == platform
        assert reply.identity["x-menshen-appid"] == APPIDS[platform]
        assert reply.identity["x-menshen-openid"]
    assert check.identity["x-menshen-user"] == login.identity["x-menshen-user"]


@EACH
def test_a_code_that_was_never_given_and_one_that_is_none(three: Stack, platform: str) -> None:
    refused = three.gateway(f"/{platform}/login", ("js_code", "0" * 32))
    assert refused.refusal == (401, 4022, "code_invalid")
    before = three.exchanges(platform)
    refused = three.gateway(f"/{platform}/login", ("js_code", "a+b"))
    assert refused.refusal == (400, 4000, "code_malformed")
    assert three.exchanges(platform) == before


@EACH
def test_a_code_of_the_other_platform(three: Stack, platform: str) -> None:
    other = next(name for name in APPIDS if name != platform)
    refused = three.gateway(f"/{platform}/login", ("js_code", code_of(three, other, "lin")))
    assert refused.refusal == (401, 4022, "code_invalid")


@EACH
def test_a_used_code_is_not_asked_for_again(three: Stack, platform: str) -> None:
    code = code_of(three, platform, "replayed")
    assert three.gateway(f"/{platform}/login", ("js_code", code)).status == 200
    before = three.exchanges(platform)
    assert three.gateway(f"/{platform}/login", ("js_code", code)).refusal == (401, 4022, "code_used")
    assert three.exchanges(platform) == before


@EACH
@pytest.mark.parametrize(
    ("fault", "refusal", "action"),
    [
        ("-1", (503, 4021, "platform_says_busy"), "retry"),
        ("502", (503, 4021, "platform_says_busy"), "retry"),
        ("45011", (429, 4023, "platform_limit"), "retry"),
        ("truncated", (502, 4021, "platform_reply_invalid"), "retry"),
        ("html", (502, 4021, "platform_reply_invalid"), "retry"),
        ("huge", (502, 4021, "platform_reply_invalid"), "retry"),
        ("redirect", (502, 4021, "platform_reply_invalid"), "retry"),
    ],
)
def test_what_the_platform_answers(
    three: Stack, platform: str, fault: str, refusal: tuple[int, int, str], action: str
) -> None:
    with three.faulty(platform, fault=fault):
        refused = three.gateway(f"/{platform}/login", ("js_code", code_of(three, platform, "faulty")))
    assert refused.refusal == refusal
    assert refused.json["action"] == action


@EACH
def test_a_blocked_user_is_let_in_by_none(three: Stack, platform: str) -> None:
    """They document no number for one: Xiaohongshu's is told as the code's, being an answer to a code."""
    with three.faulty(platform, fault="40226"):
        refused = three.gateway(f"/{platform}/login", ("js_code", code_of(three, platform, "blocked")))
    if platform == "xiaohongshu":
        assert refused.refusal == (401, 4022, "code_invalid")
    else:
        assert refused.refusal == (502, 4017, "platform_refused_credentials")


@EACH
@pytest.mark.parametrize("fault", ["extra_fields", "string_errcode", "control_characters"])
def test_answers_that_are_odd_and_good(three: Stack, platform: str, fault: str) -> None:
    with three.faulty(platform, fault=fault):
        log_in(three, platform, "odd")


@EACH
def test_wrong_credentials_are_the_operators_and_stay_secret(three: Stack, platform: str) -> None:
    app = {"appid": APPIDS[platform], "secret": "another-secret"}
    assert three.emulator.post_json(f"/emulator/{platform}/apps", app).status == 200
    # Where a login comes with an access token, the AppSecret is asked for with the next one.
    assert (
        three.emulator.send_json("DELETE", f"/emulator/{platform}/access-token", {"appid": app["appid"]}).status == 200
    )
    try:
        refused = three.gateway(f"/{platform}/login", ("js_code", code_of(three, platform, "locked-out")))
    finally:
        three.emulator.post_json(f"/emulator/{platform}/apps", app | {"secret": SECRETS[platform]})
    assert refused.refusal == (502, 4017, "platform_refused_credentials")
    assert SECRETS[platform].encode() not in refused.raw
    assert SECRETS[platform] not in (three.config.parent / "serve.log").read_text()


@EACH
def test_a_number_in_open_data_is_bound(three: Stack, platform: str) -> None:
    number = {"baidu": "13900000011", "kuaishou": "13900000012", "xiaohongshu": "13900000014"}[platform]
    state = log_in(three, platform, "with-a-number")
    data = made(three, platform, "with-a-number", "phone", phone=number)
    bound = three.gateway.post_json("/v1/me/phone", data, ("user_session", state))
    assert bound.status == 200, bound.raw
    fresh = str(bound.json["user_session"])
    assert three.gateway("/v1/me", ("user_session", fresh)).json["phone"] == f"139****{number[-4:]}"


@EACH
def test_open_data_of_another_user_opens_nothing(three: Stack, platform: str) -> None:
    log_in(three, platform, "owner")
    state = log_in(three, platform, "thief")
    data = made(three, platform, "owner", "phone", phone="13900000013")
    refused = three.gateway.post_json("/v1/me/phone", data, ("user_session", state))
    assert refused.refusal == (401, 4001, "session_key_stale")


@EACH
def test_a_profile_is_no_number(three: Stack, platform: str) -> None:
    state = log_in(three, platform, "no-number")
    data = made(three, platform, "no-number", "userinfo")
    refused = three.gateway.post_json("/v1/me/phone", data, ("user_session", state))
    assert refused.refusal == (400, 4000, "open_data_invalid")


@EACH
def test_there_are_no_phone_codes(three: Stack, platform: str) -> None:
    state = log_in(three, platform, "codeless")
    refused = three.gateway.post_json("/v1/me/phone", {"phone_code": "abc"}, ("user_session", state))
    assert refused.refusal == (404, 4004, "not_offered")


def test_a_login_by_access_token_gets_one_for_all_and_another_when_it_is_refused(three: Stack) -> None:
    def asked() -> int:
        return int(three.emulator("/emulator/xiaohongshu/calls").json["apis"].get("/api/rmp/token", 0))

    log_in(three, "xiaohongshu", "first")
    before = asked()
    log_in(three, "xiaohongshu", "second")
    assert asked() == before
    app = {"appid": APPIDS["xiaohongshu"]}
    assert three.emulator.send_json("DELETE", "/emulator/xiaohongshu/access-token", app).status == 200
    exchanges = three.exchanges("xiaohongshu")
    log_in(three, "xiaohongshu", "third")
    assert asked() == before + 1
    assert three.exchanges("xiaohongshu") == exchanges + 2
