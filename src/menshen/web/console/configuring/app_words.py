"""What the console calls an app's platform and keys: as that platform's own pages do."""

from __future__ import annotations

from collections.abc import Mapping

from menshen.platforms.installed import installed_platforms
from menshen.platforms.words import words_of
from menshen.web.console.language import CHINESE

__all__ = ["app_labels", "platform_title", "secret_title"]


def platform_title(platform: str, locale: str) -> str:
    """A platform that is none, as a running revision has none, goes by what is written."""
    adapter = installed_platforms().adapters.get(platform)
    return platform if adapter is None else words_of(adapter).title[locale == CHINESE]


def secret_title(platform: str, locale: str) -> str:
    """What ``apps[].secret`` is there, as a heading."""
    adapter = installed_platforms().adapters.get(platform)
    if adapter is None:
        return "AppSecret"
    secret = words_of(adapter).secret[locale == CHINESE]
    return secret[:1].upper() + secret[1:]


def app_labels(platform: str, locale: str) -> Mapping[str, str]:
    """The labels of an app's fields, by their paths; AppID and AppSecret stay what they are elsewhere."""
    adapter = installed_platforms().adapters.get(platform)
    if adapter is None:
        return {}
    words, language = words_of(adapter), locale == CHINESE
    labels = {"apps[].platform_key": words.platform_key[language]}
    appid, secret = words.appid, secret_title(platform, locale)
    if (appid, secret) != ("AppID", "AppSecret"):
        both = f"应用（{appid} / {secret}）" if language else f"App ({appid} and {words.secret[0]})"
        labels |= {"apps[].appid": appid, "apps[].secret": secret, "plugins[].app": both}
    return labels
