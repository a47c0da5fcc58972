"""Plugin types of the installation, loaded and looked at. What does not hold is broken, and is used nowhere.

A type is loaded when a document or a revision asks for it, so a package that nobody uses runs nothing here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from menshen.config.custom_parameters import ParametersModel, is_model, parameter_problems, parsed
from menshen.config.custom_types import CustomType, NotCompiled, PluginRoute
from menshen.config.plugins.registry import PARTS
from menshen.config.reserved import fold, is_reserved
from menshen.config.route_rules import EnvoyPart
from menshen.config.tag_values import is_tag_name
from menshen.errors import Problem
from menshen.foreign import Broken, brought, package_of, where
from menshen.gateway.plugin_envoy import filter_message, route_message
from menshen.gateway.plugins import GROUP
from menshen.platforms.installed import installed_platforms
from menshen.platforms.registry import PLATFORM_OF_PLUGIN

__all__ = ["InstalledType", "InstalledTypes", "PluginCode", "installed_types"]

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9]{0,59}")
_FIELD_NAME = re.compile(r"[a-z0-9!#$&'*+.^_`|~-]{1,100}")
_OWN: Final = "x-menshen-plugin-"
_READABLE: Final = frozenset({"content-type", "traceparent", "x-request-id"})
"""Headers that are reserved, and tell a reader nothing that he should not know."""

_MOST_NAMES = 16


@dataclass(frozen=True, slots=True)
class PluginCode:
    """A type that holds. ``filter`` is its Envoy filter as JSON; it has ``envoy`` exactly where it has that."""

    parameters: ParametersModel
    decide: Callable[[Any, Any], Any]
    headers: tuple[str, ...]
    response_headers: tuple[str, ...]
    reads: tuple[str, ...]
    cookies: tuple[str, ...]
    tags: tuple[str, ...]
    filter: dict[str, Any] | None = None
    filter_type: str = ""
    envoy: Callable[[Any, PluginRoute], Any] | None = None


@dataclass(frozen=True, slots=True)
class InstalledType:
    """A type by the name of its entry point, and the packages that bring it, each with its version.

    ``broken`` says why it cannot be used, or is "" where there is its code.
    """

    name: str
    packages: tuple[str, ...]
    broken: str = ""
    code: PluginCode | None = None


class InstalledTypes:
    """The types of ``points``, which finds all entry points when it is called first. One of ``CustomTypes``.

    ``logins`` is type of login plugin -> platform: no other type may have such a name.
    """

    def __init__(
        self, points: Callable[[], Iterable[EntryPoint]], logins: Mapping[str, str] = PLATFORM_OF_PLUGIN
    ) -> None:
        self.logins = logins
        self._find = points
        self._points: dict[str, list[EntryPoint]] | None = None
        self._loaded: dict[str, InstalledType] = {}
        self._known: dict[str, CustomType] = {}

    def names(self) -> list[str]:
        return sorted(self._found())

    def installed(self, name: str) -> InstalledType | None:
        """The type of this name; None where there is none."""
        if name not in self._loaded:
            points = self._found().get(name)
            if points is None:
                return None
            self._loaded[name] = _loaded(name, points, self.logins)
        return self._loaded[name]

    def get(self, name: str, /) -> CustomType | None:
        """The same, as the configuration knows it."""
        if name not in self._known:
            installed = self.installed(name)
            if installed is None:
                return None
            self._known[name] = _known(installed)
        return self._known[name]

    def _found(self) -> Mapping[str, Sequence[EntryPoint]]:
        if self._points is None:
            self._points = {}
            for point in self._find():
                self._points.setdefault(point.name, []).append(point)
        return self._points


@cache
def installed_types() -> InstalledTypes:
    """Those of this process's installation; what is installed later needs another process."""
    return InstalledTypes(lambda: entry_points(group=GROUP), installed_platforms().plugin_types)


def _loaded(name: str, points: Sequence[EntryPoint], logins: Mapping[str, str]) -> InstalledType:
    packages = tuple(sorted(package_of(point) for point in points))
    if name in logins and name not in PLATFORM_OF_PLUGIN:
        return InstalledType(name, packages, f"the login plugin of the platform {logins[name]} has this name")
    if name in PARTS or name in PLATFORM_OF_PLUGIN:
        return InstalledType(name, packages, "a type of Menshen's own has this name")
    if not _TYPE.fullmatch(name):
        return InstalledType(name, packages, "a type's name is 1 to 60 letters and digits, with a letter first")
    if len(points) > 1:
        return InstalledType(name, packages, f"several packages bring it: {', '.join(packages)}")
    try:
        return InstalledType(name, packages, code=brought(points[0], _read))
    except Broken as error:
        return InstalledType(name, packages, str(error))


def _read(made: Any) -> PluginCode:
    parameters, decide = getattr(made, "Parameters", None), getattr(made, "decide", None)
    if not is_model(parameters):
        raise Broken("Parameters is no pydantic model")
    if not callable(decide) or inspect.iscoroutinefunction(decide):
        raise Broken("decide is no plain function")
    code = PluginCode(
        parameters=parameters,
        decide=decide,
        headers=_names(made, "headers", _header),
        response_headers=_names(made, "response_headers", _header),
        reads=_names(made, "reads", _readable),
        cookies=_names(made, "cookies", lambda name: _FIELD_NAME.fullmatch(name.lower()) is not None),
        tags=_names(made, "tags", is_tag_name),
    )
    message, envoy = getattr(made, "envoy_filter", None), getattr(made, "envoy", None)
    if message is None and envoy is None:
        return code
    if message is None or not callable(envoy) or inspect.iscoroutinefunction(envoy):
        raise Broken("envoy_filter and envoy come together")
    try:
        checked = filter_message(message, code.headers, code.response_headers)
    except NotCompiled as error:
        why = str(error)
    else:
        return replace(code, filter=checked, filter_type=str(message.type), envoy=envoy)
    raise Broken(why)


def _names(made: Any, attribute: str, good: Callable[[str], bool]) -> tuple[str, ...]:
    names = getattr(made, attribute, ())
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        raise Broken(f"{attribute} is no tuple of texts")
    if len(names) > _MOST_NAMES:
        raise Broken(f"{attribute} has more than {_MOST_NAMES} names")
    for name in names:
        if not good(name):
            shown = name if name.isprintable() and len(name) <= 100 else "a name"
            raise Broken(f"{attribute} has '{shown}', which it may not have")
    if len({fold(name) for name in names}) < len(names):
        raise Broken(f"{attribute} has a name twice")
    return tuple(str(name) for name in names)


def _header(name: str) -> bool:
    """One of the family that is the plugins', or one that nobody else has."""
    return _FIELD_NAME.fullmatch(name) is not None and (name.startswith(_OWN) or not is_reserved(name, "identity"))


def _readable(name: str) -> bool:
    return _FIELD_NAME.fullmatch(name) is not None and (name in _READABLE or not is_reserved(name, "session"))


def _known(installed: InstalledType) -> CustomType:
    code = installed.code
    if code is None:
        return CustomType(broken=installed.broken)

    def problems(parameters: Mapping[str, Any]) -> Iterator[Problem]:
        try:
            yield from list(parameter_problems(code.parameters, parameters))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the team's code may raise anything
            why = where(error)
            yield Problem("", f"the type's own check of them broke: {why}", f"该插件类型校验参数时出错：{why}")

    def compiled(parameters: Mapping[str, Any], route: PluginRoute) -> EnvoyPart | None:
        if code.envoy is None or code.filter is None:
            return None
        try:
            message = code.envoy(parsed(code.parameters, parameters), route)
            settings = route_message(message, code.filter_type, code.headers, code.response_headers)
        except NotCompiled:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the team's code may raise anything
            why = where(error)
        else:
            return None if settings is None else EnvoyPart(code.filter, settings)
        raise NotCompiled(why)

    return CustomType(
        headers=code.headers,
        response_headers=code.response_headers,
        reads=code.reads,
        cookies=code.cookies,
        tags=code.tags,
        problems=problems,
        compiled=compiled,
    )
