"""What a platform is called, and what it calls the things that an operator and a mini program deal with.

An adapter says it as its ``words``, so that the console and ``menshen doctor`` speak of each app as its platform does.
One that says nothing, as a platform of a third party may, is spoken of by its name and in WeChat's words.
"""

from __future__ import annotations

from dataclasses import dataclass

from menshen.platforms.base import Platform

__all__ = ["Pair", "PlatformWords", "words_of"]

Pair = tuple[str, str]
"""English and Chinese."""


@dataclass(frozen=True, slots=True)
class PlatformWords:
    """``login_call`` is how a mini program asks for a code. ``appid``, ``secret`` and ``platform_key`` are those of
    ``apps[]`` as the platform's own pages name them; ``proof`` is what goes to the platform with a code.
    """

    title: Pair
    login_call: str
    appid: str = "AppID"
    secret: Pair = ("AppSecret", "AppSecret")
    platform_key: Pair = ("Platform's public key", "平台公钥")
    proof: Pair = ("the AppSecret", "AppSecret")


def words_of(platform: Platform) -> PlatformWords:
    """The platform's own words, or those that do for any."""
    words = getattr(platform, "words", None)
    return words if isinstance(words, PlatformWords) else PlatformWords((platform.name, platform.name), "login")
