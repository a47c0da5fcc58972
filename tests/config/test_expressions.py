from __future__ import annotations

import pytest

from menshen.config.expressions import MAX_EXPRESSION, fits_whole, is_expression, splits_letters


@pytest.mark.parametrize(
    ("expression", "value", "fits"),
    [
        ("a|bc", "bc", True),
        ("a|bc", "abc", False),
        ("a", "a\n", False),
        ("", "", True),
        ("x*", "", True),
        ("北京|上海", "上海", True),
        (".*京", "北京", True),
        ("北.", "北京", False),  # one byte
        ("北...", "北京", True),
        ("[^a]+", "北京", True),
    ],
)
def test_an_expression_fits_the_whole_value_as_bytes(expression: str, value: str, fits: bool) -> None:
    assert fits_whole(expression, value) is fits


@pytest.mark.parametrize("expression", ["a", r"\d+", "北京", "[^a]", r"\x41", "a" * MAX_EXPRESSION, "(?i)a"])
def test_what_envoy_takes(expression: str) -> None:
    assert is_expression(expression)


@pytest.mark.parametrize(
    "expression", ["", "(", "(?=a)", r"(a)\1", r"\x{5317}", "a\nb", "a" * (MAX_EXPRESSION + 1), "((a{100}){100}){100}"]
)
def test_what_it_does_not_take(expression: str) -> None:
    assert not is_expression(expression)


@pytest.mark.parametrize(
    "expression", ["[北]", "[a北]", "x[^北]", r"\\[北]", "北*", "北?", "北+", "北{2}", r"\p{Han}", r"a\PL"]
)
def test_what_would_take_a_letter_apart(expression: str) -> None:
    assert splits_letters(expression)


@pytest.mark.parametrize("expression", ["北京", "(北)*", "[a-z]北", r"\[北", "北京|.*", r"\\pa", "[ab]*"])
def test_what_would_not(expression: str) -> None:
    assert not splits_letters(expression)
