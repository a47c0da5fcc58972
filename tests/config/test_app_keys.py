"""The keys of an app beside AppID and AppSecret, as the platforms of the installation have them."""

from __future__ import annotations

from typing import Any

import pytest

from menshen.config.loading import Loaded, read_mapping
from menshen.config.sealing import map_secrets
from menshen.errors import ConfigInvalid
from menshen.platforms.registry import APP_KEYS, PLATFORM_OF_PLUGIN, PLATFORMS
from tests.platforms.api_security import SYMMETRIC_KEY, certificate_text
from tests.platforms.app_keys import AES_KEY, private_text, public_text

ALIPAY = {
    "name": "tickets",
    "platform": "alipay",
    "appid": "2021000000000001",
    "secret": private_text("app"),
    "platform_key": public_text("platform"),
    "data_key": AES_KEY,
}
DOUYIN = {"name": "clips", "platform": "douyin", "appid": "tt01", "secret": "any", "data_key": private_text("data")}
WECOM = {
    "name": "desk",
    "platform": "wecom",
    "appid": "wx02",
    "secret": "any",
    "platform_key": "ww0123456789abcdef",
}
WECHAT = {"name": "shop", "platform": "wechat", "appid": "wx01", "secret": "any"}

SECURITY = {
    "symmetric_key": SYMMETRIC_KEY,
    "symmetric_key_sn": "5f" * 16,
    "private_key": private_text("app"),
    "platform_certificate": certificate_text("platform"),
    "platform_certificate_sn": "79" * 16,
}
SECURED = {**WECHAT, "api_security": SECURITY}


def load(app: dict[str, Any], **env: str) -> Loaded:
    raw = {"version": 1, "apps": [app]}
    return read_mapping(raw, env=env, plugin_types=PLATFORM_OF_PLUGIN, platforms=PLATFORMS, app_keys=APP_KEYS)


def without(app: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in app.items() if name not in names}


@pytest.mark.parametrize(
    "app", [ALIPAY, without(ALIPAY, "data_key"), DOUYIN, without(DOUYIN, "data_key"), WECOM, WECHAT, SECURED]
)
def test_what_a_platform_needs_is_enough(app: dict[str, Any]) -> None:
    (made,) = load(app).snapshot.apps
    assert made.platform_key == app.get("platform_key", "")
    assert made.data_key.reveal() == app.get("data_key", "")


@pytest.mark.parametrize(
    ("app", "key"),
    [
        (without(ALIPAY, "platform_key"), "platform_key"),
        ({**ALIPAY, "platform_key": private_text("app")}, "platform_key"),
        ({**ALIPAY, "secret": "an-appsecret-of-another-platform"}, "secret"),
        ({**ALIPAY, "secret": public_text("app")}, "secret"),
        ({**ALIPAY, "data_key": private_text("app")}, "data_key"),
        ({**DOUYIN, "data_key": AES_KEY}, "data_key"),
        ({**DOUYIN, "platform_key": public_text("platform")}, "platform_key"),
        (without(WECOM, "platform_key"), "platform_key"),
        ({**WECOM, "platform_key": "the-secret-of-the-linked-app"}, "platform_key"),
        ({**WECOM, "platform_key": public_text("platform")}, "platform_key"),
        ({**WECOM, "data_key": AES_KEY}, "data_key"),
        ({**WECHAT, "platform_key": public_text("platform")}, "platform_key"),
        ({**WECHAT, "data_key": AES_KEY}, "data_key"),
    ],
)
def test_what_is_no_such_key_or_not_the_platforms_is_a_problem(app: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        load(app)
    assert [problem.path for problem in caught.value.problems] == [f"apps[0].{key}"]
    (problem,) = caught.value.problems
    assert problem.message
    assert problem.message_zh
    assert str(app[key])[:24] not in problem.message if key in app else True


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"symmetric_key": AES_KEY}, "symmetric_key"),
        ({"private_key": public_text("app")}, "private_key"),
        ({"platform_certificate": public_text("platform")}, "platform_certificate"),
        ({"platform_certificate_sn": "79|80"}, "platform_certificate_sn"),
        ({"symmetric_key_sn": "5f\n"}, "symmetric_key_sn"),
    ],
)
def test_a_key_of_api_security_that_is_none_is_a_problem(change: dict[str, str], key: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        load({**WECHAT, "api_security": {**SECURITY, **change}})
    assert [problem.path for problem in caught.value.problems] == [f"apps[0].api_security.{key}"]


@pytest.mark.parametrize("name", SECURITY)
def test_of_api_security_every_key_is_needed(name: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        load({**WECHAT, "api_security": without(SECURITY, name)})
    assert [problem.path for problem in caught.value.problems] == [f"apps[0].api_security.{name}"]


@pytest.mark.parametrize("app", [ALIPAY, DOUYIN])
def test_another_platform_has_no_api_security(app: dict[str, Any]) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        load({**app, "api_security": SECURITY})
    (problem,) = caught.value.problems
    assert problem.path == "apps[0].api_security"


def test_the_keys_of_api_security_reach_the_gateway() -> None:
    named = {**SECURITY, "symmetric_key": "${A}", "private_key": "${B}", "platform_certificate": "${C}"}
    env = {"A": SYMMETRIC_KEY, "B": SECURITY["private_key"], "C": SECURITY["platform_certificate"]}
    (made,) = load({**WECHAT, "api_security": named}, **env).snapshot.apps
    assert made.api_security is not None
    assert made.api_security.symmetric_key.reveal() == SYMMETRIC_KEY
    assert made.api_security.private_key.reveal() == SECURITY["private_key"]
    assert made.api_security.platform_certificate == SECURITY["platform_certificate"]
    assert made.api_security.symmetric_key_sn == "5f" * 16
    assert made.api_security.platform_certificate_sn == "79" * 16


def test_the_keys_of_api_security_that_are_secrets() -> None:
    seen: list[str] = []
    map_secrets({"apps": [SECURED]}, lambda text: seen.append(text) or "sealed")
    assert seen == ["any", SYMMETRIC_KEY, SECURITY["private_key"]]
    assert SYMMETRIC_KEY not in repr(load(SECURED))


def test_every_key_may_come_from_the_environment() -> None:
    named = {"secret": "${A}", "platform_key": "${B}", "data_key": "${C}"}
    env = {"A": ALIPAY["secret"], "B": ALIPAY["platform_key"], "C": AES_KEY}
    (made,) = load({**ALIPAY, **named}, **env).snapshot.apps
    assert made.secret.reveal() == ALIPAY["secret"]


def test_a_key_that_opens_numbers_is_a_secret() -> None:
    """Sealed at rest, masked for whoever reads the document, and in no repr."""
    seen: list[str] = []

    def seal(text: str) -> str:
        seen.append(text)
        return "sealed"

    sealed = map_secrets({"apps": [ALIPAY]}, seal)
    assert seen == [ALIPAY["secret"], AES_KEY]
    assert sealed["apps"][0]["data_key"] == "sealed"
    assert sealed["apps"][0]["platform_key"] == ALIPAY["platform_key"]
    assert AES_KEY not in repr(load(ALIPAY))
