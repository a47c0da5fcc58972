"""The parts of the document, and the plugin types, as JSON Schema: made of the very models that check them.

A schema says which keys there are and of which kind; what the document's own checks say beyond that only they know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from menshen.config.document import Document, Plugin
from menshen.config.plugins.custom import Custom
from menshen.config.plugins.registry import PARTS
from menshen.foreign import where
from menshen.gateway.plugin_loading import InstalledTypes

__all__ = ["PluginType", "part_schemas", "plugin_types"]

Json = Mapping[str, Any]

_REF: Final = "#/components/schemas/Config{model}"

_MODELS: Final = {
    "components": "Component",
    "apps": "App",
    "upstreams": "Upstream",
    "groups": "Group",
    "apis": "Api",
    "webhooks": "Webhook",
    "bindings": "Binding",
    "listener": "Listener",
    "tracing": "Tracing",
    "users": "Users",
}


def part_schemas() -> dict[str, dict[str, Any]]:
    """Of an item of each list, such as ``apps`` or ``apis``, of each section, and of the ``document``.

    ``$defs`` of each has what any of them refers to, below ``#/components/schemas``, as OpenAPI has it.
    """
    whole = Document.model_json_schema(ref_template=_REF)
    models = {f"Config{name}": schema for name, schema in whole.pop("$defs").items()}
    defs = {"$defs": {**models, "ConfigDocument": whole, "ConfigEveryPlugin": whole["properties"]["plugins"]["items"]}}
    names = {**_MODELS, "document": "Document", "plugins": "EveryPlugin"}
    return {what: {"$ref": _REF.format(model=model), **defs} for what, model in names.items()}


@dataclass(frozen=True, slots=True)
class PluginType:
    """``kind`` is ``login`` (with its ``platform``), ``own``, or ``custom`` for what the installation brings, with the
    ``packages`` that do. ``schema`` is that of a whole plugin. ``broken`` says why it cannot be used, or is "".
    """

    type: str
    kind: str
    schema: Json
    platform: str = ""
    packages: tuple[str, ...] = ()
    broken: str = ""


def plugin_types(installed: InstalledTypes) -> list[PluginType]:
    """All that a document may name here. Loads every type of the installation."""
    login = [PluginType(name, "login", _of_type(Plugin, name), platform) for name, platform in installed.logins.items()]
    own = [PluginType(name, "own", _of_type(model, name)) for name, model in PARTS.items()]
    return [*login, *own, *(_custom(installed, name) for name in installed.names())]


def _of_type(model: type[BaseModel], name: str) -> dict[str, Any]:
    schema = model.model_json_schema()
    schema["properties"] = {**schema["properties"], "type": {"const": name, "type": "string"}}
    return schema


def _custom(installed: InstalledTypes, name: str) -> PluginType:
    found, schema = installed.installed(name), _of_type(Custom, name)
    broken, packages = ("", ()) if found is None else (found.broken, found.packages)
    if found is not None and found.code is not None:
        try:
            parameters = found.code.parameters.model_json_schema()
        except Exception as error:  # noqa: BLE001 - the team's code may raise anything
            broken = f"its Parameters have no schema: {where(error)}"
        else:
            schema["$defs"] = {**schema.get("$defs", {}), **parameters.pop("$defs", {})}
            schema["properties"] = {**schema["properties"], "parameters": parameters}
    return PluginType(name, "custom", schema, packages=packages, broken=broken)
