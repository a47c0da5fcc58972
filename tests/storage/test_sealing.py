"""Secrets at rest: opened by the same master key, purpose and context, and by nothing else."""

from __future__ import annotations

import base64
import secrets
import stat
from pathlib import Path

import pytest

from menshen.errors import KeyRingInvalid
from menshen.secret import Secret
from menshen.storage.sealing import MASTER_KEY_VARIABLE, Sealer, load_master_key

KEY = secrets.token_bytes(32)
VALUE = Secret("planted-value-秘密")


def test_a_value_opens_again() -> None:
    sealer = Sealer(KEY, "app-secret")
    sealed = sealer.seal(VALUE, "row 1")
    assert "planted" not in sealed
    assert sealer.unseal(sealed, "row 1") == VALUE


def test_sealing_twice_gives_two_texts() -> None:
    sealer = Sealer(KEY, "app-secret")
    assert sealer.seal(VALUE) != sealer.seal(VALUE)


@pytest.mark.parametrize(
    "other",
    [Sealer(secrets.token_bytes(32), "app-secret"), Sealer(KEY, "session-key")],
    ids=["another master key", "another purpose"],
)
def test_it_opens_for_nobody_else(other: Sealer) -> None:
    with pytest.raises(KeyRingInvalid):
        other.unseal(Sealer(KEY, "app-secret").seal(VALUE))


def test_it_does_not_open_in_another_row() -> None:
    sealer = Sealer(KEY, "session-key")
    with pytest.raises(KeyRingInvalid):
        sealer.unseal(sealer.seal(VALUE, "row 1"), "row 2")


@pytest.mark.parametrize("text", ["", "no base64!", "AAAA", base64.b64encode(b"x" * 40).decode()])
def test_what_was_never_sealed_does_not_open(text: str) -> None:
    with pytest.raises(KeyRingInvalid):
        Sealer(KEY, "app-secret").unseal(text)


def test_the_master_key_is_made_once_and_private(tmp_path: Path) -> None:
    first = load_master_key(tmp_path, {})
    assert load_master_key(tmp_path, {}) == first
    assert len(first) == 32
    assert stat.S_IMODE((tmp_path / "master.key").stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [tmp_path / "master.key"]


def test_a_master_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    load_master_key(tmp_path, {})
    (tmp_path / "master.key").chmod(0o640)
    with pytest.raises(KeyRingInvalid, match="600"):
        load_master_key(tmp_path, {})


def test_the_environment_gives_the_master_key_before_the_file(tmp_path: Path) -> None:
    assert load_master_key(tmp_path, {MASTER_KEY_VARIABLE: base64.b64encode(KEY).decode()}) == KEY
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "demo", base64.b64encode(b"short").decode()])
def test_a_master_key_of_the_wrong_form_is_refused_and_not_shown(text: str, tmp_path: Path) -> None:
    with pytest.raises(KeyRingInvalid) as refused:
        load_master_key(tmp_path, {MASTER_KEY_VARIABLE: text})
    assert not text or text not in str(refused.value)
