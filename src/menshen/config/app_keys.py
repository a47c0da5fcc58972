"""The keys of an app beside AppID and AppSecret: which ones a platform has, and whether a text is such a key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from menshen.config.apps import ApiSecurity, App
from menshen.config.outline import At
from menshen.errors import Problem
from menshen.secret import Secret

__all__ = ["AppKey", "AppKeys", "app_key_problems"]


@dataclass(frozen=True, slots=True)
class AppKey:
    """``wrong``: what is wrong with a text that should be this key, in English and in Chinese; None if nothing is."""

    wrong: Callable[[Secret], tuple[str, str] | None]
    needed: bool = False


AppKeys = Mapping[str, AppKey]
"""By the name below ``apps[]``: ``secret``, ``platform_key``, ``data_key``, or one of ``api_security``, dot and all."""

_OPTIONAL: Final = ("platform_key", "data_key", "api_security")


def app_key_problems(app: At[App], keys: AppKeys) -> Iterator[Problem]:
    """The problems of one app, whose platform has these keys."""
    given = {
        "secret": app.value.secret or Secret(""),
        "platform_key": Secret(app.value.platform_key),
        "data_key": app.value.data_key or Secret(""),
        **_api_security(app.value.api_security),
    }
    had = {name.partition(".")[0] for name in keys}
    for name in _OPTIONAL:
        if name not in had and any(given[each] for each in given if each.partition(".")[0] == name):
            yield Problem(
                f"{app.path}.{name}",
                f"the platform '{app.value.platform}' has no such key",
                f"平台 '{app.value.platform}' 没有此密钥",
            )
    for name, key in keys.items():
        if not given.get(name):
            if key.needed:
                yield Problem(
                    f"{app.path}.{name}",
                    f"is needed on the platform '{app.value.platform}'",
                    f"平台 '{app.value.platform}' 需要此项",
                )
        elif given[name].reveal().strip("*") and (wrong := key.wrong(given[name])) is not None:
            yield Problem(f"{app.path}.{name}", *wrong)  # only stars: a secret that is not there, said elsewhere


def _api_security(keys: ApiSecurity | None) -> Mapping[str, Secret]:
    if keys is None:
        return {}
    return {
        "api_security.symmetric_key": keys.symmetric_key,
        "api_security.private_key": keys.private_key,
        "api_security.platform_certificate": Secret(keys.platform_certificate),
    }
