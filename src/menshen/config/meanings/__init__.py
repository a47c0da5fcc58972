"""What each key of the document means, in English and in Chinese: for the documentation, and as hints in the console.

``document.toml`` has a key by its path in the document (``apps[].name``; plugins there are login plugins),
``plugins.toml`` one of another plugin type with the type in front (``RateLimit.limits[].by``). Texts are Markdown.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files

__all__ = ["document_meanings", "plugin_meanings"]


def document_meanings() -> Mapping[str, list[str]]:
    """Key -> its meaning in both languages."""
    return _read("document.toml")


def plugin_meanings() -> Mapping[str, list[str]]:
    """Key of a plugin type -> its meaning in both languages."""
    return _read("plugins.toml")


def _read(name: str) -> Mapping[str, list[str]]:
    return tomllib.loads(files(__package__).joinpath(name).read_text("utf-8"))
