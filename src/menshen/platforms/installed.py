"""The platforms of an installation: Menshen's own, and those that packages bring by entry points.

A package's platform that does not hold is broken and is used nowhere; nor is one that takes a name of Menshen's own or
of another package: which of two adapters logs users in must not depend on the order of a directory.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Final

from menshen.config.app_keys import AppKeys
from menshen.config.plugins.registry import PARTS
from menshen.foreign import Broken, brought, package_of
from menshen.platforms.base import Platform
from menshen.platforms.registry import PLATFORM_OF_PLUGIN, PLATFORMS, app_keys_of, plugin_types_of
from menshen.platforms.third_party import held

__all__ = ["GROUP", "InstalledPlatform", "Platforms", "found_platforms", "installed_platforms"]

GROUP: Final = "menshen.platforms"

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,29}")


@dataclass(frozen=True, slots=True)
class InstalledPlatform:
    """A platform by the name of its entry point, and the packages that bring it, each with its version.

    ``broken`` says why it cannot be used, or is "" where there is its ``adapter``.
    """

    name: str
    packages: tuple[str, ...]
    broken: str = ""
    adapter: Platform | None = None


@dataclass(frozen=True, slots=True)
class Platforms:
    """``adapters`` are all that can be used, by name; ``installed`` those that packages bring, broken ones too."""

    adapters: Mapping[str, Platform]
    installed: tuple[InstalledPlatform, ...] = ()

    @property
    def plugin_types(self) -> Mapping[str, str]:
        """Plugin type as in ``plugins[].type`` -> the platform its app must be on."""
        return plugin_types_of(self.adapters.values())

    @property
    def app_keys(self) -> Mapping[str, AppKeys]:
        """Platform -> the keys of its apps beside AppID and AppSecret."""
        return app_keys_of(self.adapters.values())

    @property
    def broken(self) -> Mapping[str, str]:
        """Platform -> why it cannot be used."""
        return {each.name: each.broken for each in self.installed if each.broken and each.name not in self.adapters}


@cache
def installed_platforms() -> Platforms:
    """Those of this process's installation; what is installed later needs another process."""
    return found_platforms(entry_points(group=GROUP))


def found_platforms(points: Iterable[EntryPoint]) -> Platforms:
    """Menshen's own and those of these entry points. Loads them all."""
    by_name: dict[str, list[EntryPoint]] = {}
    for point in points:
        by_name.setdefault(point.name, []).append(point)
    loaded = [_loaded(name, by_name[name]) for name in sorted(by_name)]
    types = Counter(each.adapter.plugin_type for each in loaded if each.adapter is not None)
    installed = tuple(_alone(each, types) for each in loaded)
    own = {each.name: each.adapter for each in installed if each.adapter is not None}
    return Platforms(MappingProxyType({**PLATFORMS, **own}), installed)


def _loaded(name: str, points: list[EntryPoint]) -> InstalledPlatform:
    packages = tuple(sorted(package_of(point) for point in points))
    if name in PLATFORMS:
        return InstalledPlatform(name, packages, "a platform of Menshen's own has this name")
    if not _NAME.fullmatch(name):
        return InstalledPlatform(name, packages, "a platform's name is 1 to 30 of a-z, 0-9, _ and -, a letter first")
    if len(points) > 1:
        return InstalledPlatform(name, packages, f"several packages bring it: {', '.join(packages)}")
    try:
        adapter = brought(points[0], partial(held, name))
    except Broken as error:
        return InstalledPlatform(name, packages, str(error))
    if adapter.plugin_type in PLATFORM_OF_PLUGIN or adapter.plugin_type in PARTS:
        return InstalledPlatform(name, packages, f"a plugin type of Menshen's own is named {adapter.plugin_type}")
    return InstalledPlatform(name, packages, adapter=adapter)


def _alone(found: InstalledPlatform, types: Mapping[str, int]) -> InstalledPlatform:
    if found.adapter is None or types[found.adapter.plugin_type] == 1:
        return found
    return replace(found, broken=f"several platforms have the type {found.adapter.plugin_type}", adapter=None)
