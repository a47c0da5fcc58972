"""Apps: which mini programs there are, and which plugins log their users in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from menshen.config.environment import has_reference
from menshen.documents.parts import Json, items_at
from menshen.operators.roles import Scope
from menshen.platforms.installed import installed_platforms
from menshen.platforms.words import words_of
from menshen.web.console.configuring.app_words import app_labels, platform_title, secret_title
from menshen.web.console.configuring.editor import Editor
from menshen.web.console.configuring.kinds import APPS
from menshen.web.console.configuring.parts import part_views, running
from menshen.web.console.configuring.referring import Referrer, referrers
from menshen.web.console.forms.showing import Option
from menshen.web.console.view import View, Visit

__all__ = ["app_views", "platform_options"]


@dataclass(frozen=True, slots=True)
class _Row:
    """``platform``, and ``key`` for what its ``secret`` is, as the platform has it."""

    name: str
    platform: str
    key: str
    appid: str
    secret: str
    component: str
    description: str
    plugins: list[Referrer]


def app_views(editor: Editor) -> list[View]:
    """``/console/apps``."""

    async def listed(visit: Visit) -> Response:
        current = await editor.configuration.current()
        rows = [_row(current.document, app, visit.locale) for app in items_at(current.document, ("apps",))]
        return visit.page("configuring/apps.html", kind=APPS, rows=rows, revision=running(visit, current))

    views = part_views(editor, APPS, _offers, labels=_labels)
    return [View("GET", APPS.path, Scope.CONFIG_READ, listed), *views]


def _offers(document: Json) -> Mapping[str, Sequence[Option]]:
    components = [Option(each["name"], each["name"]) for each in items_at(document, ("components",))]
    return {"apps[].platform": platform_options(), "apps[].component": [Option("", "–"), *components]}


def platform_options() -> list[Option]:
    """The platforms that there are, under the names that people know them by."""
    options = []
    for name, adapter in installed_platforms().adapters.items():
        english, chinese = words_of(adapter).title
        options.append(Option(name, english if english == chinese else f"{chinese} {english}"))
    return options


def _labels(visit: Visit, app: Json) -> Mapping[str, str]:
    """Of the platform that is chosen in the form as it was sent, else of the app's."""
    return app_labels(visit.text("platform") or app.get("platform", ""), visit.locale)


def _row(document: Json, app: Json, locale: str) -> _Row:
    secret = app.get("secret")
    return _Row(
        name=app["name"],
        platform=platform_title(app["platform"], locale),
        key=secret_title(app["platform"], locale),
        appid=app["appid"],
        secret=secret if isinstance(secret, str) and has_reference(secret) else "",
        component=app.get("component", ""),
        description=app.get("description", ""),
        plugins=referrers(document, "apps", app["name"]),
    )
