"""Plugins: the type first, then a form of that type, then what it is bound to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from menshen.config.presets import presets
from menshen.documents.configuration import Shown
from menshen.documents.editing import Edit, Edited, create, replace
from menshen.documents.parts import Json, items_at, part_at
from menshen.errors import EditInvalid, NameTaken, PartUnknown, Problem
from menshen.gateway.plugin_loading import InstalledTypes
from menshen.operators.roles import Scope
from menshen.web.console.configuring.app_words import app_labels
from menshen.web.console.configuring.binding import Tree, tree_of
from menshen.web.console.configuring.editor import Editor, Form
from menshen.web.console.configuring.parts import form_views, removal_views, running
from menshen.web.console.configuring.plugin_types import NEW_APP, PluginType, plugin_type, plugin_types
from menshen.web.console.configuring.referring import Referrer, referrers
from menshen.web.console.forms.field import Field, defaulting
from menshen.web.console.forms.showing import Option
from menshen.web.console.language import sentence
from menshen.web.console.view import View, Visit

__all__ = ["PLUGINS", "plugin_views"]

PLUGINS: Final = "/console/plugins"

_NEW: Final = ":new"


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    type: str
    kind: PluginType | None
    description: str
    bound: list[Referrer]


def plugin_views(editor: Editor, installed: InstalledTypes) -> list[View]:
    """``/console/plugins``; ``installed`` are the types of the installation."""

    async def listed(visit: Visit) -> Response:
        current = await editor.configuration.current()
        kinds = {each.name: each for each in plugin_types(installed)}
        rows = [
            _Row(
                name=each["name"],
                type=each["type"],
                kind=kinds.get(each["type"]),
                description=each.get("description", ""),
                bound=referrers(current.document, "plugins", each["name"]),
            )
            for each in items_at(current.document, ("plugins",))
        ]
        return visit.page("configuring/plugins.html", rows=rows, revision=running(visit, current))

    async def types(visit: Visit) -> Response:
        return visit.page("configuring/plugin_types.html", types=plugin_types(installed))

    def new(visit: Visit, current: Shown) -> Form:
        kind = plugin_type(installed, visit.words["type"])
        if kind is None or kind.broken:
            raise PartUnknown("there is no such type")
        return _form(visit, current, kind, None)

    def edit(visit: Visit, current: Shown) -> Form:
        name = visit.words["name"]
        plugin = part_at(current.document, ("plugins", name))
        kind = plugin_type(installed, plugin["type"])
        if kind is None:
            raise PartUnknown("the type is not installed any more")
        return _form(visit, current, kind, plugin)

    return [
        View("GET", PLUGINS, Scope.CONFIG_READ, listed),
        View("GET", f"{PLUGINS}/-/new", Scope.CONFIG_WRITE, types),
        *form_views(editor, f"{PLUGINS}/-/new/{{type}}", new),
        *form_views(editor, f"{PLUGINS}/{{name}}", edit),
        *removal_views(
            editor,
            f"{PLUGINS}/{{name}}/delete",
            way=lambda visit: ("plugins", visit.words["name"]),
            back=lambda _: PLUGINS,
            users=lambda visit, document: referrers(document, "plugins", visit.words["name"]),
        ),
    ]


def _form(visit: Visit, current: Shown, kind: PluginType, plugin: Json | None) -> Form:
    name = None if plugin is None else plugin["name"]
    offered, start = {}, {}
    if kind.platform:
        apps = _apps(current.document, kind.platform)
        offered["plugins[].app"] = [*apps, Option(_NEW, "")]
        offered["plugins[].preset"] = [Option(each, each) for each in presets()]
        start["app"] = apps[0].value if apps else _NEW
    versions = sorted(
        {
            version["name"]
            for upstream in items_at(current.document, ("upstreams",))
            for version in upstream.get("versions") or ()
        }
    )
    tree: Tree | None = None if name is None else tree_of(current.document, name)
    return Form(
        title=kind.title if name is None else sentence("Plugins"),
        values=kind.values(visit.locale),
        labels=app_labels(kind.platform, visit.locale),
        subject=name or "",
        fields=_fields(kind, plugin or {}),
        sections=kind.sections,
        back=PLUGINS if name else f"{PLUGINS}/-/new",
        back_title=sentence("Plugins") if name else sentence("New plugin"),
        kind="plugins",
        before={} if plugin is None else {key: value for key, value in plugin.items() if key != "type"},
        start=start,
        edit=_saving(kind, name),
        after=lambda part: f"{PLUGINS}/{part.get('name', name)}",
        about=lambda part: name is not None and part == f"plugins/{name}",
        offered=offered,
        suggested={"Canary.rules[].to[].version": ["default", *versions]},
        template="configuring/plugin.html",
        more={"type": kind, "tree": tree, "revision": running(visit, current), "plugin": name or ""},
    )


def _fields(kind: PluginType, plugin: Json) -> tuple[Field, ...]:
    """What is left out of a plugin with a preset is the preset's, and so the form shows it."""
    preset = presets().get(plugin.get("preset") or "") if kind.platform else None
    return kind.fields if preset is None else defaulting(kind.fields, preset)


def _apps(document: Json, platform: str) -> list[Option]:
    return [
        Option(each["name"], f"{each['name']} ({each['appid']})")
        for each in items_at(document, ("apps",))
        if each["platform"] == platform
    ]


def _saving(kind: PluginType, name: str | None) -> Callable[[dict[str, Any]], Edit]:
    def edit(typed: dict[str, Any]) -> Edit:
        part = {"name": typed.get("name", ""), "type": kind.name, **typed}
        if not part["name"]:
            del part["name"]
        new_app = part.pop(NEW_APP, {})
        if part.get("app") != _NEW:
            return _written(part, name)
        # TSF asks for AppID and AppSecret and for no app: one that is not named is called like its plugin.
        app = {"name": part.get("name", ""), "platform": kind.platform, **new_app}
        return _with_app(app, _written({**part, "app": app["name"]}, name))

    return edit


def _written(part: Json, name: str | None) -> Edit:
    return create(("plugins",), part) if name is None else replace(("plugins",), name, part)


def _with_app(app: Json, plugin: Edit) -> Edit:
    """Both in one revision."""

    def edit(raw: Json) -> Edited:
        try:
            first = create(("apps",), app)(raw)
        except NameTaken:
            at = f"{NEW_APP}.name"
            taken = Problem(at, "there is an app of this name already", "已有同名应用")
            raise EditInvalid([taken], {at: at}) from None
        second = plugin(first.raw)
        places = tuple((place, (NEW_APP, *written)) for place, written in first.places)
        return Edited(second.raw, (*places, *second.places), second.renamed)

    return edit
