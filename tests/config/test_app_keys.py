"""The keys of an app beside AppID and AppSecret, as the platforms of the installation have them."""

from __future__ import annotations

from typing import Any

import pytest

from menshen.config.loading import Loaded, read_mapping
from menshen.config.sealing import map_secrets
from menshen.errors import ConfigInvalid
from menshen.platforms.registry import APP_KEYS, PLATFORM_OF_PLUGIN, PLATFORMS
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
WECHAT = {"name": "shop", "platform": "wechat", "appid": "wx01", "secret": "any"}


def load(app: dict[str, Any], **env: str) -> Loaded:
    raw = {"version": 1, "apps": [app]}
    return read_mapping(raw, env=env, plugin_types=PLATFORM_OF_PLUGIN, platforms=PLATFORMS, app_keys=APP_KEYS)


def without(app: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in app.items() if name not in names}


@pytest.mark.parametrize("app", [ALIPAY, without(ALIPAY, "data_key"), DOUYIN, without(DOUYIN, "data_key"), WECHAT])
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
