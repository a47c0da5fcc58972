"""How a phone's app is spoken of in the diagram: in the words of its platform, not in WeChat's."""

from __future__ import annotations

from dataclasses import dataclass

from menshen.platforms.installed import installed_platforms
from menshen.platforms.registry import adapter_of
from menshen.platforms.words import words_of
from menshen.web.console.language import CHINESE
from menshen.web.console.try_it.phones import Phone

__all__ = ["Spoken", "spoken"]


@dataclass(frozen=True, slots=True)
class Spoken:
    """In the visitor's language. ``call`` gives a code; ``proof`` goes to the platform with it; ``session_key``: one
    comes back."""

    platform: str
    call: str
    proof: str
    session_key: bool


def spoken(phone: Phone, locale: str) -> Spoken:
    """Of the app that the phone's plugin logs users in to."""
    platform = adapter_of(phone.plugin.app, installed_platforms().adapters)
    words, chinese = words_of(platform), locale == CHINESE
    return Spoken(words.title[chinese], words.login_call, words.proof[chinese], platform.session_keys)
