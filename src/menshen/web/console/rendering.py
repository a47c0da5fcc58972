"""Templates to HTML. Everything is escaped; a name that a template has and nobody gave is an error."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import jinja2
from markupsafe import Markup, escape
from starlette.responses import Response

from menshen import __version__
from menshen.web.console.language import Catalog, translator
from menshen.web.console.navigation import Section, entries_for

if TYPE_CHECKING:
    from menshen.web.console.view import Visit

__all__ = ["SAID_COOKIE", "Renderer", "read_said"]

SAID_COOKIE: Final = "menshen_said"
_SAID_SECONDS: Final = 30


class Renderer:
    """``paths`` are those of the views that there are: the navigation leads nowhere else."""

    def __init__(self, catalog: Catalog, paths: Sequence[str]) -> None:
        self.catalog = catalog
        self._paths = frozenset(paths)
        self._environment = jinja2.Environment(
            loader=jinja2.PackageLoader("menshen.web.console"),
            autoescape=True,  # attack class 50: names, nicknames and user agents are the attacker's own text
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.policies["ext.i18n.trimmed"] = True
        self._environment.add_extension("jinja2.ext.i18n")
        self._environment.newstyle_gettext = True  # type: ignore[attr-defined]
        self._environment.globals["version"] = __version__
        self._environment.filters["when"] = when
        self._environment.filters["number"] = number

    def render(self, template: str, visit: Visit, values: Mapping[str, Any]) -> str:
        say = translator(visit.locale, self.catalog)
        return self._environment.get_template(template).render(
            {
                **values,
                "visit": visit,
                "gettext": _gettext(say, self.catalog),
                "ngettext": _ngettext(say),
                "_": _gettext(say, self.catalog),
                "sections": self.sections(visit),
                "said": say(visit.said) if visit.said in self.catalog else "",
            }
        )

    def sections(self, visit: Visit) -> Sequence[Section]:
        return entries_for(visit.principal, self._paths)

    def say(self, answer: Response, sentence: str) -> None:
        """Have the next page say this. Only what the catalog has is ever shown: nobody else's text."""
        if sentence not in self.catalog:
            raise ValueError(f"{sentence!r} has no translation")
        value = base64.urlsafe_b64encode(sentence.encode()).decode()
        answer.set_cookie(SAID_COOKIE, value, max_age=_SAID_SECONDS, path="/console", httponly=True, samesite="strict")


def read_said(cookie: str) -> str:
    """What :meth:`Renderer.say` wrote; "" for anything else."""
    try:
        return base64.urlsafe_b64decode(cookie.encode()).decode()
    except ValueError:
        return ""


def when(seconds: float | None) -> Markup | str:
    """Unix seconds as a ``time`` element, in UTC; the browser's script shows it in the visitor's own zone."""
    if not seconds:
        return "–"
    at = datetime.fromtimestamp(seconds, UTC)
    return Markup('<time datetime="{}">{}</time>').format(f"{at:%Y-%m-%dT%H:%M:%SZ}", f"{at:%Y-%m-%d %H:%M:%S} UTC")


def number(value: float) -> str:
    """With a thin space every three digits: ``1 234 567``."""
    return f"{value:,}".replace(",", "\u202f")


def _gettext(say: Callable[[str], str], catalog: Catalog) -> Callable[..., str]:
    # Values go in behind the translation, and escaped: a value is no sentence and no HTML. Nor is a text that no
    # catalog has, such as an outcome that an older version wrote: a template may well have it translated.
    def gettext(text: str, /, **values: Any) -> Any:
        said = Markup(say(text)) if text in catalog else escape(text)  # noqa: S704  (the catalog is ours)
        return said % values if values else said

    return gettext


def _ngettext(say: Callable[[str], str]) -> Callable[..., str]:
    def ngettext(one: str, many: str, count: int, /, **values: Any) -> Any:
        said = Markup(say(one if count == 1 else many))  # noqa: S704  (as above)
        return said % {"num": count, **values}

    return ngettext
