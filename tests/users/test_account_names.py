"""Usernames: one spelling each, and no way round a lock by another (attack class 32)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.errors import CallMalformed
from menshen.users.account_names import canonical_name, folded_name, new_name, presentable


@pytest.mark.parametrize(
    ("username", "name"),
    [("alice", "alice"), ("Alice", "alice"), ("a.b_c@d+e-f", "a.b_c@d+e-f"), ("007", "007"), ("x" * 64, "x" * 64)],
)
def test_names(username: str, name: str) -> None:
    assert canonical_name(username) == name
    assert new_name(username) == name


@pytest.mark.parametrize(
    "username",
    [
        *("", "ab", "x" * 65, ".abc", "-abc", " alice", "alice ", "al ice", "alice\n", "alice\x00", "álice", "愛麗絲"),
        "ａｌｉｃｅ",
        "\u212aelvin",  # the Kelvin sign, "k" in lower case
        "alice\u200b",
        "ali\u0307ce",
        "\ud800abc",
    ],
)
def test_what_is_no_name(username: str) -> None:
    assert canonical_name(username) is None
    with pytest.raises(CallMalformed) as raised:
        new_name(username)
    assert not username or username not in raised.value.detail


@pytest.mark.parametrize(
    "spelling",
    [
        *(
            "alice",
            "ALICE",
            " alice\t",
            "a l i c e",
            "ａｌｉｃｅ",
            "ⓐⓛⓘⓒⓔ",
            "al\u00adice",
            "alice\u200b",
            "\u2060alice",
        ),
        "alic\u0065\u0301",
        "alicé",
    ],
)
def test_one_fold_for_what_any_system_might_take_for_one_name(spelling: str) -> None:
    assert folded_name(spelling) == "alice"


@given(st.text())
def test_a_fold_folds_every_text_and_stays(text: str) -> None:
    once = folded_name(text)
    assert folded_name(once) == once
    assert folded_name(text.upper()) == folded_name(text.upper().lower())
    assert folded_name(f" {text}\u200b") == once


@given(st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9._@+-]{2,63}", fullmatch=True))
def test_own_names_fold_to_themselves(username: str) -> None:
    """Two own accounts never share a lock."""
    assert folded_name(username) == canonical_name(username)


@pytest.mark.parametrize("username", ["alice", "Alice Smith", "愛麗絲", "E10086", "x" * 128])
def test_what_a_verifier_is_asked_about(username: str) -> None:
    assert presentable(username)


@pytest.mark.parametrize(
    "username", ["", "x" * 129, " alice", "alice ", "al\nice", "alice\x00", "alice\u200b", "\ud800"]
)
def test_what_it_is_not_asked_about(username: str) -> None:
    assert not presentable(username)
