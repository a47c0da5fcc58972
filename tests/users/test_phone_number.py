"""Phone numbers: one spelling each, and never in a text that may be logged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.errors import CallMalformed, PlatformReplyInvalid
from menshen.users.phone_number import PhoneNumber, parse_phone, platform_phone


@pytest.mark.parametrize("text", ["13580006666", "+8613580006666"])
def test_a_number_of_the_mainland_may_leave_its_code_out(text: str) -> None:
    assert parse_phone(text) == PhoneNumber("86", "13580006666")
    assert parse_phone(text).e164 == "+8613580006666"


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("+12025550123", "1"),
        ("+74951234567", "7"),
        ("+442079460123", "44"),
        ("+85291234567", "852"),
        ("+886912345678", "886"),
        ("+390612345678", "39"),
        ("+2250123456789", "225"),
        ("+35312345678", "353"),
        ("+6591234567", "65"),
    ],
)
def test_the_calling_code_is_told_from_the_number(text: str, country: str) -> None:
    assert parse_phone(text).country == country
    assert parse_phone(text).e164 == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "12345",
        "23580006666",
        "1358000666",
        "135800066660",
        "8613580006666",
        "008613580006666",
        "+86013580006666",
        "+8623580006666",
        "+4402079460123",
        "+86 13580006666",
        "135-8000-6666",
        " 13580006666",
        "13580006666\n",
        "１３５８０００６６６６",
        "١٣٥٨٠٠٠٦٦٦٦",
        "+0013580006666",
        "+1234567",
        "+1234567890123456",
        "tel:+8613580006666",
        "13580006666;ext=1",
    ],
)
def test_another_spelling_is_no_number(text: str) -> None:
    """Two spellings of a number would be two owners of it (attack class 32)."""
    with pytest.raises(CallMalformed) as refused:
        parse_phone(text)
    assert not text.strip() or text.strip() not in f"{refused.value} {refused.value.detail}"


@given(st.text(max_size=20))
def test_whatever_is_taken_has_one_spelling(text: str) -> None:
    try:
        number = parse_phone(text)
    except CallMalformed:
        return
    assert parse_phone(number.e164) == number
    assert text in (number.e164, number.national)


@given(st.from_regex(r"\A\+[1-9][0-9]{7,14}\Z"))
def test_a_number_is_its_country_and_the_rest(text: str) -> None:
    try:
        number = parse_phone(text)
    except CallMalformed:
        return
    assert number.e164 == text
    assert platform_phone(number.national, number.country) == number


@pytest.mark.parametrize("code", ["86", "+86"])
def test_what_the_platform_vouches_for_is_the_number_that_a_person_types(code: str) -> None:
    assert platform_phone("13580006666", code) == parse_phone("13580006666")


def test_a_trunk_prefix_of_the_platforms_is_taken_off_where_it_is_one() -> None:
    assert platform_phone("02079460123", "44") == parse_phone("+442079460123")
    assert platform_phone("0612345678", "39") == parse_phone("+390612345678")


@pytest.mark.parametrize(
    ("pure", "code"),
    [
        ("", "86"),
        ("13580006666", ""),
        ("13580006666", "0"),
        ("13580006666", "86a"),
        ("3580006666", "861"),
        ("12345", "86"),
        ("1358000666x", "86"),
        ("000000", "44"),
        ("12345678901234", "852"),
        ("+8613580006666", "86"),
        ("１３５８０００６６６６", "86"),
    ],
)
def test_a_number_of_the_platforms_that_is_none_is_refused(pure: str, code: str) -> None:
    with pytest.raises(PlatformReplyInvalid) as refused:
        platform_phone(pure, code)
    assert not pure or pure not in f"{refused.value} {refused.value.detail}"


def test_its_owner_sees_enough_of_it_and_a_log_nothing() -> None:
    mainland, abroad = parse_phone("13580006666"), parse_phone("+442079460123")
    assert (mainland.masked, mainland.tail) == ("135****6666", "6666")
    assert abroad.masked == "+44 ****0123"
    for number in (mainland, abroad):
        for text in (repr(number), str(number), f"{number}", repr([number])):
            assert number.national not in text
            assert number.tail not in text
