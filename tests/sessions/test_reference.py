"""Login states of kind reference: ids that cannot be guessed, and what a worker may believe of them."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import menshen.sessions
from menshen.errors import SessionInvalid
from menshen.sessions.reference import STALENESS, References, digest_of, following_reference, new_reference
from tests.sessions.samples import CLAIMS, NOW, REFRESH, REFRESH_CLAIMS


@pytest.fixture
def state() -> bytes:
    return new_reference(secrets.token_bytes).encode()


@pytest.fixture
def references(state: bytes) -> References:
    references = References()
    references.heard(NOW)
    references.put(digest_of(state), CLAIMS)
    return references


def test_an_id_is_256_random_bits() -> None:
    """Attack class 30: all of it comes from the source it is given, nothing from a clock or a counter."""
    asked: list[int] = []

    def source(count: int) -> bytes:
        asked.append(count)
        return bytes(range(count))

    assert new_reference(source) == new_reference(source) == "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert asked == [32, 32]
    assert len({new_reference(secrets.token_bytes) for _ in range(1000)}) == 1000


def test_no_id_key_or_nonce_comes_from_a_guessable_source() -> None:
    """Attack class 30."""
    sources = "\n".join(path.read_text() for path in Path(menshen.sessions.__path__[0]).glob("*.py"))
    assert not re.search(r"^\s*(import|from) (random|uuid)\b", sources, re.MULTILINE)


def test_the_ids_after_refreshes_come_of_a_seed_that_is_sealed_in_the_token() -> None:
    """Attack class 30: the same for parallel refreshes, and no id tells another."""
    seed = REFRESH.new_seed()
    token = REFRESH.mint(replace(REFRESH_CLAIMS, seed=seed))
    assert seed not in token
    assert REFRESH.open(token.encode(), NOW).seed == seed
    following = [following_reference(seed, generation) for generation in range(1000)]
    assert following == [following_reference(seed, generation) for generation in range(1000)]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", each) for each in following)
    assert len({seed, *following, *(following_reference(REFRESH.new_seed(), 2) for _ in range(1000))}) == 2001


def test_the_database_knows_an_id_by_its_sha256() -> None:
    state = new_reference(secrets.token_bytes)
    assert digest_of(state) == digest_of(state.encode()) == hashlib.sha256(state.encode()).hexdigest()


def test_what_was_put_is_there(references: References, state: bytes) -> None:
    assert references.get(state, NOW) is CLAIMS


def test_an_unknown_id_must_be_loaded(references: References) -> None:
    assert references.get(new_reference(secrets.token_bytes).encode(), NOW) is None


def test_an_id_past_its_time_must_be_loaded(references: References, state: bytes) -> None:
    """Another worker may have carried the session on."""
    references.heard(CLAIMS.exp)
    assert references.get(state, CLAIMS.exp) is None
    references.put(digest_of(state), replace(CLAIMS, exp=CLAIMS.exp + 60))
    assert references.get(state, CLAIMS.exp) is not None


def test_nothing_is_believed_while_revocations_may_be_missing(references: References, state: bytes) -> None:
    """Attack class 25."""
    assert references.get(state, NOW + STALENESS) is CLAIMS
    assert references.get(state, NOW + STALENESS + 0.01) is None
    references.heard(NOW + 5)
    assert references.get(state, NOW + 5.5) is CLAIMS


def test_nothing_is_believed_before_the_first_news(state: bytes) -> None:
    references = References()
    references.put(digest_of(state), CLAIMS)
    assert references.get(state, NOW) is None


def test_the_longest_unused_is_given_up_first() -> None:
    references = References(kept=2)
    references.heard(NOW)
    first, second, third = (new_reference(secrets.token_bytes).encode() for _ in range(3))
    for state in (first, second):
        references.put(digest_of(state), replace(CLAIMS, sid=state.decode()))
    references.get(first, NOW)
    references.put(digest_of(third), replace(CLAIMS, sid="third"))
    assert [references.get(state, NOW) is not None for state in (first, second, third)] == [True, False, True]


def test_the_id_before_a_refresh_is_forgotten(references: References, state: bytes) -> None:
    references.changed(CLAIMS.sid, int(NOW))
    assert references.get(state, NOW) is None


def test_what_was_read_before_a_refresh_comes_too_late(references: References, state: bytes) -> None:
    """A worker that read the record, waited, and heard of the refresh meanwhile."""
    references.changed(CLAIMS.sid, CLAIMS.iat + 1)
    references.put(digest_of(state), CLAIMS)
    assert references.get(state, NOW) is None
    references.put(digest_of(state), replace(CLAIMS, iat=CLAIMS.iat + 1))
    assert references.get(state, NOW) is not None


def test_a_session_has_one_id_at_a_time(references: References, state: bytes) -> None:
    newer = new_reference(secrets.token_bytes).encode()
    references.put(digest_of(newer), CLAIMS)
    assert references.get(state, NOW) is None
    assert references.get(newer, NOW) is CLAIMS


@pytest.mark.parametrize(
    "forged",
    [b"", b"A" * 42, b"A" * 44, b"A" * 42 + b"=", b"A" * 42 + b"+", b"A" * 43 + b"\n", b"\xff" * 43, b"A" * 1_000_000],
)
def test_garbage_asks_no_database(forged: bytes, references: References) -> None:
    """Attack class 20, a megabyte included."""
    with pytest.raises(SessionInvalid):
        references.get(forged, NOW)


@given(garbage=st.binary(max_size=60))
def test_any_bytes_are_unknown_or_invalid(garbage: bytes) -> None:
    references = References()
    references.heard(NOW)
    try:
        assert references.get(garbage, NOW) is None
    except SessionInvalid:
        assert not re.fullmatch(rb"[A-Za-z0-9_-]{43}", garbage)


def test_no_letter_of_an_id_can_change(references: References, state: bytes) -> None:
    """Attack class 20; the last letter has two bits to spare, and other bits there are another id."""
    for position in range(43):
        for letter in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
            forged = state[:position] + bytes([letter]) + state[position + 1 :]
            assert forged == state or references.get(forged, NOW) is None
