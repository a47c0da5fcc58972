"""Phone numbers: one spelling of each, and that spelling never in a log.

A number is what a user is found by, so two spellings of it must not be two owners (attack class 32). The spelling is
E.164: a calling code, the number within that country, digits only, 15 at most.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from menshen.errors import CallMalformed, PlatformReplyInvalid

__all__ = ["PhoneNumber", "parse_phone", "platform_phone"]

_CHINA = "86"
_mainland = re.compile(r"1[3-9][0-9]{9}").fullmatch
_international = re.compile(r"\+([1-9][0-9]{7,14})").fullmatch
_digits = re.compile(r"[0-9]{1,20}").fullmatch
_code = re.compile(r"\+?([1-9][0-9]{0,2})").fullmatch

_TWO_DIGITS = re.compile(r"2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]").match
"""Calling codes of two digits; 1 and 7 have one, every other has three (ITU-T E.164). No code begins another."""

_KEEP_ZERO = frozenset({"39", "225", "241", "242", "378", "379"})
"""Where a 0 in front is a part of the number, not the trunk prefix that is left out after a calling code."""

_FEWEST_DIGITS, _MOST_DIGITS = 6, 15


@dataclass(frozen=True, slots=True, repr=False)
class PhoneNumber:
    """``country`` is the calling code ("86"), ``national`` the number within it; made by the functions below only."""

    country: str
    national: str

    @property
    def e164(self) -> str:
        """The one spelling: ``+8613580006666``."""
        return f"+{self.country}{self.national}"

    @property
    def tail(self) -> str:
        """The last four digits, for a person to tell his numbers apart."""
        return self.national[-4:]

    @property
    def masked(self) -> str:
        """What its owner is shown of it: ``135****6666``, ``+44 ****3456``."""
        if self.country == _CHINA:
            return f"{self.national[:3]}****{self.tail}"
        return f"+{self.country} ****{self.tail}"

    def __repr__(self) -> str:
        return "PhoneNumber(***)"


def parse_phone(text: str) -> PhoneNumber:
    """The number that a person typed: ``13580006666`` of the mainland, or ``+`` and a calling code.

    Raises ``CallMalformed`` for anything else, also for a spelling that means a number but is not its one spelling.
    """
    if _mainland(text):
        return PhoneNumber(_CHINA, text)
    typed = _international(text)
    if typed is None:
        raise CallMalformed("not a phone number")
    country = _calling_code(typed[1])
    number = PhoneNumber(country, typed[1][len(country) :])
    if not _is_one(number):
        raise CallMalformed("not a phone number of its country")
    return number


def platform_phone(pure: str, country_code: str) -> PhoneNumber:
    """The number that a platform vouches for, from its ``purePhoneNumber`` and ``countryCode``.

    Here a trunk prefix is taken off rather than refused: the user cannot write it otherwise. Raises
    ``PlatformReplyInvalid``.
    """
    code = _code(country_code)
    if code is None or not _digits(pure):
        raise PlatformReplyInvalid("a phone number of another form")
    country = code[1]
    number = PhoneNumber(country, pure if country in _KEEP_ZERO else pure.lstrip("0"))
    digits = number.e164[1:]
    # The code must be the one that the digits say: a country "861" would be a second spelling of numbers in China.
    if len(digits) > _MOST_DIGITS or _calling_code(digits) != country or not _is_one(number):
        raise PlatformReplyInvalid("a phone number of another form")
    return number


def _calling_code(digits: str) -> str:
    if digits[0] in "17":
        return digits[0]
    return digits[:2] if _TWO_DIGITS(digits) else digits[:3]


def _is_one(number: PhoneNumber) -> bool:
    if number.country == _CHINA:
        return _mainland(number.national) is not None
    if number.national.startswith("0") and number.country not in _KEEP_ZERO:
        return False
    return len(number.national) >= _FEWEST_DIGITS
