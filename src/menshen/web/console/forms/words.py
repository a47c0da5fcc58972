"""How keys, choices and units are called in the visitor's language, and the hint that stands at a field."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files

from markupsafe import Markup, escape

from menshen.config.meanings import document_meanings, plugin_meanings
from menshen.web.console.forms.field import Field
from menshen.web.console.language import CHINESE

__all__ = ["Words", "load_words", "marked"]

_MARKS = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Words:
    """Texts in pairs, English and Chinese."""

    labels: Mapping[str, list[str]]
    choices: Mapping[str, list[str]]
    units: Mapping[str, list[str]]
    meanings: Mapping[str, list[str]] = field(repr=False)

    def label(self, of: Field, locale: str) -> str:
        """A key by its whole path, the model's own title, its last step, or as it is written."""
        pair = self.labels.get(of.path)
        if pair is None and of.title:
            return of.title
        pair = pair or self.labels.get(of.key)
        return of.key if pair is None else pair[locale == CHINESE]

    def unit(self, of: Field, locale: str) -> str:
        pair = self.labels.get(of.path) or self.labels.get(of.key) or []
        return self.units[pair[2]][locale == CHINESE] if len(pair) > 2 and of.kind == "number" else ""

    def hint(self, of: Field, locale: str) -> Markup:
        pair = self.meanings.get(of.path)
        return marked(of.about if pair is None else pair[locale == CHINESE])

    def choice(self, of: Field, value: str, locale: str) -> str:
        pair = self.choices.get(f"{of.path}={value}") or self.choices.get(value)
        return value if pair is None else pair[locale == CHINESE]


def load_words() -> Words:
    """Those of the package."""
    found = tomllib.loads(files(__package__).joinpath("labels.toml").read_text("utf-8"))
    return Words(found["keys"], found["choices"], found["units"], {**document_meanings(), **plugin_meanings()})


def marked(text: str) -> Markup:
    """A hint's Markdown as HTML, escaped. Its links lead to the documentation, which is not here, and become text."""
    html, end = Markup(), 0
    for mark in _MARKS.finditer(text):
        code, strong, link = mark.groups()
        html += escape(text[end : mark.start()])
        if code is not None:
            # In YAML a reference needs quotes; typed into a field, they would be part of the value.
            shown = code.strip('"') if code.startswith('"${') else code
            html += Markup("<code>{}</code>").format(shown)
        else:
            html += Markup("<strong>{}</strong>").format(strong) if strong is not None else escape(link)
        end = mark.end()
    return html + escape(text[end:])
