"""Keys of an installation: whole, fitting, and not too old."""

from __future__ import annotations

import base64
import os
import time
from pathlib import Path

import pytest

from menshen.doctor.keys import CHECK
from menshen.sessions import rotation
from menshen.sessions.keys import load_key_rings
from tests.doctor.installed import document, install, later, looked_at, place, troubles

DAY = 86_400
TEXT = document()


def test_a_new_installation_is_well(directory: Path) -> None:
    (finding,) = looked_at(CHECK, install(directory, TEXT))
    assert finding.found.en == "4 keys, the master key opens all 1 sealed secrets"


def test_no_key_is_made_by_looking(directory: Path) -> None:
    assert troubles(CHECK, place(directory)) == []
    assert list(directory.iterdir()) == []


def test_another_master_key(directory: Path) -> None:
    where = install(directory, TEXT)
    (directory / "master.key").write_bytes(base64.b64encode(os.urandom(32)))
    assert troubles(CHECK, where) == ["master_key_wrong"]


def test_no_master_key(directory: Path) -> None:
    where = install(directory, TEXT)
    (directory / "master.key").unlink()
    assert troubles(CHECK, where) == ["master_key_missing"]
    assert not (directory / "master.key").exists()


def test_a_master_key_that_is_none(directory: Path) -> None:
    where = install(directory, TEXT)
    (directory / "master.key").write_text("short")
    assert troubles(CHECK, where) == ["keys_broken"]


@pytest.mark.parametrize("content", ["", "{}", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "AAAA", "kid": "1"}]}'])
def test_a_ring_that_is_none(directory: Path, content: str) -> None:
    where = install(directory)
    (directory / "keys/session-sealed.json").write_text(content)
    assert troubles(CHECK, where) == ["keys_broken"]


def test_a_ring_that_others_can_read(directory: Path) -> None:
    where = install(directory)
    (directory / "keys/refresh.json").chmod(0o644)
    assert troubles(CHECK, where) == ["keys_broken"]


def test_old_keys(directory: Path) -> None:
    where = install(directory)
    assert troubles(CHECK, later(where, 190 * DAY)) == []
    findings = looked_at(CHECK, later(where, 201 * DAY))
    assert [finding.trouble for finding in findings] == ["key_old"] * 4
    assert findings[0].advice is not None
    assert findings[0].advice.en == "Run menshen keys rotate sealed; nobody is logged out."


def test_a_key_that_is_of_no_more_use(directory: Path) -> None:
    """Login states of the document live for two hours; the key that made them goes a day after the last has ended."""
    where = install(directory, TEXT)
    (old, *_) = [key.kid for key in rotation.listed(directory / "keys") if key.purpose == "sealed"]
    rotation.rotate(directory / "keys", "sealed", time.time())
    assert troubles(CHECK, later(where, DAY)) == []
    (finding,) = looked_at(CHECK, later(where, DAY + 2 * 3600 + 60))
    assert finding.trouble == "key_spent"
    assert finding.advice is not None
    assert finding.advice.en == f"Run menshen keys retire {old}."


def test_no_key_is_shown(directory: Path) -> None:
    where = install(directory, TEXT)
    rings = load_key_rings(directory / "keys")
    said = repr(looked_at(CHECK, later(where, 300 * DAY)))
    assert rings.sealed not in said
    assert (directory / "master.key").read_text().strip() not in said
