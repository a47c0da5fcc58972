"""Login states of kind sealed: sealed by us, opened by us, and by nothing else."""

from __future__ import annotations

import base64
import gc
import json
import secrets
import weakref
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import OctKey

from menshen.config.login_rules import SessionRules
from menshen.errors import SessionExpired, SessionInvalid
from menshen.sessions.box import Box
from menshen.sessions.keys import SymmetricKey
from menshen.sessions.lifetimes import renewed
from menshen.sessions.sealed import MAX_STATE_BYTES, SealedSessions
from tests.sessions.samples import CLAIMS, NEW, NOW, OLD, SEALED

RING = SEALED
STATE = RING.mint(CLAIMS).encode()


def test_a_state_opens_to_what_was_sealed() -> None:
    assert RING.open(STATE, NOW) == CLAIMS


def test_a_wechat_identity_fits_in_512_bytes() -> None:
    assert len(STATE) <= 512


def test_own_claims_travel_with_it() -> None:
    claims = replace(CLAIMS, claims={"tier": "gold", "城市": "深圳"})
    assert RING.open(RING.mint(claims).encode(), NOW) == claims


def test_tags_travel_with_it() -> None:
    claims = replace(CLAIMS, tags={"nickname": "%E8%80%81%E7%8E%8B", "new_user": "true"})
    assert RING.open(RING.mint(claims).encode(), NOW) == claims


def test_a_state_of_the_release_before_has_no_tags_and_one_without_any_is_no_longer() -> None:
    written = json.loads(jwe.decrypt_compact(STATE.decode(), OctKey.import_key(NEW.value)).plaintext or b"")
    assert "tags" not in written
    assert RING.open(STATE, NOW).tags == {}


def test_what_could_not_be_opened_is_not_made() -> None:
    with pytest.raises(ValueError, match="2048 at most"):
        RING.mint(replace(CLAIMS, claims={"essay": "x" * 1500}))


def test_a_state_of_the_release_before_opens_and_is_never_renewed() -> None:
    @dataclass
    class Before:
        sub: str
        sid: str
        platform: str
        appid: str
        openid: str
        unionid: str
        iat: int
        exp: int

    state = Box([NEW], secrets.token_bytes, Before).seal(Before("u1", "s1", "wechat", "wx1", "o1", "", NOW, NOW + 600))
    opened = RING.open(state.encode(), NOW)
    assert (opened.sub, opened.auth, opened.end, opened.life, opened.claims) == ("u1", NOW, NOW + 600, 0, {})
    rules = SessionRules("s", "sealed", 120, "header", "header", idle=10, renew_before=119)
    assert all(renewed(opened, rules, NOW + second) is None for second in range(0, 600, 10))


def test_a_state_from_the_future_opens() -> None:
    """Only we can have made it: a clock that was set back must not log everybody out (attack class 20, clock skew)."""
    assert RING.open(STATE, CLAIMS.iat - 86400) == CLAIMS


def test_two_states_of_the_same_claims_differ() -> None:
    """Attack class 30: each has a nonce of its own."""
    states = {RING.mint(CLAIMS) for _ in range(1000)}
    assert len({state.split(".")[2] for state in states}) == 1000


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
