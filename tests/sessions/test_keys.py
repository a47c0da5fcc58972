"""Key rings: made once, private, refused when they cannot be trusted."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from menshen.errors import KeyRingInvalid
from menshen.sessions.keys import assertion_keys, load_key_rings, public_jwks, sealed_keys


def test_rings_are_made_at_the_first_start_and_kept(tmp_path: Path) -> None:
    first = load_key_rings(tmp_path / "keys")
    assert load_key_rings(tmp_path / "keys") == first
    assert len(sealed_keys(first)[0].value) == 32
    for file in (tmp_path / "keys").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_only_public_halves_are_published(tmp_path: Path) -> None:
    rings = load_key_rings(tmp_path)
    published = public_jwks(rings)
    assert [key["kid"] for key in published["keys"]] == [key.kid for key in assertion_keys(rings)]
    assert all(set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"} for key in published["keys"])


def test_two_rings_have_no_key_in_common(tmp_path: Path) -> None:
    assert sealed_keys(load_key_rings(tmp_path / "a")) != sealed_keys(load_key_rings(tmp_path / "b"))


def test_a_key_does_not_print_itself(tmp_path: Path) -> None:
    rings = load_key_rings(tmp_path)
    secret = json.loads(rings.sealed)["keys"][0]["k"]
    assert secret not in f"{rings!r} {sealed_keys(rings)!r}"


@pytest.mark.parametrize("text", ["", "{}", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "c2hvcnQ", "kid": "x"}]}'])
def test_a_broken_ring_is_refused(text: str, tmp_path: Path) -> None:
    load_key_rings(tmp_path)
    (tmp_path / "session-sealed.json").write_text(text)
    with pytest.raises(KeyRingInvalid, match="session-sealed"):
        load_key_rings(tmp_path)


def test_a_ring_that_others_can_read_is_refused(tmp_path: Path) -> None:
    load_key_rings(tmp_path)
    (tmp_path / "assertion.json").chmod(0o604)
    with pytest.raises(KeyRingInvalid, match="600"):
        load_key_rings(tmp_path)
