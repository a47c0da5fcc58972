"""What is installed is what the lock says, and the lock names no registry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.published.install import HERE


@pytest.mark.parametrize("name", ["wafer2-client-sdk", "authing-wxapp-sdk"])
def test_a_client_is_there_in_the_version_that_its_users_have(name: str, published: Path) -> None:
    wanted = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"][name]
    assert json.loads((published / name / "package.json").read_text(encoding="utf-8"))["version"] == wanted


def test_the_lock_holds_every_packages_hash_and_no_address() -> None:
    packages = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert "integrity" in package or not name, name
