"""What the configuration must know of a plugin type that the installation brings.

The types themselves are loaded by ``menshen.gateway.plugin_loading``; here is only what a document and a snapshot need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

from menshen.config.route_rules import EnvoyPart
from menshen.errors import Problem

__all__ = ["NO_CUSTOM_TYPES", "CustomType", "CustomTypes", "NotCompiled", "PluginRoute"]


class NotCompiled(Exception):
    """Why a type's Envoy part cannot be used, without a word of the type's own."""


@dataclass(frozen=True, slots=True)
class PluginRoute:
    """What a type is told of a route when it says what Envoy shall do there. No ``methods`` is every method."""

    id: str
    group: str
    api: str
    path: str
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CustomType:
    """``headers`` are those that its plugins may set for a backend, ``response_headers`` those for a client, ``reads``
    those that they are shown, all lower-case; ``cookies`` are shown as well, ``tags`` may be set.

    ``problems`` checks parameters; the paths of its problems are below ``parameters``. ``compiled`` is the Envoy part
    of checked parameters on a route, and raises :class:`NotCompiled`. ``broken`` says why the type cannot be used at
    all, or is "".
    """

    headers: tuple[str, ...] = ()
    response_headers: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    problems: Callable[[Mapping[str, Any]], Iterable[Problem]] = lambda _: ()
    compiled: Callable[[Mapping[str, Any], PluginRoute], EnvoyPart | None] = lambda _, __: None
    broken: str = ""


class CustomTypes(Protocol):
    """Types by the names of their entry points. A mapping is one; so is what loads a type when it is asked for."""

    def get(self, name: str, /) -> CustomType | None: ...


NO_CUSTOM_TYPES: Final[CustomTypes] = MappingProxyType({})
