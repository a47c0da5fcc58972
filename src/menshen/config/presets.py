"""Presets of login plugins: the settings that fit a client that exists already, by name.

A preset is data beside this module and nothing else: no code asks for its name, so whatever one does an operator could
have written himself. The document keeps the name, and what it stands for is looked up each time that it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import AfterValidator

from menshen.config.plugins.registry import kind_of
from menshen.config.wording import refuse
from menshen.config.yamltext import parse_yaml

__all__ = ["PresetName", "presets", "with_presets"]


@cache
def presets() -> Mapping[str, Mapping[str, Any]]:
    """Name -> the keys of a login plugin, as a document would write them."""
    text = (files("menshen.config") / "presets.yaml").read_text(encoding="utf-8")
    return MappingProxyType(parse_yaml(text).value)


def with_presets(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document with each login plugin's preset under what the plugin says itself; ``raw`` stays as it is.

    What is wrong in it stays for the model to tell: an unknown name, or a list that is none.
    """
    plugins = raw.get("plugins")
    if not isinstance(plugins, list) or not any(isinstance(each, Mapping) and "preset" in each for each in plugins):
        return raw
    return {**raw, "plugins": [_with_preset(each) for each in plugins]}


def _with_preset(plugin: Any) -> Any:
    if not isinstance(plugin, Mapping) or kind_of(plugin) != "login":
        return plugin
    name = plugin.get("preset")
    preset = presets().get(name) if isinstance(name, str) else None
    return plugin if preset is None else _over(plugin, preset)


def _over(written: Mapping[str, Any], preset: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings are merged, anything else that is written stands alone: a list, a template's value, a null."""
    merged = dict(written)
    for key, value in preset.items():
        if key not in written:
            merged[key] = value
        elif isinstance(written[key], Mapping) and isinstance(value, Mapping):
            merged[key] = _over(written[key], value)
    return merged


def _known(name: str) -> str:
    known = presets()
    if name not in known:
        names = ", ".join(known)
        raise refuse(f"there is no such preset; there are: {names}", f"没有此预设，可选：{names}")
    return name


PresetName = Annotated[str, AfterValidator(_known)]
