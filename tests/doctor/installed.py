"""A real installation in a directory, as ``menshen serve`` leaves it, and one check of it."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from menshen.config.snapshot import Endpoint
from menshen.doctor.finding import Check, Finding
from menshen.doctor.installation import Place, found
from menshen.node.data_directory import open_documents
from menshen.sessions.keys import load_key_rings
from tests.edge.conftest import APPID, SECRET
from tests.ports import free_port

PLANTED = SECRET
"""The AppSecret of every document here that is right."""


def document(emulator: str = "http://127.0.0.1:9", backend: str = "127.0.0.1:9") -> str:
    """One app, one upstream, one API, and the plugin bound to it."""
    return f"""\
version: 1
apps:
  - {{name: shop, platform: wechat, appid: {APPID}, secret: "{SECRET}", base_url: "{emulator}/wechat"}}
upstreams:
  - {{name: orders, endpoints: ["{backend}"]}}
groups:
  - {{name: mall, prefix: /mall, upstream: orders, apis: [{{name: login, path: /login}}]}}
plugins:
  - {{name: shop-login, type: WeChatMpLogin, app: shop}}
bindings:
  - {{plugin: shop-login, group: mall}}
"""


def install(directory: Path, text: str = "", env: Mapping[str, str] | None = None) -> Place:
    """Keys, master key, admin token, database and, where one is given, an active revision; and where to look."""

    async def made() -> None:
        async with open_documents(directory) as documents:
            if text:
                await documents.apply(text, author="test")

    directory.mkdir(mode=0o700, exist_ok=True)
    before = os.umask(0o077)
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            asyncio.run(made())
        load_key_rings(directory / "keys")
        (directory / "admin.token").write_text("a-token-of-the-test-that-is-long-enough\n")
    finally:
        os.umask(before)
    return place(directory, env=env)


def place(directory: Path, *, env: Mapping[str, str] | None = None, text: str | None = None) -> Place:
    return Place(
        data_dir=directory,
        listen=Endpoint("127.0.0.1", free_port()),
        admin=Endpoint("127.0.0.1", free_port()),
        env={name: os.environ[name] for name in ("MENSHEN_DATABASE_URL",) if name in os.environ} | dict(env or {}),
        clock=time.time,
        text=text,
    )


def looked_at(check: Check, where: Place, subject: str = "") -> list[Finding]:
    """What one check finds."""

    async def run() -> list[Finding]:
        async with found(where) as installation:
            return list(await check.run(installation, subject))

    findings = asyncio.run(run())
    assert PLANTED not in repr(findings)
    declared = {trouble.name for trouble in check.troubles}
    assert {each.trouble for each in findings if each.trouble} <= declared
    return findings


def troubles(check: Check, where: Place, subject: str = "") -> list[str]:
    """The names of what is wrong; [] where all is well."""
    findings = looked_at(check, where, subject)
    assert all((each.status == "ok") == (each.trouble == "") == (each.advice is None) for each in findings)
    return [each.trouble for each in findings if each.trouble]


def later(where: Place, seconds: float) -> Place:
    """The same installation, looked at by a machine whose clock is so far ahead."""
    return replace(where, clock=lambda: time.time() + seconds)


@contextmanager
def listening() -> Iterator[int]:
    """A port where connections are taken and nobody ever says anything."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield int(server.getsockname()[1])
