"""What a profile may say, and who may say it."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.errors import CallMalformed
from menshen.users.profile import ANONYMOUS, FIELDS, Profile, changed_profile, filled_profile, vouched_for

REAL = Profile("小明", "1", "zh_CN", "Shenzhen", "Guangdong", "China", "abc.png")


def test_a_user_changes_what_he_names_and_no_more() -> None:
    changed = changed_profile(REAL, {"nickname": " Ming ", "gender": 2, "city": ""})
    assert changed == replace(REAL, nickname="Ming", gender="2", city="")


@pytest.mark.parametrize("gender", [0, 1, 2, "0", "1", "2"])
def test_a_gender_is_wechats(gender: object) -> None:
    assert changed_profile(Profile(), {"gender": gender}).gender == str(gender)


@pytest.mark.parametrize("gender", [3, -1, "", "male", True, 1.0, None, "１"])
def test_no_other_gender_is_taken(gender: object) -> None:
    with pytest.raises(CallMalformed):
        changed_profile(REAL, {"gender": gender})


@pytest.mark.parametrize("field", ["avatar", "uid", "openid", "status", "__class__", ""])
def test_a_user_has_no_say_in_anything_else(field: str) -> None:
    with pytest.raises(CallMalformed):
        changed_profile(REAL, {field: "x"})


@pytest.mark.parametrize(
    "text", ["a\nb", "a\r", "\x00", "a\x1bb", "\x7f", "\x85", "a\u2028b", "\u202eevil", "a\u2066b", "\ufeffa", "\ud800"]
)
@pytest.mark.parametrize("field", ["nickname", "country"])
def test_a_text_cannot_break_out_of_its_line(field: str, text: str) -> None:
    with pytest.raises(CallMalformed) as refused:
        changed_profile(REAL, {field: f"x{text}x"})
    assert text not in (refused.value.detail or "")


@pytest.mark.parametrize("text", ["小明", "👩‍👩‍👧‍👦", "Zoë", "a" * 64, "\U0001fae9", "O'Brien & <b>"])
def test_names_of_people_are_taken(text: str) -> None:
    assert changed_profile(Profile(), {"nickname": text}).nickname == text


@pytest.mark.parametrize(("field", "most"), [(f, n) for f, n in FIELDS.items() if f != "gender"])
def test_every_text_has_an_end(field: str, most: int) -> None:
    assert getattr(changed_profile(Profile(), {field: "长" * most}), field) == "长" * most
    with pytest.raises(CallMalformed):
        changed_profile(Profile(), {field: "长" * (most + 1)})


@pytest.mark.parametrize("value", [1, None, ["a"], {"a": 1}, b"a"])
def test_a_text_is_a_text(value: object) -> None:
    with pytest.raises(CallMalformed):
        changed_profile(REAL, {"nickname": value})


def test_what_the_platform_vouches_for_fills_what_is_empty_only() -> None:
    offered = {"nickname": "Real", "gender": "2", "city": "Beijing", "language": "en"}
    assert filled_profile(Profile(city="Shenzhen", gender="0"), offered) == Profile(
        nickname="Real", gender="2", city="Shenzhen", language="en"
    )
    assert filled_profile(REAL, offered) == REAL


def test_the_anonymous_profile_says_nothing_of_anybody() -> None:
    """Since November 2022 everybody is called so (reference 1.6)."""
    offered = {"nickname": ANONYMOUS, "gender": "0", "city": "x"}
    assert filled_profile(Profile(), offered) == Profile()
    assert filled_profile(REAL, offered) == REAL


@given(st.dictionaries(st.sampled_from([*FIELDS, "avatar", "openid"]), st.text(max_size=80)))
def test_a_platform_can_fill_in_nothing_that_a_user_could_not_say(offered: dict[str, str]) -> None:
    filled = filled_profile(Profile(), offered)
    said = {name: text for name, text in asdict(filled).items() if text}
    assert changed_profile(Profile(), said) == filled


def test_the_platforms_latest_word_on_each_field_is_vouched_for() -> None:
    first = vouched_for({}, {"nickname": "老王", "gender": "1", "city": "Beijing"})
    assert first == {"nickname": "%E8%80%81%E7%8E%8B", "gender": "1", "city": "Beijing"}
    assert vouched_for(first, {"city": "Shenzhen", "gender": "0", "country": ""}) == {**first, "city": "Shenzhen"}
    assert vouched_for(first, {"nickname": ANONYMOUS, "city": "x"}) == first


@pytest.mark.parametrize("word", ["王" * 43, "a\nb", "\u202eevil", "\ud800", "x" * 129])
def test_a_word_that_can_be_no_tag_leaves_none(word: str) -> None:
    before = {"nickname": "Wang", "city": "Beijing"}
    assert vouched_for(before, {"nickname": word}) == {"city": "Beijing"}


def test_nothing_but_a_profile_is_vouched_for() -> None:
    assert vouched_for({}, {"avatar": "x", "openid": "o", "account": "boss", "new_user": "true", "gender": "3"}) == {}


@given(st.dictionaries(st.sampled_from([*FIELDS, "account"]), st.text(max_size=140)))
def test_what_is_vouched_for_is_safe_in_a_header(offered: dict[str, str]) -> None:
    for value in vouched_for({}, offered).values():
        assert value.isascii()
        assert value.isprintable()
        assert not set(value) & set(' ",;\\+')
