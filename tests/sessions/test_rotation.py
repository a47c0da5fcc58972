"""Attack class 29: an older key verifies until it is retired and never makes; a retired one is nobody's."""

from __future__ import annotations

import json
import secrets
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from menshen.errors import KeyRingInvalid, RefreshInvalid, SessionInvalid
from menshen.sessions import rotation
from menshen.sessions.keys import (
    FILES,
    Purpose,
    assertion_keys,
    load_key_rings,
    refresh_keys,
    sealed_keys,
    session_jwks,
    signed_keys,
)
from menshen.sessions.refresh import RefreshTokens
from menshen.sessions.rotation import KeyInfo, listed, retire, rotate
from menshen.sessions.sealed import SealedSessions
from menshen.sessions.signed import SignedSessions
from tests.sessions.samples import CLAIMS, NOW, REFRESH_CLAIMS, signed

PURPOSES = list(FILES)


def _sealed(directory: Path) -> SealedSessions:
    return SealedSessions(sealed_keys(load_key_rings(directory)), secrets.token_bytes)


def _signed(directory: Path) -> SignedSessions:
    return SignedSessions(signed_keys(load_key_rings(directory)))


def _refresh(directory: Path) -> RefreshTokens:
    return RefreshTokens(refresh_keys(load_key_rings(directory)), secrets.token_bytes)


def _kids(directory: Path, purpose: Purpose) -> list[str]:
    return [key.kid for key in listed(directory) if key.purpose == purpose]


def test_an_old_key_opens_until_it_is_retired_and_seals_no_more(tmp_path: Path) -> None:
    before = _sealed(tmp_path).mint(CLAIMS).encode()
    (old,) = _kids(tmp_path, "sealed")
    rotate(tmp_path, "sealed", NOW)
    after = _sealed(tmp_path)
    assert after.open(before, NOW) == CLAIMS
    fresh = after.mint(CLAIMS).encode()
    assert fresh.split(b".")[0] != before.split(b".")[0]
    assert retire(tmp_path, old) == "sealed"
    last = _sealed(tmp_path)
    assert last.open(fresh, NOW) == CLAIMS
    with pytest.raises(SessionInvalid):
        last.open(before, NOW)


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_an_old_key_verifies_until_it_is_retired_and_signs_no_more(algorithm: str, tmp_path: Path) -> None:
    before = signed(_signed(tmp_path))
    (old,) = _kids(tmp_path, "signed")
    kid = rotate(tmp_path, "signed", NOW, algorithm)  # type: ignore[arg-type]
    after = _signed(tmp_path)
    assert after.open(before, NOW).sid == CLAIMS.sid
    fresh = signed(after)
    assert [(key["kid"], key["alg"]) for key in session_jwks(load_key_rings(tmp_path))["keys"]] == [
        (kid, algorithm),
        (old, "ES256"),
    ]
    assert retire(tmp_path, old) == "signed"
    last = _signed(tmp_path)
    assert last.open(fresh, NOW).sid == CLAIMS.sid
    with pytest.raises(SessionInvalid):
        last.open(before, NOW)


def test_an_old_refresh_token_opens_until_its_key_is_retired(tmp_path: Path) -> None:
    before = _refresh(tmp_path).mint(REFRESH_CLAIMS).encode()
    (old,) = _kids(tmp_path, "refresh")
    rotate(tmp_path, "refresh", NOW)
    assert _refresh(tmp_path).open(before, NOW) == REFRESH_CLAIMS
    assert retire(tmp_path, old) == "refresh"
    with pytest.raises(RefreshInvalid):
        _refresh(tmp_path).open(before, NOW)


def test_an_assertion_key_is_rotated_like_the_others(tmp_path: Path) -> None:
    (old,) = assertion_keys(load_key_rings(tmp_path))
    kid = rotate(tmp_path, "assertion", NOW)
    assert [key.kid for key in assertion_keys(load_key_rings(tmp_path))] == [kid, old.kid]


def test_nodes_at_different_key_epochs_refuse_and_do_not_fail(tmp_path: Path) -> None:
    """What a node that has the new key makes is invalid, nothing worse, at one that has not read it yet."""
    behind = _sealed(tmp_path), _signed(tmp_path)
    for purpose in ("sealed", "signed"):
        rotate(tmp_path, purpose, NOW)
    ahead = _sealed(tmp_path), _signed(tmp_path)
    states = ahead[0].mint(CLAIMS).encode(), signed(ahead[1])
    for late, early, state in zip(behind, ahead, states, strict=True):
        with pytest.raises(SessionInvalid):
            late.open(state, NOW)
        assert early.open(state, NOW).sid == CLAIMS.sid
    assert ahead[0].open(behind[0].mint(CLAIMS).encode(), NOW) == CLAIMS


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_rotation_touches_no_other_ring(purpose: Purpose, tmp_path: Path) -> None:
    load_key_rings(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in FILES.values()}
    rotate(tmp_path, purpose, NOW)
    changed = [name for name, content in before.items() if (tmp_path / name).read_bytes() != content]
    assert changed == [FILES[purpose]]
    assert stat.S_IMODE((tmp_path / FILES[purpose]).stat().st_mode) == 0o600


def test_a_directory_without_rings_gets_them_first(tmp_path: Path) -> None:
    rotate(tmp_path / "data" / "keys", "signed", NOW)
    found = listed(tmp_path / "data" / "keys")
    assert [key.purpose for key in found] == ["sealed", "signed", "signed", "refresh", "assertion"]
    load_key_rings(tmp_path / "data" / "keys")


def test_the_list_tells_what_each_key_is(tmp_path: Path) -> None:
    load_key_rings(tmp_path, lambda: NOW)
    first = {key.purpose: key.kid for key in listed(tmp_path)}
    kid = rotate(tmp_path, "signed", NOW + 60.9, "EdDSA")
    assert listed(tmp_path) == [
        KeyInfo("sealed", first["sealed"], "A256GCM", True, NOW),
        KeyInfo("signed", kid, "EdDSA", True, NOW + 60),
        KeyInfo("signed", first["signed"], "ES256", False, NOW),
        KeyInfo("refresh", first["refresh"], "A256GCM", True, NOW),
        KeyInfo("assertion", first["assertion"], "ES256", True, NOW),
    ]


def test_a_key_of_the_release_before_has_no_date(tmp_path: Path) -> None:
    load_key_rings(tmp_path)
    ring = json.loads((tmp_path / "assertion.json").read_text())
    del ring["keys"][0]["iat"]
    (tmp_path / "assertion.json").write_text(json.dumps(ring))
    assert [key.made_at for key in listed(tmp_path) if key.purpose == "assertion"] == [0]


def test_what_an_operator_wrote_beside_a_key_is_kept(tmp_path: Path) -> None:
    load_key_rings(tmp_path)
    ring = json.loads((tmp_path / "session-sealed.json").read_text())
    ring["keys"][0]["note"] = "from the old machine"
    (tmp_path / "session-sealed.json").write_text(json.dumps(ring))
    rotate(tmp_path, "sealed", NOW)
    assert json.loads((tmp_path / "session-sealed.json").read_text())["keys"][1]["note"] == "from the old machine"


def test_listing_makes_nothing(tmp_path: Path) -> None:
    assert listed(tmp_path / "nowhere") == []
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_key_in_use_is_not_retired(purpose: Purpose, tmp_path: Path) -> None:
    rotate(tmp_path, purpose, NOW)
    first, second = _kids(tmp_path, purpose)
    with pytest.raises(KeyRingInvalid, match=f"{first} is in use"):
        retire(tmp_path, first)
    assert _kids(tmp_path, purpose) == [first, second]


def test_an_unknown_key_is_not_retired(tmp_path: Path) -> None:
    load_key_rings(tmp_path)
    with pytest.raises(KeyRingInvalid, match="no key nope"):
        retire(tmp_path, "nope")
    with pytest.raises(KeyRingInvalid, match="no key nope"):
        retire(tmp_path / "nowhere", "nope")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("purpose", ["sealed", "refresh", "assertion"])
def test_only_the_signed_ring_has_a_choice_of_algorithms(purpose: Purpose, tmp_path: Path) -> None:
    with pytest.raises(KeyRingInvalid, match="signed ring only"):
        rotate(tmp_path, purpose, NOW, "EdDSA")
    assert list(tmp_path.iterdir()) == []


def test_a_ring_that_cannot_be_trusted_is_not_rotated(tmp_path: Path) -> None:
    load_key_rings(tmp_path)
    (tmp_path / "refresh.json").chmod(0o644)
    for change in (lambda: rotate(tmp_path, "refresh", NOW), lambda: retire(tmp_path, "x"), lambda: listed(tmp_path)):
        with pytest.raises(KeyRingInvalid, match="600"):
            change()


def test_a_rotation_that_breaks_off_leaves_the_ring_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that starts in the middle of it, or after a crash, has a whole ring."""
    before = load_key_rings(tmp_path)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        rotate(tmp_path, "signed", NOW)
    monkeypatch.undo()
    assert load_key_rings(tmp_path) == before
    assert {path.name for path in tmp_path.iterdir()} == {*FILES.values(), "rotation.lock"}
    rotate(tmp_path, "signed", NOW)


def test_rotations_at_the_same_moment_lose_no_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        kids = list(pool.map(lambda number: rotate(tmp_path, PURPOSES[number % 2], NOW), range(24)))
    found = [key.kid for key in listed(tmp_path)]
    assert set(kids) < set(found)
    assert len(found) == 24 + len(PURPOSES)


def test_rotations_by_several_processes_lose_no_key(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from menshen.sessions.rotation import rotate\n"
        "for second in range(8): rotate(Path(sys.argv[1]), 'sealed', second)"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(3)]
    assert [process.wait(180) for process in running] == [0, 0, 0]
    assert len(_kids(tmp_path, "sealed")) == 1 + 3 * 8


def test_a_reader_beside_rotations_always_has_a_whole_ring(tmp_path: Path) -> None:
    load_key_rings(tmp_path)
    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(lambda: [rotate(tmp_path, "signed", NOW) for _ in range(20)])
        seen = 0
        while not writing.done():
            count = len(signed_keys(load_key_rings(tmp_path)))
            assert count >= seen
            seen = count
    assert len(writing.result()) == 20


def test_no_message_shows_a_key(tmp_path: Path) -> None:
    load_key_rings(tmp_path)
    text = (tmp_path / "session-signed.json").read_text()
    secret = json.loads(text)["keys"][0]["d"]
    (tmp_path / "session-signed.json").write_text(text.replace('"P-256"', '"P-999"'))
    for change in (lambda: rotate(tmp_path, "signed", NOW), lambda: retire(tmp_path, "x"), lambda: listed(tmp_path)):
        with pytest.raises(KeyRingInvalid) as refused:
            change()
        assert secret not in f"{refused.value} {refused.value.__cause__!r}"
        assert refused.value.__suppress_context__
    assert rotation.KeyInfo.__slots__ == ("purpose", "kid", "algorithm", "signs", "made_at")
