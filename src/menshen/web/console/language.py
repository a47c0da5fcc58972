"""The two languages of the console: which one a visit has, and the catalog of Chinese sentences.

Sentences stand in templates in English; ``locales/zh-CN/*.toml`` has each once, English = Chinese.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Final

__all__ = ["CHINESE", "ENGLISH", "LOCALES", "Catalog", "load_catalog", "locale_of", "sentence", "translator"]

ENGLISH: Final = "en"
CHINESE: Final = "zh-CN"
LOCALES: Final = (ENGLISH, CHINESE)

Catalog = Mapping[str, str]


def load_catalog() -> Catalog:
    """English sentence -> Chinese sentence. Raises ``ValueError`` for one that is translated in two ways."""
    catalog: dict[str, str] = {}
    for file in sorted(files(__package__).joinpath("locales", CHINESE).iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            for english, chinese in tomllib.loads(file.read_text("utf-8")).items():
                if catalog.setdefault(english, chinese) != chinese:
                    raise ValueError(f"{english!r} has two translations, {catalog[english]!r} and {chinese!r}")
    return catalog


def locale_of(cookie: str, accept_language: str) -> str:
    """The visitor's choice, else the first language of the browser that the console has, else English."""
    if cookie in LOCALES:
        return cookie
    for part in accept_language.split(","):
        wanted = part.partition(";")[0].strip().lower()
        if wanted.startswith("zh"):
            return CHINESE
        if wanted.startswith("en"):
            return ENGLISH
    return ENGLISH


def translator(locale: str, catalog: Catalog) -> Callable[[str], str]:
    """A sentence in the visit's language; one that has no translation stays English."""
    return (lambda text: catalog.get(text, text)) if locale == CHINESE else (lambda text: text)


def sentence(text: str) -> str:
    """Marks a sentence in code that a template will translate: tests/web/console look for each in the catalog."""
    return text
