"""Keyed digests: the same for the same thing under the same key and purpose, and for nothing else."""

from __future__ import annotations

from menshen.storage.digests import KeyedDigest

KEY = b"k" * 32


def test_a_digest_is_of_key_purpose_and_parts() -> None:
    digests = {
        KeyedDigest(key, purpose).of(*parts)
        for key in (KEY, b"j" * 32)
        for purpose in ("a", "b")
        for parts in (("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ())
    }
    assert len(digests) == 20
    assert all(len(digest) == 64 for digest in digests)
    assert KeyedDigest(KEY, "a").of("x", "y") == KeyedDigest(KEY, "a").of("x", "y")


def test_every_text_has_one() -> None:
    assert KeyedDigest(KEY, "a").of("\ud800") != KeyedDigest(KEY, "a").of("\ud801")
