"""Every platform's mini programs through a real gateway, against their emulators. A new one is a row of ``ROWS``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from menshen.emulator.dialects import DIALECTS
from menshen.emulator.feishu import USERS_OWN
from menshen.errors import CodeInvalid, PlatformRefusedUs, PlatformReplyInvalid, UserBlocked
from menshen.platforms.registry import PLATFORMS
from tests.edge.conftest import Stack, running_stack
from tests.platforms.rows import ROWS, having

NAMES = list(ROWS)
EACH = pytest.mark.parametrize("platform", NAMES)


def each(*facets: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("platform", having(*facets))


def without(facet: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("platform", [name for name, row in ROWS.items() if facet in row.never])


def document() -> str:
    """JSON is YAML. The braces of its own are doubled, for it is formatted with the stack's addresses."""
    parts = {
        "version": 1,
        "apps": [
            {"name": name, "platform": name, "appid": row.appid, "secret": row.secret, "base_url": f"<emulator>/{name}"}
            | row.keys
            for name, row in ROWS.items()
        ],
        "upstreams": [{"name": "orders", "endpoints": ["<backend>"], "timeout": 10}],
        "groups": [
            {
                "name": name,
                "hosts": ["*"],
                "prefix": f"/{name}",
                "upstream": "orders",
                "apis": [{"name": "all", "path": "/*"}],
            }
            for name in ROWS
        ],
        "plugins": [{"name": f"{name}-login", "type": PLATFORMS[name].plugin_type, "app": name} for name in ROWS],
        "bindings": [{"plugin": f"{name}-login", "group": name} for name in ROWS],
    }
    text = json.dumps(parts, indent=1).replace("{", "{{").replace("}", "}}")
    return text.replace("<emulator>", "{emulator}").replace("<backend>", "{backend}")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One gateway for all of them."""
    with running_stack(tmp_path_factory.mktemp("every-platform"), document()) as running:
        for name in ROWS:
            register(running, name)
        yield running


def register(stack: Stack, platform: str, **change: str) -> None:
    """The app as the platform knows it."""
    row = ROWS[platform]
    app = {"appid": row.appid, "secret": row.secret, **row.console, **change}
    told = stack.emulator.post_json(f"/emulator/{platform}/apps", app)
    assert told.status == 200, told.raw


def revoke(stack: Stack, platform: str) -> None:
    """The app's access token is good no more."""
    app = {"appid": ROWS[platform].appid}
    assert stack.emulator.send_json("DELETE", f"/emulator/{platform}/access-token", app).status == 200


def code_of(stack: Stack, platform: str, user: str) -> str:
    return stack.code(user, ROWS[platform].appid, platform)


def log_in(stack: Stack, platform: str, user: str) -> str:
    reply = stack.gateway(f"/{platform}/login", ("js_code", code_of(stack, platform, user)))
    assert reply.status == 200, reply.raw
    return reply.headers["user_session"]


def made(stack: Stack, platform: str, what: str, user: str, **more: Any) -> dict[str, str]:
    asked = {"appid": ROWS[platform].appid, "user": user, **more}
    told: dict[str, str] = stack.emulator.post_json(f"/emulator/{platform}/{what}", asked).json
    return told


def open_data(stack: Stack, platform: str, user: str, kind: str, **more: Any) -> dict[str, str]:
    told = made(stack, platform, "open-data", user, kind=kind, **more)
    return {name: told[name] for name in ("encryptedData", "iv")}


def number(platform: str, which: int) -> str:
    """A number that no other test binds."""
    return f"13900{NAMES.index(platform):03}{which:03}"


def test_every_platform_has_a_row() -> None:
    assert set(ROWS) == set(PLATFORMS)


@EACH
def test_a_login_and_a_check(stack: Stack, platform: str) -> None:
    login = stack.gateway(f"/{platform}/login", ("js_code", code_of(stack, platform, "lin")))
    assert login.status == 200
    check = stack.gateway(f"/{platform}/orders", ("user_session", login.headers["user_session"]))
    for reply in (login, check):
        assert reply.identity["x-menshen-platform"] == platform
        assert reply.identity["x-menshen-appid"] == ROWS[platform].appid
        assert len(reply.identity["x-menshen-openid"]) == ROWS[platform].openid_length
    assert check.identity["x-menshen-user"] == login.identity["x-menshen-user"]
    again = stack.gateway(f"/{platform}/login", ("js_code", code_of(stack, platform, "lin")))
    assert again.identity["x-menshen-user"] == login.identity["x-menshen-user"]


@EACH
def test_a_code_that_was_never_given_and_one_that_is_none(stack: Stack, platform: str) -> None:
    assert stack.gateway(f"/{platform}/login", ("js_code", "0" * 32)).refusal == (401, 4022, "code_invalid")
    before = stack.exchanges(platform)
    malformed = stack.gateway(f"/{platform}/login", ("js_code", ROWS[platform].malformed))
    assert malformed.refusal == (400, 4000, "code_malformed")
    assert stack.exchanges(platform) == before


@EACH
def test_a_code_of_another_platform(stack: Stack, platform: str) -> None:
    other = NAMES[NAMES.index(platform) - 1]
    refused = stack.gateway(f"/{platform}/login", ("js_code", code_of(stack, other, "lin")))
    assert refused.refusal == (401, 4022, "code_invalid")


@EACH
def test_a_used_code_is_refused_and_not_asked_for_again(stack: Stack, platform: str) -> None:
    code = code_of(stack, platform, "replayed")
    assert stack.gateway(f"/{platform}/login", ("js_code", code)).status == 200
    before = stack.exchanges(platform)
    assert stack.gateway(f"/{platform}/login", ("js_code", code)).refusal == (401, 4022, "code_used")
    assert stack.exchanges(platform) == before


ANSWERS = {
    "-1": (503, 4021, "platform_says_busy"),
    "502": (503, 4021, "platform_says_busy"),
    "45011": (429, 4023, "platform_limit"),
    "truncated": (502, 4021, "platform_reply_invalid"),
    "html": (502, 4021, "platform_reply_invalid"),
    "huge": (502, 4021, "platform_reply_invalid"),
    "redirect": (502, 4021, "platform_reply_invalid"),
    "timeout": (503, 4021, "platform_timeout"),
}


@EACH
@pytest.mark.parametrize(("fault", "refusal"), ANSWERS.items())
def test_what_the_platform_answers(stack: Stack, platform: str, fault: str, refusal: tuple[int, int, str]) -> None:
    with stack.faulty(platform, fault=fault):
        refused = stack.gateway(f"/{platform}/login", ("js_code", code_of(stack, platform, "faulty")))
    assert refused.refusal == refusal
    assert refused.json["action"] == "retry"


BLOCKED = {
    UserBlocked: ((403, 4003, "user_blocked"), "none"),
    CodeInvalid: ((401, 4022, "code_invalid"), "login"),
    PlatformRefusedUs: ((502, 4017, "platform_refused_credentials"), "none"),
    PlatformReplyInvalid: ((502, 4021, "platform_reply_invalid"), "retry"),
}


@EACH
def test_a_blocked_user_is_let_in_by_none(stack: Stack, platform: str) -> None:
    with stack.faulty(platform, fault="40226"):
        refused = stack.gateway(f"/{platform}/login", ("js_code", code_of(stack, platform, "blocked")))
    assert (refused.refusal, refused.json["action"]) == BLOCKED[ROWS[platform].blocked]


@EACH
@pytest.mark.parametrize("fault", ["extra_fields", "string_errcode", "control_characters"])
def test_answers_that_are_odd_and_good(stack: Stack, platform: str, fault: str) -> None:
    with stack.faulty(platform, fault=fault):
        log_in(stack, platform, "odd")


@EACH
def test_wrong_credentials_are_the_operators_and_stay_secret(stack: Stack, platform: str) -> None:
    row = ROWS[platform]
    register(stack, platform, secret=row.other_secret)
    if "token_login" in row.has:  # the AppSecret is asked for with the next token
        revoke(stack, platform)
    try:
        refused = stack.gateway(f"/{platform}/login", ("js_code", code_of(stack, platform, "locked-out")))
    finally:
        register(stack, platform)
    assert refused.refusal == (502, 4017, "platform_refused_credentials")
    log = (stack.config.parent / "serve.log").read_text()
    for secret in (row.secret, row.keys.get("data_key", row.secret)):
        assert secret.encode() not in refused.raw
        assert secret not in log
        assert secret[100:160] not in log or len(secret) < 160


# Open data.


@each("phone_data")
def test_a_number_in_open_data_is_bound(stack: Stack, platform: str) -> None:
    state = log_in(stack, platform, "with-a-number")
    data = open_data(stack, platform, "with-a-number", "phone", phone=number(platform, 1))
    bound = stack.gateway.post_json("/v1/me/phone", data, ("user_session", state))
    assert bound.status == 200, bound.raw
    fresh = str(bound.json["user_session"])
    assert stack.gateway("/v1/me", ("user_session", fresh)).json["phone"] == f"139****{number(platform, 1)[-4:]}"


@each("phone_data")
def test_a_login_that_brings_a_number(stack: Stack, platform: str) -> None:
    code = code_of(stack, platform, "comes-with-a-number")
    data = open_data(stack, platform, "comes-with-a-number", "phone", phone=number(platform, 2))
    entered = stack.gateway.post_json("/v1/login/phone", {"code": code, "app": platform, **data})
    assert entered.status == 200, entered.raw
    state = str(entered.json["user_session"])
    assert stack.gateway("/v1/me", ("user_session", state)).json["phone"] == f"139****{number(platform, 2)[-4:]}"


@each("phone_data", "session_key")
def test_open_data_of_another_user_opens_nothing(stack: Stack, platform: str) -> None:
    log_in(stack, platform, "owner")
    state = log_in(stack, platform, "thief")
    data = open_data(stack, platform, "owner", "phone", phone=number(platform, 3))
    refused = stack.gateway.post_json("/v1/me/phone", data, ("user_session", state))
    # Who can ask whether his session_key is good tells a user who should log in again from a payload that is wrong.
    told = "session_checks" in ROWS[platform].has
    assert refused.refusal == ((400, 4000, "open_data_invalid") if told else (401, 4001, "session_key_stale"))


@each("profiles")
def test_a_profile_is_no_number(stack: Stack, platform: str) -> None:
    state = log_in(stack, platform, "no-number")
    data = open_data(stack, platform, "no-number", "userinfo")
    refused = stack.gateway.post_json("/v1/me/phone", data, ("user_session", state))
    has_numbers = "phone_data" in ROWS[platform].has
    assert refused.refusal == ((400, 4000, "open_data_invalid") if has_numbers else (404, 4004, "not_offered"))


@each("profiles")
def test_a_profile_of_another_user_logs_nobody_in(stack: Stack, platform: str) -> None:
    log_in(stack, platform, "borrowed-from")
    code = code_of(stack, platform, "borrower")
    data = open_data(stack, platform, "borrowed-from", "userinfo")
    refused = stack.gateway.post_json("/v1/login", {"code": code, "app": platform, **data})
    assert refused.refusal == (400, 4000, "open_data_invalid")


@each("profiles")
def test_a_profile_in_open_data_is_the_users(stack: Stack, platform: str) -> None:
    log_in(stack, platform, "shown")
    code = code_of(stack, platform, "shown")
    data = open_data(stack, platform, "shown", "userinfo", profile={ROWS[platform].nickname: "Lin"})
    entered = stack.gateway.post_json("/v1/login", {"code": code, "app": platform, **data})
    assert entered.status == 200, entered.raw
    state = str(entered.json["user_session"])
    assert stack.gateway("/v1/me", ("user_session", state)).json["nickname"] == "Lin"


@without("session_key")
def test_signed_data_where_there_is_no_session_key_is_not_looked_at(stack: Stack, platform: str) -> None:
    """SHA-1 over the text and an empty key is something that anybody can make."""
    body = {
        "code": code_of(stack, platform, "self-made"),
        "app": platform,
        "rawData": "{}",
        "signature": "bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f",
    }
    before = stack.exchanges(platform)
    assert stack.gateway.post_json("/v1/login", body).refusal == (404, 4004, "not_offered")
    assert stack.exchanges(platform) == before


# Calls with an access token.


@each("phone_codes")
def test_a_phone_code_is_good_once(stack: Stack, platform: str) -> None:
    state = log_in(stack, platform, "presses-the-button")
    code = made(stack, platform, "phone", "presses-the-button", phone=number(platform, 4))["code"]
    told = stack.gateway.post_json("/v1/me/phone/get", {"phone_code": code}, ("user_session", state))
    assert told.status == 200, told.raw
    assert number(platform, 4) in str(told.json)
    refused = stack.gateway.post_json("/v1/me/phone/get", {"phone_code": code}, ("user_session", state))
    assert refused.refusal == (400, 4022, "phone_code_invalid")


@each("phone_codes")
def test_an_access_token_that_is_over_is_replaced(stack: Stack, platform: str) -> None:
    state = log_in(stack, platform, "late")
    revoke(stack, platform)
    code = made(stack, platform, "phone", "late", phone=number(platform, 5))["code"]
    told = stack.gateway.post_json("/v1/me/phone/get", {"phone_code": code}, ("user_session", state))
    assert told.status == 200, told.raw


@without("phone_codes")
def test_there_are_no_phone_codes(stack: Stack, platform: str) -> None:
    state = log_in(stack, platform, "codeless")
    refused = stack.gateway.post_json("/v1/me/phone", {"phone_code": "abc"}, ("user_session", state))
    assert refused.refusal == (404, 4004, "not_offered")


@each("token_login")
def test_a_login_by_access_token_gets_one_for_all_and_another_when_it_is_refused(stack: Stack, platform: str) -> None:
    paths = [path for path, api in DIALECTS[platform].apis.items() if api in ("token", "stable_token")]

    def asked() -> int:
        apis = stack.emulator(f"/emulator/{platform}/calls").json["apis"]
        return sum(apis.get(path, 0) for path in paths)

    log_in(stack, platform, "first")
    before = asked()
    log_in(stack, platform, "second")
    assert asked() == before > 0
    revoke(stack, platform)
    exchanges = stack.exchanges(platform)
    log_in(stack, platform, "third")
    assert asked() == before + 1
    assert stack.exchanges(platform) == exchanges + 2


# What one platform has alone.


def test_an_answer_that_another_key_signed_logs_nobody_in(stack: Stack) -> None:
    register(stack, "alipay", platform_key=ROWS["alipay"].other_secret)
    try:
        refused = stack.gateway("/alipay/login", ("js_code", code_of(stack, "alipay", "forged")))
    finally:
        register(stack, "alipay")
    assert refused.refusal == (502, 4021, "platform_reply_invalid")


def test_a_number_that_alipay_did_not_sign(stack: Stack) -> None:
    state = log_in(stack, "alipay", "forger")
    data = open_data(stack, "alipay", "forger", "phone", phone=number("alipay", 6))
    other = open_data(stack, "alipay", "forger", "phone", phone=number("alipay", 7))
    for forged in ({**data, "iv": other["iv"]}, {**data, "encryptedData": other["encryptedData"]}):
        refused = stack.gateway.post_json("/v1/me/phone", forged, ("user_session", state))
        assert refused.refusal == (400, 4000, "open_data_invalid")


def test_a_device_is_somebody_else_than_who_logs_in_on_it(stack: Stack) -> None:
    code = made(stack, "douyin", "login", "guest", anonymous=True)["anonymous_code"]
    assert stack.gateway("/douyin/login", ("js_code", code)).refusal == (401, 4022, "code_invalid")
    device = stack.gateway("/douyin/login", ("js_code", f"anonymous:{code}"))
    assert device.status == 200
    assert device.identity["x-menshen-openid"].startswith("anonymous:_000")
    user = stack.gateway("/douyin/login", ("js_code", code_of(stack, "douyin", "guest")))
    assert user.identity["x-menshen-user"] != device.identity["x-menshen-user"]
    plain = code_of(stack, "douyin", "guest")
    refused = stack.gateway("/douyin/login", ("js_code", f"anonymous:{plain}"))
    assert refused.refusal == (401, 4022, "code_invalid")


def test_a_member_of_another_corp_is_let_in_by_nobody(stack: Stack) -> None:
    """His userid may well be one of ours."""
    log_in(stack, "wecom", "holder")
    register(stack, "wecom", platform_key="ww0123456789abcdee")
    try:
        refused = stack.gateway("/wecom/login", ("js_code", code_of(stack, "wecom", "holder")))
    finally:
        register(stack, "wecom")
    assert (refused.refusal, refused.json["action"]) == ((403, 4003, "user_blocked"), "none")


def test_an_address_that_is_not_on_wecoms_list_is_the_operators(stack: Stack) -> None:
    revoke(stack, "wecom")
    with stack.faulty("wecom", fault="40164", api="token"):
        refused = stack.gateway("/wecom/login", ("js_code", code_of(stack, "wecom", "shut-out")))
    assert refused.refusal == (502, 4017, "platform_refused_credentials")


def test_what_wecoms_errors_say_of_this_machine_is_in_no_log(stack: Stack) -> None:
    log = stack.config.parent / "serve.log"
    before = len(log.read_text())
    refused = stack.gateway("/wecom/login", ("js_code", "1" * 32))
    assert refused.refusal == (401, 4022, "code_invalid")
    log_in(stack, "wecom", "the-next-line")
    said = log.read_text()[before:]
    assert "40029" in said
    for trail in ("hint:", "from ip", "more info"):
        assert trail not in said
        assert trail.encode() not in refused.raw


def test_the_users_own_tokens_that_come_with_a_feishu_login_go_nowhere(stack: Stack) -> None:
    reply = stack.gateway("/feishu/login", ("js_code", code_of(stack, "feishu", "private")))
    assert reply.status == 200
    kept = {path.name: path.read_bytes() for path in stack.config.parent.rglob("*") if path.is_file()}
    assert any(reply.identity["x-menshen-openid"].encode() in content for content in kept.values()), list(kept)
    for own in USERS_OWN.values():
        assert own.encode() not in reply.raw
        assert not [name for name, content in kept.items() if own.encode() in content]


def test_feishus_open_data_has_a_gender_in_words_and_ends_with_its_day(stack: Stack) -> None:
    def login(**more: Any) -> Any:
        code = code_of(stack, "feishu", "worded")
        data = open_data(stack, "feishu", "worded", "userinfo", **more)
        return stack.gateway.post_json("/v1/login", {"code": code, "app": "feishu", **data})

    state = str(login(profile={"gender": "female"}).json["user_session"])
    assert stack.gateway("/v1/me", ("user_session", state)).json["gender"] == 2
    assert login(watermark={"timestamp": 1_500_000_000}).refusal == (400, 4000, "open_data_invalid")


def test_feishus_signed_data_is_believed_where_its_signature_is_of_this_users_key(stack: Stack) -> None:
    def login(user: str, **sent: str) -> Any:
        body = {"code": code_of(stack, "feishu", user), "app": "feishu", **sent}
        return stack.gateway.post_json("/v1/login", body)

    log_in(stack, "feishu", "signed")
    told = made(stack, "feishu", "open-data", "signed", kind="userinfo", profile={"nickName": "老李", "gender": "male"})
    sent = {name: told[name] for name in ("rawData", "signature")}
    state = str(login("signed", **sent).json["user_session"])
    me = stack.gateway("/v1/me", ("user_session", state)).json
    assert (me["nickname"], me["gender"]) == ("老李", 1)
    for refused in (
        login("unsigned", **sent),
        login("signed", **sent | {"rawData": sent["rawData"].replace("老李", "老王")}),
        login("signed", **sent | {"signature": "0" * 40}),
    ):
        assert refused.refusal == (400, 4000, "open_data_invalid")


def test_open_data_for_dingtalk_which_has_none_spends_no_code(stack: Stack) -> None:
    data = {"encryptedData": "A" * 64, "iv": "A" * 22 + "=="}
    code, before = code_of(stack, "dingtalk", "plain"), stack.exchanges("dingtalk")
    for path in ("/v1/login", "/v1/login/phone"):
        refused = stack.gateway.post_json(path, {"code": code, "app": "dingtalk", **data})
        assert refused.refusal == (404, 4004, "not_offered")
    assert stack.exchanges("dingtalk") == before
    login = stack.gateway("/dingtalk/login", ("js_code", code))
    assert login.status == 200
    state = login.headers["user_session"]
    assert stack.gateway.post_json("/v1/me/phone", data, ("user_session", state)).refusal == (404, 4004, "not_offered")
