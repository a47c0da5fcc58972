"""Webhooks as they are configured. What was sent to them has pages of its own."""

from __future__ import annotations

from dataclasses import replace

from menshen.documents.configuration import Shown
from menshen.web.console.configuring.editor import Editor, Form
from menshen.web.console.configuring.kinds import WEBHOOKS
from menshen.web.console.configuring.parts import form_views, part_form, removal_views, running
from menshen.web.console.view import View, Visit

__all__ = ["webhook_form_views"]


def webhook_form_views(editor: Editor) -> list[View]:
    """``/console/webhooks/-/new``, and below a webhook ``/edit`` and ``/delete``."""

    def form(visit: Visit, current: Shown) -> Form:
        name = visit.words.get("name")
        made = part_form(WEBHOOKS, current, name)
        if name is not None:
            made = replace(made, more={"users": (), "revision": running(visit, current)})
        return replace(made, after=lambda part: f"{WEBHOOKS.page_of(part.get('name', name))}/edit")

    one = f"{WEBHOOKS.path}/{{name}}"
    return [
        *form_views(editor, f"{WEBHOOKS.path}/-/new", form),
        *form_views(editor, f"{one}/edit", form),
        *removal_views(
            editor,
            f"{one}/delete",
            way=lambda visit: (*WEBHOOKS.where, visit.words["name"]),
            back=lambda _: WEBHOOKS.path,
            users=lambda _visit, _document: [],
        ),
    ]
