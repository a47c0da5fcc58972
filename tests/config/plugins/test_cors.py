"""What an operator may write about pages of other origins."""

from __future__ import annotations

from typing import Any

import pytest

from menshen.config.route_rules import CorsRules
from tests.config.samples import load, sound, the_problem

SHOP = "https://shop.example.com"


def document(**keys: Any) -> dict[str, Any]:
    raw = sound()
    raw["plugins"].append({"name": "pages", "type": "Cors", "origins": [SHOP], **keys})
    raw["bindings"].append({"plugin": "pages", "group": "open"})
    return raw


def rules(raw: dict[str, Any]) -> CorsRules:
    (found,) = (route.cors for route in load(raw).snapshot.routes if route.cors is not None)
    return found


def test_the_least_that_can_be_written() -> None:
    assert rules(document()) == CorsRules(
        "pages", (SHOP,), ("GET", "HEAD", "POST"), ("content-type",), (), credentials=False, max_age=600
    )


@pytest.mark.parametrize("origin", ["http://localhost:5173", "http://127.0.0.1:8080", "https://[::1]:8443", "*"])
def test_origins(origin: str) -> None:
    assert rules(document(origins=[origin])).origins == (origin,)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "shop.example.com",
        "https://shop.example.com/",
        "https://shop.example.com/a",
        "https://SHOP.example.com",
        "https://shop.example.com:443",
        "http://shop.example.com:80",
        "https://*.example.com",
        "https://a@shop.example.com",
        "https://shop.example.com:0",
        "https://shop.example.com:x",
        "ftp://shop.example.com",
        "wss://shop.example.com",
        "https://",
        "",
    ],
)
def test_what_no_browser_sends_as_an_origin(origin: str) -> None:
    assert the_problem(document(origins=[origin])).path == "plugins[2].origins[0]"


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ({"origins": []}, "plugins[2].origins"),
        ({"origins": ["*", SHOP]}, "plugins[2]"),
        ({"origins": ["*"], "credentials": True}, "plugins[2]"),
        ({"methods": []}, "plugins[2].methods"),
        ({"methods": ["get"]}, "plugins[2].methods[0]"),
        ({"request_headers": ["*"]}, "plugins[2].request_headers[0]"),
        ({"expose_headers": ["*"]}, "plugins[2].expose_headers[0]"),
        ({"request_headers": ["a, b"]}, "plugins[2].request_headers[0]"),
        ({"max_age": 86_401}, "plugins[2].max_age"),
        ({"max_age": -1}, "plugins[2].max_age"),
    ],
)
def test_what_cannot_be_written(keys: dict[str, Any], path: str) -> None:
    assert the_problem(document(**keys)).path == path


def test_the_apis_own_beats_its_groups() -> None:
    raw = document()
    raw["plugins"].append({"name": "wide", "type": "Cors", "origins": ["*"]})
    raw["bindings"].append({"plugin": "wide", "api": "open/news"})
    assert rules(raw).plugin == "wide"
