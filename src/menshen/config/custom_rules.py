"""Plugins of types that the installation brings, as the rules of a route, and what of them Envoy does by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from menshen.config.custom_types import CustomType, CustomTypes, NotCompiled, PluginRoute
from menshen.config.plugins.custom import Custom
from menshen.config.route_rules import CustomRules
from menshen.config.snapshot import Route
from menshen.errors import ConfigInvalid, Problem

__all__ = ["custom_rules", "in_envoy"]


def custom_rules(plugin: Custom, types: CustomTypes) -> CustomRules:
    """The rules of a checked plugin, as far as they are the same on every route."""
    kind = _kind(types, plugin.type)
    return CustomRules(
        plugin=plugin.name,
        type=plugin.type,
        parameters=plugin.parameters,
        headers=kind.headers,
        reads=kind.reads,
        cookies=kind.cookies,
        tags=kind.tags,
    )


def in_envoy(route: Route, types: CustomTypes, places: Mapping[str, int]) -> Route:
    """The route with the Envoy parts of its plugins; ``places`` is a plugin's name -> its index in the document.

    Raises ``ConfigInvalid`` where one does not compile: a document is refused before a route is without its plugin.
    """
    told = PluginRoute(route.id, route.group, route.api, route.prefix.rstrip("/") + route.path, route.methods)
    return replace(route, custom=tuple(_compiled(rules, told, types, places) for rules in route.custom))


def _compiled(rules: CustomRules, told: PluginRoute, types: CustomTypes, places: Mapping[str, int]) -> CustomRules:
    try:
        return replace(rules, envoy=_kind(types, rules.type).compiled(rules.parameters, told))
    except NotCompiled as error:
        why = str(error)
    problem = Problem(
        f"plugins[{places[rules.plugin]}].parameters",
        f"the plugin type '{rules.type}' cannot be compiled for Envoy on the API '{told.id}': {why}",
        f"插件类型 '{rules.type}' 在 API '{told.id}' 上无法编译为 Envoy 配置：{why}",
    )
    raise ConfigInvalid([problem])


def _kind(types: CustomTypes, name: str) -> CustomType:
    kind = types.get(name)
    if kind is None:
        raise LookupError(f"a document with the unknown plugin type {name} was not checked")
    return kind
