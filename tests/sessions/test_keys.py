"""Key rings: made once, private, refused when they cannot be trusted."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, OKPKey

from menshen.errors import KeyRingInvalid
from menshen.sessions.keys import (
    FILES,
    KeyRings,
    assertion_keys,
    load_key_rings,
    public_jwks,
    refresh_keys,
    sealed_keys,
    session_jwks,
    signed_keys,
)

NAMES = {"session-sealed.json", "session-signed.json", "refresh.json", "assertion.json"}
SHORT = '{"keys": [{"kty": "oct", "k": "c2hvcnQ", "kid": "x"}]}'


def _secrets(rings: KeyRings) -> Iterator[str]:
    for text in (rings.sealed, rings.signed, rings.refresh, rings.assertion):
        for key in json.loads(text)["keys"]:
            yield key.get("k") or key["d"]


def test_rings_are_made_at_the_first_start_and_kept(tmp_path: Path) -> None:
    first = load_key_rings(tmp_path / "keys", lambda: 1_800_000_000.5)
    assert load_key_rings(tmp_path / "keys") == first
    assert len(sealed_keys(first)[0].value) == len(refresh_keys(first)[0].value) == 32
    assert [key.alg for key in signed_keys(first)] == ["ES256"]
    assert json.loads(first.signed)["keys"][0]["iat"] == 1_800_000_000
    assert {file.name for file in (tmp_path / "keys").iterdir()} == NAMES == set(FILES.values())
    for file in (tmp_path / "keys").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_rings_of_the_release_before_are_kept_and_the_missing_ones_made(tmp_path: Path) -> None:
    before = load_key_rings(tmp_path)
    (tmp_path / "session-signed.json").unlink()
    (tmp_path / "refresh.json").unlink()
    after = load_key_rings(tmp_path)
    assert (after.sealed, after.assertion) == (before.sealed, before.assertion)
    assert after.signed != before.signed


def test_no_umask_opens_a_file(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        load_key_rings(tmp_path / "keys")
    finally:
        os.umask(umask)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in (tmp_path / "keys").iterdir())


def test_starts_at_the_same_moment_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda _: load_key_rings(tmp_path / "keys"), range(8)))
    assert all(ring == rings[0] for ring in rings)
    assert {file.name for file in (tmp_path / "keys").iterdir()} == NAMES


def test_only_public_halves_are_published(tmp_path: Path) -> None:
    rings = load_key_rings(tmp_path)
    published = public_jwks(rings)
    assert [key["kid"] for key in published["keys"]] == [key.kid for key in assertion_keys(rings)]
    assert all(set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"} for key in published["keys"])


def test_envoy_gets_the_public_halves_of_the_signed_ring(tmp_path: Path) -> None:
    keys = [
        ECKey.generate_key("P-256", {"kid": "e"}).as_dict(private=True),
        OKPKey.generate_key("Ed25519", {"kid": "o"}).as_dict(private=True),
    ]
    load_key_rings(tmp_path)
    (tmp_path / "session-signed.json").write_text(json.dumps({"keys": keys}))
    rings = load_key_rings(tmp_path)
    first, second = session_jwks(rings)["keys"]
    assert first == {n: keys[0][n] for n in ("kty", "crv", "x", "y", "kid")} | {"use": "sig", "alg": "ES256"}
    assert second == {n: keys[1][n] for n in ("kty", "crv", "x", "kid")} | {"use": "sig", "alg": "EdDSA"}
    assert not any(secret in json.dumps(session_jwks(rings)) for secret in _secrets(rings))


def test_two_rings_have_no_key_in_common(tmp_path: Path) -> None:
    rings = [load_key_rings(tmp_path / "a"), load_key_rings(tmp_path / "b")]
    found = [secret for ring in rings for secret in _secrets(ring)]
    assert len(set(found)) == len(found) == 8


def test_a_key_does_not_print_itself(tmp_path: Path) -> None:
    rings = load_key_rings(tmp_path)
    shown = f"{rings!r} {sealed_keys(rings)!r} {refresh_keys(rings)!r} {signed_keys(rings)!r}"
    assert not any(secret in shown for secret in _secrets(rings))


@pytest.mark.parametrize("name", sorted(NAMES))
@pytest.mark.parametrize(
    "text",
    ["", "{}", '{"keys": []}', '{"keys": 7}', "[]", SHORT, '{"keys": [{"kty": "RSA"}]}', '{"keys": [{"kty": "EC"}]}'],
)
def test_a_broken_ring_is_refused(text: str, name: str, tmp_path: Path) -> None:
    load_key_rings(tmp_path)
    (tmp_path / name).write_text(text)
    with pytest.raises(KeyRingInvalid, match=name) as refused:
        load_key_rings(tmp_path)
    assert "c2hvcnQ" not in str(refused.value)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_ring_of_another_purpose_is_refused(name: str, tmp_path: Path) -> None:
    """A symmetric key where a pair belongs and the reverse; a public key; a key of another curve; one without a kid."""
    load_key_rings(tmp_path)
    symmetric = "oct" in (tmp_path / name).read_text()
    (sound,) = json.loads((tmp_path / name).read_text())["keys"]
    others = [
        json.loads((tmp_path / ("assertion.json" if symmetric else "refresh.json")).read_text())["keys"][0],
        ECKey.generate_key("P-256").as_dict(private=False) | {"kid": "public"},
        ECKey.generate_key("P-384").as_dict(private=True) | {"kid": "curve"},
        OKPKey.generate_key("X25519").as_dict(private=True) | {"kid": "exchange"},
        OKPKey.generate_key("Ed25519").as_dict(private=False) | {"kid": "public"},
        {member: value for member, value in sound.items() if member != "kid"},
    ]
    for other in others:
        (tmp_path / name).write_text(json.dumps({"keys": [sound, other]}))
        with pytest.raises(KeyRingInvalid, match=name):
            load_key_rings(tmp_path)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_two_keys_with_one_kid_are_refused(name: str, tmp_path: Path) -> None:
    """One of them would never be found, and what it made be refused without a reason."""
    load_key_rings(tmp_path)
    load_key_rings(tmp_path / "other")
    (one,) = json.loads((tmp_path / name).read_text())["keys"]
    (two,) = json.loads((tmp_path / "other" / name).read_text())["keys"]
    (tmp_path / name).write_text(json.dumps({"keys": [one, two | {"kid": one["kid"]}]}))
    with pytest.raises(KeyRingInvalid, match="one kid"):
        load_key_rings(tmp_path)


@pytest.mark.parametrize("name", sorted(NAMES))
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o610])
def test_a_ring_that_others_can_read_is_refused(mode: int, name: str, tmp_path: Path) -> None:
    load_key_rings(tmp_path)
    (tmp_path / name).chmod(mode)
    with pytest.raises(KeyRingInvalid, match="600"):
        load_key_rings(tmp_path)
