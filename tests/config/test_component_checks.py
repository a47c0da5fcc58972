"""Third-party platforms in a document: what an app that logs in by one may have, and what becomes of its secrets."""

from __future__ import annotations

from typing import Any

import pytest

from menshen.config.loading import Loaded, read_mapping
from menshen.config.sealing import map_secrets
from menshen.config.snapshot import decode_snapshot, encode_snapshot
from menshen.documents.masking import MASK, keep_secrets, mask
from menshen.errors import ConfigInvalid
from menshen.platforms.registry import APP_KEYS, PLATFORM_OF_PLUGIN, PLATFORMS, adapter_of
from menshen.secret import Secret

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
PROVIDER = {
    "name": "provider",
    "appid": "wx00000000000000c1",
    "secret": "planted-component-secret",
    "token": "planted-message-token",
    "message_key": KEY,
}
SHOP = {"name": "shop", "platform": "wechat", "appid": "wx01", "component": "provider"}


def load(app: dict[str, Any] | None = None, **more: Any) -> Loaded:
    raw = {"version": 1, "components": [PROVIDER], "apps": [app or SHOP], **more}
    return read_mapping(raw, env={}, plugin_types=PLATFORM_OF_PLUGIN, platforms=PLATFORMS, app_keys=APP_KEYS)


def problems(app: dict[str, Any] | None = None, **more: Any) -> dict[str, str]:
    with pytest.raises(ConfigInvalid) as refused:
        load(app, **more)
    return {problem.path: problem.message for problem in refused.value.problems}


def test_an_app_of_a_component_has_all_of_it() -> None:
    snapshot = load(components=[{**PROVIDER, "base_url": "http://127.0.0.1:8082/wechat"}]).snapshot
    (app,) = snapshot.apps
    assert app.component == snapshot.components[0]
    assert (app.secret, app.base_url) == (Secret(""), "http://127.0.0.1:8082/wechat")
    assert set(app.secrets) == {Secret(PROVIDER[name]) for name in ("secret", "token", "message_key")}
    assert adapter_of(app) is not PLATFORMS["wechat"]


def test_workers_get_it_whole() -> None:
    snapshot = load().snapshot
    assert decode_snapshot(encode_snapshot(snapshot)) == snapshot


def test_an_app_has_a_secret_or_a_component() -> None:
    neither = {name: SHOP[name] for name in ("name", "platform", "appid")}
    assert problems(neither) == {"apps[0].secret": "this key is required"}
    assert list(problems({**SHOP, "secret": "planted-appsecret"})) == ["apps[0].secret"]


def test_only_wechat_has_components() -> None:
    assert list(problems({**SHOP, "platform": "qq"})) == ["apps[0].component"]


def test_a_component_that_is_not_there() -> None:
    assert problems({**SHOP, "component": "nobody"}) == {"apps[0].component": "no component is named 'nobody'"}


def test_no_app_says_where_the_components_access_token_goes() -> None:
    assert list(problems({**SHOP, "base_url": "https://elsewhere.example"})) == ["apps[0].base_url"]


def test_a_component_twice() -> None:
    assert list(problems(components=[PROVIDER, PROVIDER])) == ["components[1].name", "components[1].appid"]


def test_without_a_client_api_no_ticket_can_come() -> None:
    assert list(problems(listener={"client_api": ""})) == ["listener.client_api"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("message_key", KEY[:-1]), ("message_key", KEY[:-1] + "="), ("token", "with space"), ("token", "x" * 65)],
)
def test_a_key_of_another_form(key: str, value: str) -> None:
    found = problems(components=[{**PROVIDER, key: value}])
    assert list(found) == [f"components[0].{key}"]
    assert value not in str(found)


def test_its_three_secrets_are_sealed_and_masked() -> None:
    raw = {"components": [PROVIDER]}
    hidden = {**PROVIDER, "secret": MASK, "token": MASK, "message_key": MASK}
    assert mask(raw) == {"components": [hidden]}
    assert map_secrets(raw, lambda _: MASK) == {"components": [hidden]}
    assert keep_secrets({"components": [hidden]}, raw).raw == raw


@pytest.mark.parametrize("key", ["appid", "base_url"])
def test_a_kept_secret_goes_nowhere_else(key: str) -> None:
    moved = {**PROVIDER, "secret": MASK, key: "https://elsewhere.example"}
    paths = [problem.path for problem in keep_secrets({"components": [moved]}, {"components": [PROVIDER]}).problems]
    assert "components[0].secret" in paths


def test_an_app_that_goes_over_to_a_component_loses_its_secret() -> None:
    old = {"apps": [{"name": "shop", "platform": "wechat", "appid": "wx01", "secret": "planted-appsecret"}]}
    assert keep_secrets({"apps": [SHOP]}, old).raw == {"apps": [SHOP]}
