"""Who refers to a part: what a page says before it is taken away, and where it leads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from menshen.config.document import Binding
from menshen.config.effective import EffectivePlugins, effective_plugins
from menshen.config.plugins.registry import GUARDS, kind_of
from menshen.documents.parts import Json, items_at
from menshen.web.console.configuring.kinds import api_path, group_path

__all__ = ["Applied", "Referrer", "applied", "bindings_of", "effective", "referrers"]


@dataclass(frozen=True, slots=True)
class Referrer:
    """``keeps``: the part cannot go while this refers to it."""

    name: str
    path: str
    keeps: bool = True


@dataclass(frozen=True, slots=True)
class Applied:
    """A plugin that is effective on an API, and what it is bound to. ``off``: the API is public."""

    plugin: str
    type: str
    target: str
    off: bool = False


_ORDER: Final = (
    ("Cors",),
    ("IpAccess",),
    ("RateLimit",),
    ("Jwt",),
    ("KeyPair",),
    ("OAuth",),
    ("login", "custom"),
    ("Tag",),
    ("ReqTransformer",),
    ("Canary",),
    ("PathRewrite",),
)
"""In which order kinds work on a request: docs/reference/plugins.md."""


def referrers(document: Json, kind: str, name: str) -> list[Referrer]:
    """Of an app, a component, an upstream, a group or a plugin."""
    return list(_referrers(document, kind, name))


def _referrers(document: Json, kind: str, name: str) -> Iterator[Referrer]:
    match kind:
        case "components":
            for app in items_at(document, ("apps",)):
                if app.get("component") == name:
                    yield Referrer(app["name"], f"/console/apps/{app['name']}")
        case "apps":
            for plugin in items_at(document, ("plugins",)):
                if plugin.get("app") == name and kind_of(plugin) == "login":
                    yield Referrer(plugin["name"], f"/console/plugins/{plugin['name']}")
        case "upstreams":
            for group in items_at(document, ("groups",)):
                if group.get("upstream") == name:
                    yield Referrer(group["name"], group_path(group["name"]))
        case "plugins":
            for binding in bindings_of(document, name):
                yield Referrer(_target(binding), _path_of(binding))
        case "groups" | "apis":
            for binding in items_at(document, ("bindings",)):
                target = _target(binding)
                if target == name or target.startswith(f"{name}/"):
                    plugin = binding["plugin"]
                    yield Referrer(plugin, f"/console/plugins/{plugin}", keeps=False)


def bindings_of(document: Json, plugin: str) -> list[Any]:
    return [each for each in items_at(document, ("bindings",)) if each.get("plugin") == plugin]


def effective(document: Json) -> EffectivePlugins:
    """The plugins of each group and API, of a document that holds."""
    kinds = {plugin["name"]: kind_of(plugin) for plugin in items_at(document, ("plugins",))}
    # Not validated again: a name may stand there as a ${NAME} that is resolved elsewhere.
    bindings = [
        Binding.model_construct(plugin=each.get("plugin", ""), group=each.get("group"), api=each.get("api"))
        for each in items_at(document, ("bindings",))
    ]
    return effective_plugins(bindings, kinds)


def applied(document: Json, group: str, api: str) -> list[Applied]:
    """The plugins that are effective on an API, in their order of work."""
    types = {plugin["name"]: plugin["type"] for plugin in items_at(document, ("plugins",))}
    found = effective(document)
    bound = sorted(found.on(group, api), key=lambda each: _rank(found.kinds.get(each.plugin, "custom")))
    open_to_all = any(
        each["name"] == api and each.get("access") == "public"
        for each in (items_at(document, ("groups", group, "apis")) if api else ())
    )
    return [
        Applied(
            each.plugin, types.get(each.plugin, ""), each.target, open_to_all and found.kinds[each.plugin] in GUARDS
        )
        for each in bound
    ]


def _rank(kind: str) -> int:
    return next((rank for rank, kinds in enumerate(_ORDER) if kind in kinds), len(_ORDER))


def _target(binding: Json) -> str:
    return str(binding.get("api") or binding.get("group"))


def _path_of(binding: Json) -> str:
    group, _, api = _target(binding).partition("/")
    return api_path(group, api) if api else group_path(group)
