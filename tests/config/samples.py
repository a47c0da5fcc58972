"""A sound document to spoil, and how to read it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from menshen.config.loading import Loaded, read_mapping
from menshen.errors import ConfigInvalid, Problem
from menshen.platforms.registry import PLATFORM_OF_PLUGIN

PLUGIN_TYPES = dict(PLATFORM_OF_PLUGIN)
PLATFORMS = frozenset(PLATFORM_OF_PLUGIN.values())
ENV = {"SHOP_APPSECRET": "0123456789abcdef0123456789abcdef"}

_SOUND: dict[str, Any] = {
    "version": 1,
    "apps": [
        {"name": "shop", "platform": "wechat", "appid": "wx4f4bc4dec97d474b", "secret": "${SHOP_APPSECRET}"},
        {"name": "game", "platform": "qq", "appid": "1109999999", "secret": "qq-secret"},
    ],
    "upstreams": [{"name": "orders", "endpoints": ["127.0.0.1:9001"]}],
    "groups": [
        {
            "name": "mall",
            "hosts": ["*"],
            "prefix": "/mall",
            "upstream": "orders",
            "apis": [
                {"name": "login", "path": "/login"},
                {"name": "order", "path": "/orders/{id}", "methods": ["GET", "POST"]},
                {"name": "assets", "path": "/static/*", "access": "public"},
            ],
        },
        {
            "name": "open",
            "hosts": ["*"],
            "prefix": "/open",
            "upstream": "orders",
            "apis": [{"name": "news", "path": "/*"}],
        },
    ],
    "plugins": [
        {"name": "shop-login", "type": "WeChatMpLogin", "app": "shop"},
        {"name": "game-login", "type": "QQMPLogin", "app": "game"},
    ],
    "bindings": [{"plugin": "shop-login", "group": "mall"}],
}


def sound(**changes: Any) -> dict[str, Any]:
    """The sound document; each change is ``groups__0__prefix="/x"``, a place with ``__`` between its steps.

    The value ``...`` removes the key; an index after the last appends.
    """
    raw = copy.deepcopy(_SOUND)
    for place, value in changes.items():
        put(raw, place.split("__"), value)
    return raw


def plugin(**keys: Any) -> dict[str, Any]:
    """The sound document with other keys on its first plugin."""
    return sound(plugins__0={"name": "shop-login", "type": "WeChatMpLogin", "app": "shop", **keys})


def put(raw: Any, steps: list[str], value: Any) -> None:
    at = raw
    for step in steps[:-1]:
        at = at[int(step)] if isinstance(at, list) else at.setdefault(step, {})
    last = steps[-1]
    if isinstance(at, list):
        at[int(last) : int(last) + 1] = [value]
    elif value is ...:
        del at[last]
    else:
        at[last] = value


def load(raw: Mapping[str, Any]) -> Loaded:
    return read_mapping(raw, env=ENV, plugin_types=PLUGIN_TYPES, platforms=PLATFORMS)


def problems(raw: Mapping[str, Any]) -> tuple[Problem, ...]:
    with pytest.raises(ConfigInvalid) as caught:
        load(raw)
    assert all(problem.message and problem.message_zh for problem in caught.value.problems)
    return caught.value.problems


def the_problem(raw: Mapping[str, Any]) -> Problem:
    found = problems(raw)
    assert len(found) == 1, found
    return found[0]
