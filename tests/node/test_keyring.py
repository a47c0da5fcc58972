"""The key files as a node follows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from menshen.errors import KeyRingInvalid
from menshen.node.keyring import KeyFiles
from menshen.sessions.rotation import rotate


def test_a_rotation_is_seen_once(tmp_path: Path) -> None:
    files = KeyFiles(tmp_path)
    before = files.load()
    files.changed()
    assert files.changed() is None
    rotate(tmp_path, "signed", 1_800_000_000)
    after = files.changed()
    assert after is not None
    assert after.signed != before.signed
    assert after.sealed == before.sealed
    assert files.changed() is None


def test_a_broken_file_is_told_once_and_its_repair_is_seen(tmp_path: Path) -> None:
    files = KeyFiles(tmp_path)
    rings = files.load()
    files.changed()
    file = tmp_path / "refresh.json"
    good = file.read_text()
    file.write_text("{}")
    with pytest.raises(KeyRingInvalid):
        files.changed()
    assert files.changed() is None
    file.write_text(good + "\n")
    repaired = files.changed()
    assert repaired is not None
    assert repaired.sealed == rings.sealed


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    files = KeyFiles(tmp_path)
    files.load()
    files.changed()
    (tmp_path / "assertion.json").rename(tmp_path / "x")
    (tmp_path / "x").chmod(0o644)
    (tmp_path / "x").rename(tmp_path / "assertion.json")
    (tmp_path / "assertion.json").touch()
    with pytest.raises(KeyRingInvalid):
        files.changed()
