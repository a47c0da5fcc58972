"""A user's profile: his own words about himself, and what the platform vouched for where he has said nothing.

It is shown to the user and to people, never believed: nothing of it decides anything. What may decide, as tags, is what
the platform vouched for and nothing else, so that is kept apart.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from menshen.config.tag_values import tag_value
from menshen.errors import CallMalformed

__all__ = ["ANONYMOUS", "FIELDS", "Profile", "changed_profile", "filled_profile", "vouched_for"]

FIELDS: Final[Mapping[str, int]] = {
    "nickname": 64,
    "gender": 1,
    "language": 16,
    "city": 64,
    "province": 64,
    "country": 64,
}
"""What a profile says, and the most characters of each. ``gender`` is WeChat's: 0 unknown, 1 male, 2 female."""

ANONYMOUS: Final = "微信用户"
"""The nickname that WeChat gives everybody since November 2022 where it used to give the real one."""

_GENDERS = ("0", "1", "2")

# No text may end its line, hide, or turn the direction of what is written after it: names are shown beside others'.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_REFUSED_SIGNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


@dataclass(frozen=True, slots=True)
class Profile:
    """Every field is text, "" where nothing is known; ``avatar`` is the file's name in :class:`Avatars`."""

    nickname: str = ""
    gender: str = ""
    language: str = ""
    city: str = ""
    province: str = ""
    country: str = ""
    avatar: str = ""


def changed_profile(profile: Profile, changes: Mapping[str, object]) -> Profile:
    """The profile with what the user says of himself. "" takes a field back, ``gender`` is 0, 1 or 2.

    Raises ``CallMalformed``, with no value in it, for a field that there is not or a value that is not its kind.
    """
    changed = {}
    for field, value in changes.items():
        text = _checked(field, value)
        if text is None:
            raise CallMalformed(f"profile: {field[:20]!r}" if field in FIELDS else "profile: an unknown field")
        changed[field] = text
    return replace(profile, **changed)


def filled_profile(profile: Profile, offered: Mapping[str, str]) -> Profile:
    """The profile with what the platform vouched for, where it was empty. Never raises: what does not fit is left out.

    WeChat's anonymous profile says nothing of anybody, so none of it is taken.
    """
    if offered.get("nickname") == ANONYMOUS:
        return profile
    filled = {}
    for field, value in offered.items():
        text = _checked(field, value)
        if text and text != "0" and getattr(profile, field) in ("", "0"):
            filled[field] = text
    return replace(profile, **filled)


def vouched_for(vouched: Mapping[str, str], offered: Mapping[str, str]) -> dict[str, str]:
    """What the platform vouches for, as values of tags, after it has offered this: its latest word on each field.

    A word that can be no tag (too long for one, or with signs that no profile may have) leaves none: the last one is
    true no more. The anonymous profile says nothing, and an unknown gender neither.
    """
    if offered.get("nickname") == ANONYMOUS:
        return dict(vouched)
    latest = dict(vouched)
    for field in FIELDS:
        if field in offered and offered[field] not in ("", "0"):
            latest[field] = tag_value(_checked(field, offered[field]) or "")
    return {field: value for field, value in latest.items() if value}


def _checked(field: str, value: object) -> str | None:
    """The text to store, None where the value is not of the field's kind."""
    if field == "gender":
        text = str(value) if type(value) in (int, str) else ""
        return text if text in _GENDERS else None
    if field not in FIELDS or not isinstance(value, str):
        return None
    text = value.strip()
    if len(text) > FIELDS[field] or any(_refused(sign) for sign in text):
        return None
    return text


def _refused(sign: str) -> bool:
    return sign in _REFUSED_SIGNS or unicodedata.category(sign) in _REFUSED_CATEGORIES
