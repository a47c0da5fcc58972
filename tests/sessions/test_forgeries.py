"""Nothing but what we made is taken: signed states and refresh tokens, as test_sealed.py has it for sealed states."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.errors import RefreshInvalid, SessionExpired, SessionInvalid
from menshen.sessions.keys import SymmetricKey
from menshen.sessions.refresh import RefreshTokens
from menshen.sessions.sealed import SealedSessions
from menshen.sessions.signed import SignedSessions
from tests.sessions.samples import (
    CLAIMS,
    EDDSA,
    ES256,
    NEW,
    NOW,
    REFRESH,
    REFRESH_CLAIMS,
    REFRESH_KEY,
    SEALED,
    SIGNED,
    SIGNED_EDDSA,
    eddsa_key,
    es256_key,
    signed,
)


@dataclass(frozen=True)
class Kind:
    """A genuine text, another of the same ring, one of a ring with the same key ids, and how they are opened."""

    text: bytes
    other: bytes
    stranger: bytes
    expired: bytes
    open: Callable[[bytes, float], Any]
    refusal: type[Exception] = SessionInvalid

    def refuses(self, forged: bytes) -> None:
        with pytest.raises(self.refusal):
            self.open(forged, NOW)


OTHER = replace(CLAIMS, sub="u-other")
EXPIRED = replace(CLAIMS, iat=NOW - 7200, exp=NOW)
STRANGERS = SignedSessions([es256_key(ES256.kid)]), SignedSessions([eddsa_key(EDDSA.kid)])
STRANGE_REFRESH = RefreshTokens([SymmetricKey(REFRESH_KEY.kid, secrets.token_bytes(32))], secrets.token_bytes)
KINDS = {
    "ES256": Kind(signed(SIGNED), signed(SIGNED, OTHER), signed(STRANGERS[0]), signed(SIGNED, EXPIRED), SIGNED.open),
    "EdDSA": Kind(
        signed(SIGNED_EDDSA),
        signed(SIGNED_EDDSA, OTHER),
        signed(STRANGERS[1]),
        signed(SIGNED_EDDSA, EXPIRED),
        SIGNED_EDDSA.open,
    ),
    "refresh": Kind(
        REFRESH.mint(REFRESH_CLAIMS).encode(),
        REFRESH.mint(replace(REFRESH_CLAIMS, generation=2)).encode(),
        STRANGE_REFRESH.mint(REFRESH_CLAIMS).encode(),
        REFRESH.mint(replace(REFRESH_CLAIMS, exp=NOW)).encode(),
        REFRESH.open,
        RefreshInvalid,
    ),
}
kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
SHORTEST = min(len(kind.text) for kind in KINDS.values())


@kinds
def test_the_genuine_text_opens(kind: Kind) -> None:
    assert kind.open(kind.text, NOW).sid == CLAIMS.sid
    assert kind.open(kind.other, NOW).sid == CLAIMS.sid


@kinds
def test_a_genuine_text_that_is_too_old_has_expired(kind: Kind) -> None:
    assert kind.open(kind.expired, NOW - 1)
    with pytest.raises(SessionExpired):
        kind.open(kind.expired, NOW)


@kinds
def test_a_text_from_the_future_opens(kind: Kind) -> None:
    """As for sealed states: a clock that was set back must not log everybody out (attack class 20, clock skew)."""
    assert kind.open(kind.text, NOW - 86400)


@kinds
@given(position=st.integers(0, SHORTEST - 1), back=st.booleans(), bit=st.integers(0, 7))
def test_no_bit_can_be_flipped(kind: Kind, position: int, back: bool, bit: int) -> None:
    """Attack class 20, counted from both ends: the last letters of a segment have bits to spare."""
    forged = bytearray(kind.text)
    forged[-1 - position if back else position] ^= 1 << bit
    kind.refuses(bytes(forged))


@kinds
def test_no_last_letter_can_be_spelled_otherwise(kind: Kind) -> None:
    """Attack class 20, every letter at the end of every segment."""
    segments = kind.text.split(b".")
    for index, segment in enumerate(segments):
        for letter in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \n":
            forged = segment[:-1] + bytes([letter])
            if segment and forged != segment:
                kind.refuses(b".".join([*segments[:index], forged, *segments[index + 1 :]]))


@kinds
@given(cut=st.integers(0, SHORTEST - 1), front=st.booleans())
def test_no_part_is_enough(kind: Kind, cut: int, front: bool) -> None:
    """Attack class 20, truncation."""
    kind.refuses(kind.text[len(kind.text) - cut :] if front else kind.text[:cut])


@kinds
@given(
    extra=st.one_of(st.binary(min_size=1, max_size=40), st.sampled_from([b"=", b"==", b".", b"\n", b" ", b"\0", b"A"]))
)
def test_nothing_can_be_added(kind: Kind, extra: bytes) -> None:
    """Attack class 20, extension; padding and white space included."""
    segments = kind.text.split(b".")
    kind.refuses(kind.text + extra)
    kind.refuses(extra + kind.text)
    for index in range(len(segments)):
        kind.refuses(b".".join([*segments[:index], segments[index] + extra, *segments[index + 1 :]]))


@kinds
@given(garbage=st.binary(max_size=2060))
def test_garbage_is_invalid(kind: Kind, garbage: bytes) -> None:
    kind.refuses(garbage)


@kinds
@given(garbage=st.lists(st.text("Aa0-_", max_size=100), max_size=7))
def test_garbage_that_looks_right_is_invalid(kind: Kind, garbage: list[str]) -> None:
    """With our own header before it, so that it gets as far as it can."""
    kind.refuses(".".join(garbage).encode())
    kind.refuses(b".".join([kind.text.split(b".")[0], *(part.encode() for part in garbage)]))


@kinds
def test_segments_cannot_be_swapped(kind: Kind) -> None:
    """Attack class 20."""
    segments = kind.text.split(b".")
    for first in range(len(segments)):
        for second in range(first):
            swapped = list(segments)
            swapped[first], swapped[second] = swapped[second], swapped[first]
            kind.refuses(b".".join(swapped))


@kinds
def test_segments_of_two_texts_do_not_mix(kind: Kind) -> None:
    """Attack class 20."""
    mine, others = kind.text.split(b"."), kind.other.split(b".")
    for index, (segment, other) in enumerate(zip(mine, others, strict=True)):
        if segment != other:
            kind.refuses(b".".join([*mine[:index], other, *mine[index + 1 :]]))


@kinds
@pytest.mark.parametrize("prefix", [b"v1.", b"v2.", b"Bearer ", b"eyJ", b"."])
def test_a_prefix_or_version_is_not_taken_off(kind: Kind, prefix: bytes) -> None:
    """Attack class 20."""
    kind.refuses(prefix + kind.text)


@kinds
def test_a_key_with_our_id_that_is_not_ours_opens_nothing(kind: Kind) -> None:
    """Attack class 20, another gateway's key."""
    kind.refuses(kind.stranger)


@kinds
def test_a_megabyte_is_refused_unread(kind: Kind) -> None:
    """Attack class 20, oversized; with our own header and in many segments too."""
    header = kind.text.split(b".")[0]
    for forged in (b"a" * 1_000_000, b"." * 1_000_000, header + b"." + b"A" * 1_000_000 + b".AAAA", kind.text * 2500):
        with pytest.raises(kind.refusal, match="oversized"):
            kind.open(forged, NOW)


@kinds
def test_the_longest_text_that_is_read_is_2048_bytes(kind: Kind) -> None:
    header = kind.text.split(b".")[0] + b"."
    with pytest.raises(kind.refusal, match="oversized"):
        kind.open(header.ljust(2049, b"A"), NOW)
    with pytest.raises(kind.refusal, match="by this key ring"):
        kind.open(header.ljust(2048, b"A"), NOW)


EVERY = {"sealed": (SEALED.mint(CLAIMS).encode(), SEALED.open, SessionInvalid)} | {
    name: (kind.text, kind.open, kind.refusal) for name, kind in KINDS.items() if name != "EdDSA"
}


@pytest.mark.parametrize("of", EVERY)
@pytest.mark.parametrize("at", EVERY)
def test_a_text_of_one_kind_is_nothing_to_another(of: str, at: str) -> None:
    """Attack class 23: a refresh token is no state, a state no refresh token, a signed one no sealed one."""
    text, (_, open_, refusal) = EVERY[of][0], EVERY[at]
    if of == at:
        assert open_(text, NOW)
    else:
        with pytest.raises(refusal):
            open_(text, NOW)


def test_not_even_with_one_key_in_both_rings() -> None:
    """Attack class 23: an operator who copied a key has lost a wall, not the house."""
    states, tokens = SealedSessions([NEW], secrets.token_bytes), RefreshTokens([NEW], secrets.token_bytes)
    with pytest.raises(SessionInvalid):
        states.open(tokens.mint(REFRESH_CLAIMS).encode(), NOW)
    with pytest.raises(RefreshInvalid):
        tokens.open(states.mint(CLAIMS).encode(), NOW)
