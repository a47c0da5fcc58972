"""Login states of kind sealed: sealed by us, opened by us, and by nothing else."""

from __future__ import annotations

import base64
import gc
import json
import secrets
import weakref
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import OctKey

from menshen.errors import SessionExpired, SessionInvalid
from menshen.sessions.claims import SessionClaims, new_id
from menshen.sessions.keys import SymmetricKey
from menshen.sessions.sealed import MAX_STATE_BYTES, SealedSessions

NOW = 1_800_000_000
OLD, NEW = (SymmetricKey(kid, secrets.token_bytes(32)) for kid in ("old-key", "0123456789ab"))
RING = SealedSessions([NEW, OLD], secrets.token_bytes)
CLAIMS = SessionClaims(
    sub=f"u{new_id(secrets.token_bytes)}",
    sid=new_id(secrets.token_bytes),
    platform="wechat",
    appid="wx4f4bc4dec97d474b",
    openid="oGZUI0egBJY1zhBYw2KhdUfwVJJE",
    unionid="ocMvos6NjeKLIBqg5Mr9QjxrP1FA",
    iat=NOW,
    exp=NOW + 7200,
)
STATE = RING.mint(CLAIMS).encode()


def test_a_state_opens_to_what_was_sealed() -> None:
    assert RING.open(STATE, NOW) == CLAIMS


def test_a_wechat_identity_fits_in_512_bytes() -> None:
    assert len(STATE) <= 512


def test_two_states_of_the_same_claims_differ() -> None:
    assert RING.mint(CLAIMS) != RING.mint(CLAIMS)


def test_it_is_a_jwe_that_another_library_opens() -> None:
    opened = jwe.decrypt_compact(STATE.decode(), OctKey.import_key(NEW.value))
    assert opened.protected == {"alg": "dir", "enc": "A256GCM", "kid": NEW.kid}
    assert json.loads(opened.plaintext or b"")["openid"] == CLAIMS.openid


def test_an_older_key_of_the_ring_still_opens() -> None:
    state = SealedSessions([OLD], secrets.token_bytes).mint(CLAIMS)
    assert RING.open(state.encode(), NOW) == CLAIMS


def test_a_key_outside_the_ring_does_not() -> None:
    stranger = SealedSessions([SymmetricKey(NEW.kid, secrets.token_bytes(32))], secrets.token_bytes)
    with pytest.raises(SessionInvalid):
        RING.open(stranger.mint(CLAIMS).encode(), NOW)


def test_an_old_state_has_expired() -> None:
    with pytest.raises(SessionExpired):
        RING.open(STATE, CLAIMS.exp)


def test_a_forged_state_is_invalid_even_when_it_says_it_is_old() -> None:
    stranger = SealedSessions([SymmetricKey("x", secrets.token_bytes(32))], secrets.token_bytes)
    with pytest.raises(SessionInvalid):
        RING.open(stranger.mint(replace(CLAIMS, exp=1)).encode(), NOW)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "dir", "enc": "A256GCM", "kid": NEW.kid, "zip": "DEF"},
        {"alg": "dir", "enc": "A256GCM", "kid": NEW.kid, "crit": ["exp"]},
        {"alg": "dir", "enc": "A128GCM", "kid": NEW.kid},
        {"kid": NEW.kid, "alg": "dir", "enc": "A256GCM"},
        {"alg": "dir", "enc": "A256GCM", "kid": NEW.kid, "jwk": {"kty": "oct", "k": "AAAA"}},
        {"alg": "dir", "enc": "A256GCM", "kid": "unknown"},
    ],
    ids=["alg none", "zip", "crit", "another enc", "members in another order", "embedded key", "unknown kid"],
)
def test_a_header_this_ring_did_not_write_is_refused(header: dict[str, object]) -> None:
    """Attack class 22: the header is compared, never interpreted, even when the text is sealed with the right key."""
    protected = base64.urlsafe_b64encode(json.dumps(header, separators=(",", ":")).encode()).rstrip(b"=")
    parts = STATE.split(b".")
    with pytest.raises(SessionInvalid):
        RING.open(b".".join([protected, *parts[1:]]), NOW)


@given(position=st.integers(0, len(STATE) - 1), bit=st.integers(0, 7))
def test_no_bit_can_be_flipped(position: int, bit: int) -> None:
    """Attack class 20. Base64 has spare bits at the end of a segment: a state spelled otherwise is refused too."""
    forged = bytearray(STATE)
    forged[position] ^= 1 << bit
    with pytest.raises(SessionInvalid):
        RING.open(bytes(forged), NOW)


@given(cut=st.integers(0, len(STATE) - 1))
def test_no_part_is_enough(cut: int) -> None:
    with pytest.raises(SessionInvalid):
        RING.open(STATE[:cut], NOW)


@given(extra=st.binary(min_size=1, max_size=40))
def test_nothing_can_be_added(extra: bytes) -> None:
    for forged in (STATE + extra, extra + STATE):
        with pytest.raises(SessionInvalid):
            RING.open(forged, NOW)


@given(garbage=st.binary(max_size=MAX_STATE_BYTES + 10))
def test_garbage_is_invalid(garbage: bytes) -> None:
    with pytest.raises(SessionInvalid):
        RING.open(garbage, NOW)


@given(first=st.integers(0, 4), second=st.integers(0, 4))
def test_segments_cannot_be_swapped(first: int, second: int) -> None:
    parts = STATE.split(b".")
    parts[first], parts[second] = parts[second], parts[first]
    if b".".join(parts) != STATE:
        with pytest.raises(SessionInvalid):
            RING.open(b".".join(parts), NOW)


def test_segments_of_two_states_do_not_mix() -> None:
    other = RING.mint(replace(CLAIMS, sub="u-other")).encode().split(b".")
    mine = STATE.split(b".")
    for index in range(2, 5):
        mixed = [*mine[:index], other[index], *mine[index + 1 :]]
        with pytest.raises(SessionInvalid):
            RING.open(b".".join(mixed), NOW)


def test_a_megabyte_is_refused_unread() -> None:
    with pytest.raises(SessionInvalid):
        RING.open(b"a" * 1_000_000, NOW)


def test_a_ring_that_is_given_up_is_freed_at_once_with_all_it_has_opened() -> None:
    """Workers replace it at a rotation, and what their collector has frozen is freed by reference counting or never."""
    ring = SealedSessions([NEW], secrets.token_bytes)
    ring.open(STATE, NOW)
    given_up = weakref.ref(ring)
    gc.disable()
    try:
        del ring
        assert given_up() is None
    finally:
        gc.enable()
