"""Codes that a phone was given: each of one user of one app, good for a while and once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

__all__ = ["Code", "Codes"]


@dataclass(slots=True)
class Code:
    """``anonymous``: of a device. ``number`` and ``country`` are those of a phone code."""

    platform: str
    appid: str
    user: str
    expires: float
    used: bool = False
    anonymous: bool = False
    number: str = ""
    country: str = ""


class Codes:
    """One namespace: a login code is no phone code. ``lifetime`` in seconds; beyond ``most`` the oldest go."""

    __slots__ = ("_codes", "_lifetime", "_most")

    def __init__(self, lifetime: float, most: int) -> None:
        self._codes: OrderedDict[str, Code] = OrderedDict()  # oldest first, as all live equally long
        self._lifetime = lifetime
        self._most = most

    def __len__(self) -> int:
        return len(self._codes)

    def give(self, text: str, platform: str, appid: str, user: str, now: float) -> Code:
        code = self._codes[text] = Code(platform, appid, user, now + self._lifetime)
        return code

    def find(self, text: str) -> Code | None:
        return self._codes.get(text)

    def prune(self, now: float) -> None:
        """Forget expired codes, used or not: a replay after five minutes is 40029 (unconfirmed for the real one)."""
        codes = self._codes
        while codes:
            oldest = next(iter(codes))
            if codes[oldest].expires > now and len(codes) < self._most:
                return
            del codes[oldest]
