"""The keys of an app beside AppID and AppSecret: which ones a platform has, and whether a text is such a key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from menshen.config.document import App
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
"""By the name below ``apps[]``: ``secret``, ``platform_key`` or ``data_key``."""

_OPTIONAL: Final = ("platform_key", "data_key")


def app_key_problems(app: At[App], keys: AppKeys) -> Iterator[Problem]:
    """The problems of one app, whose platform has these keys."""
    given = {
        "secret": app.value.secret,
        "platform_key": Secret(app.value.platform_key),
        "data_key": app.value.data_key or Secret(""),
    }
    for name in _OPTIONAL:
        if given[name] and name not in keys:
            yield Problem(
                f"{app.path}.{name}",
                f"the platform '{app.value.platform}' has no such key",
                f"平台 '{app.value.platform}' 没有此密钥",
            )
    for name, key in keys.items():
        if not given[name]:
            if key.needed:
                yield Problem(
                    f"{app.path}.{name}",
                    f"is needed on the platform '{app.value.platform}'",
                    f"平台 '{app.value.platform}' 需要此项",
                )
        elif given[name].reveal().strip("*") and (wrong := key.wrong(given[name])) is not None:
            yield Problem(f"{app.path}.{name}", *wrong)  # only stars: a secret that is not there, said elsewhere
