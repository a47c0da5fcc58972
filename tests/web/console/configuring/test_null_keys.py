"""A key that may be left out may be null as well: it means the same, and no page stumbles over it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from menshen.config.document import Document
from menshen.config.loading import read_mapping
from menshen.documents.configuration import Configuration
from menshen.platforms.registry import APP_KEYS, PLATFORM_OF_PLUGIN, PLATFORMS
from tests.documents.samples import ENV, full
from tests.web.console.browsing import Browser
from tests.web.console.configuring.stage import configuring, fields_in, pairs_in

KEYS: dict[str, tuple[str, ...]] = {
    "apps/0": ("data_key", "api_security", "component"),
    "upstreams/0": ("max_requests", "health_check", "tls"),
    "groups/0/apis/0": ("methods", "access"),
    "plugins/0": ("preset", "account", "open_data", "reply", "refusals"),
    "plugins/0/session": ("idle", "renew_before", "max_sessions", "refresh"),
    "plugins/1/keys/0": ("expires",),
    "users/limits": ("ip", "user", "app"),
    "users/accounts": ("verifier",),
    "users": ("sms", "captcha"),
    "bindings/0": ("api",),
    "listener": ("tls",),
    "": ("tracing",),
}
"""Place -> its keys that may be null."""

PAGES = [
    "apps/shop",
    "upstreams/orders",
    "groups/mall/edit",
    "groups/mall/apis/login",
    "plugins/shop-login",
    "plugins/partner-keys",
    "settings/listener",
    "settings/tracing",
    "settings/users",
]


def nulls(document: dict[str, Any], only: str | None = None) -> dict[str, Any]:
    """The document with null for these keys at one place, or at all of them."""
    raw = copy.deepcopy(document)
    for place, keys in KEYS.items():
        if only is None or place == only:
            found: Any = raw
            for step in filter(None, place.split("/")):
                found = found[int(step)] if isinstance(found, list) else found.setdefault(step, {})
            found.update(dict.fromkeys(keys))
    return raw


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


def read(raw: dict[str, Any]) -> Document:
    """As a running node reads it."""
    return read_mapping(raw, env=ENV, plugin_types=PLATFORM_OF_PLUGIN, platforms=PLATFORMS, app_keys=APP_KEYS).document


@pytest.mark.parametrize("place", KEYS)
def test_null_means_what_leaving_the_key_out_means(place: str) -> None:
    raw = nulls(full(), place)
    assert read(raw) == read(without_nulls(raw))


@pytest.mark.parametrize("page", PAGES)
def test_a_form_of_what_has_nulls_shows_and_saves(tmp_path: Path, page: str) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        before = (await configuration.current()).document
        shown = await browser.get(f"/console/{page}")
        assert shown.status == 200
        got = await browser.post(f"/console/{page}", pairs_in(shown))
        assert got.status == 303, got.words()
        assert without_nulls((await configuration.current()).document) == without_nulls(before)

    configuring(tmp_path, work, document=nulls(full()))


def test_an_app_whose_key_is_null_is_changed_and_has_no_key_that_is_set(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        shown = await browser.get("/console/apps/shop")
        assert (await browser.post("/console/apps/shop", fields_in(shown) | {"description": "x"})).status == 303
        app = (await configuration.current()).document["apps"][0]
        assert (app["description"], app.get("data_key")) == ("x", None)

    configuring(tmp_path, work, document=nulls(full(), "apps/0"))
