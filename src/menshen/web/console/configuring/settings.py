"""The sections of the document that are no lists: the listener, tracing, the user pool."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from menshen.config import document
from menshen.config.user_pool import Users
from menshen.documents.configuration import Shown
from menshen.documents.editing import Edit, Edited
from menshen.documents.parts import Json
from menshen.errors import PartUnknown
from menshen.operators.roles import Scope
from menshen.web.console.configuring.editor import Editor, Form
from menshen.web.console.configuring.parts import form_views, running
from menshen.web.console.forms.field import Field, fields_of
from menshen.web.console.forms.layout import Section
from menshen.web.console.language import sentence
from menshen.web.console.view import View, Visit

__all__ = ["setting_views"]

_PATH: Final = "/console/settings"

_SECTIONS: Final = {
    "listener": (
        sentence("Listener"),
        sentence("The public side: HTTPS, proxies in front, the user API."),
        Field("listener", "listener", "part", fields=fields_of(document.Listener, "listener.")),
    ),
    "tracing": (
        sentence("Tracing"),
        sentence("Where spans go, and how long TraceIDs are kept."),
        Field("tracing", "tracing", "part", nullable=True, fields=fields_of(document.Tracing, "tracing.")),
    ),
    "users": (
        sentence("User pool"),
        sentence("Accounts, text messages, captcha, limits, hooks, the login log."),
        Field("users", "users", "part", fields=fields_of(Users, "users.")),
    ),
}


def setting_views(editor: Editor) -> list[View]:
    """``/console/settings``, and a page for each section."""

    async def listed(visit: Visit) -> Response:
        current = await editor.configuration.current()
        sections = [(name, title, about, name in current.document) for name, (title, about, _) in _SECTIONS.items()]
        return visit.page("configuring/settings.html", settings=sections, revision=running(visit, current))

    def form_of(visit: Visit, current: Shown) -> Form:
        name = visit.words["section"]
        if name not in _SECTIONS:
            raise PartUnknown("there is no such section")
        title, _, field = _SECTIONS[name]
        return Form(
            title=title,
            fields=(field,),
            sections=() if field.nullable else (Section("", tuple(f"{name}.{each.key}" for each in field.fields)),),
            back=_PATH,
            back_title=sentence("Settings"),
            before={name: current.document[name]} if name in current.document else {},
            edit=lambda part: _section(name, part),
            after=lambda _: f"{_PATH}/{name}",
            about=lambda part: part == name,
            more={"revision": running(visit, current)},
        )

    return [View("GET", _PATH, Scope.CONFIG_READ, listed), *form_views(editor, f"{_PATH}/{{section}}", form_of)]


def _section(name: str, typed: dict[str, Any]) -> Edit:
    def edit(raw: Json) -> Edited:
        others = {key: value for key, value in raw.items() if key != name}
        return Edited({**others, **typed}, (((name,), (name,)),))

    return edit
