"""The admin address answers under its address, names without a dot, and the one name that it was given."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from menshen.web.hosts import is_origin, known_hosts_only


def asked(host: str | None, path: str = "/console/", origin: str = "", *more: tuple[bytes, bytes]) -> int:
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [*([(b"host", host.encode("latin-1"))] if host is not None else []), *more]
    scope = {"type": "http", "path": path, "headers": headers}
    asyncio.run(known_hosts_only(app, origin)(scope, app, send))
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8081", "127.0.0.1", "[::1]:8081", "10.0.0.7:8081", "localhost:8081", "LOCALHOST", "menshen:8081"],
)
def test_addresses_and_names_without_a_dot_are_answered(host: str) -> None:
    assert asked(host) == 200


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "evil.example:8081",
        "127.0.0.1.evil.example:8081",
        "localhost.evil.example",
        "evil.example.",
        "user@127.0.0.1",
        "127.0.0.1:x",
        "127.0.0.1/evil.example",
        "127.0.0.1#.evil.example",
        "[::1",
        "[evil.example]",
        "console.example.com",
        "\xe9vil.example",
    ],
)
def test_class_50_a_name_that_somebody_may_have_made_is_not(host: str | None) -> None:
    assert asked(host) == 421
    assert asked(host, "/v1/openapi.json") == 421
    assert asked(host, "/metrics") == 421
    assert asked(host, "/.well-known/jwks.json") == asked(host, "/readyz") == 200
    assert asked(host, "/v1/config", "", (b"authorization", b"Bearer x")) == 200
    assert asked(host, "/v1/config", "", (b"authorization", b"Basic x")) == 421


def test_class_50_two_names_are_none() -> None:
    assert asked("127.0.0.1", "/console/", "", (b"host", b"evil.example")) == 421


def test_the_name_that_operators_open_is_answered() -> None:
    assert asked("console.example.com", origin="https://console.example.com") == 200
    assert asked("console.example.com:8443", origin="https://console.example.com") == 200
    assert asked("a.console.example.com", origin="https://console.example.com") == 421


@pytest.mark.parametrize("text", ["https://console.example.com", "http://127.0.0.1:8081", "https://[::1]:8443"])
def test_an_origin_is_scheme_host_and_port(text: str) -> None:
    assert is_origin(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "console.example.com",
        "https://",
        "https://x/",
        "https://x/console",
        "https://x:443",
        "http://x:80",
        "https://x:y",
        "ftp://x",
        "https://u@x",
        "https://X.example",
        "https://x?",
    ],
)
def test_what_is_more_or_less_is_none(text: str) -> None:
    assert not is_origin(text)
