"""What is the same for every kind of part: a page to make one, a page to change it, and a page to take it away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.responses import Response

from menshen.documents.configuration import Shown
from menshen.documents.editing import Edit, create, delete, replace
from menshen.documents.parts import Json, Way, part_at, way_text
from menshen.errors import EditInvalid, PartUnknown, RevisionMoved
from menshen.operators.roles import Scope
from menshen.web.console.configuring.conflict import conflict_of
from menshen.web.console.configuring.editor import Editor, Form, told_problem
from menshen.web.console.configuring.kinds import PartKind
from menshen.web.console.configuring.referring import Referrer, referrers
from menshen.web.console.forms.showing import Option
from menshen.web.console.language import sentence
from menshen.web.console.view import View, Visit, Work

__all__ = ["FormOf", "form_views", "part_form", "part_views", "removal_views", "running"]

FormOf = Callable[[Visit, Shown], Form]
"""The form of a page. Raises ``PartUnknown``."""

Offers = Callable[[Json], Mapping[str, Sequence[Option]]]
Labels = Callable[[Visit, Json], Mapping[str, str]]


def part_form(kind: PartKind, current: Shown, name: str | None, offers: Offers = lambda _: {}, **more: Any) -> Form:
    """Of a part of a list at the top of the document; without a name, of a new one. Raises ``PartUnknown``."""
    before = {} if name is None else part_at(current.document, (*kind.where, name))
    return Form(
        title=kind.new if name is None else kind.title,
        subject=name or "",
        fields=kind.fields,
        sections=kind.sections,
        back=kind.path,
        back_title=kind.title,
        kind=kind.key,
        before={key: value for key, value in before.items() if key != "apis"},
        edit=lambda part: create(kind.where, part) if name is None else replace(kind.where, name, part),
        after=lambda part: kind.page_of(part.get("name", name)),
        about=lambda part: name is not None and part == f"{kind.key}/{name}",
        offered=offers(current.document),
        **more,
    )


def part_views(
    editor: Editor,
    kind: PartKind,
    offers: Offers = lambda _: {},
    at: str = "",
    labels: Labels = lambda _visit, _part: {},
) -> list[View]:
    """``/-/new``, ``/{name}`` and ``/{name}/delete`` of a kind. No part can be called ``-``.

    ``at`` stands behind the name where the part's own page is another. ``labels`` are what fields are called that are
    called otherwise elsewhere, by the part as it is, ``{}`` for a new one.
    """

    def new(visit: Visit, current: Shown) -> Form:
        return part_form(kind, current, None, offers, labels=labels(visit, {}))

    def edit(visit: Visit, current: Shown) -> Form:
        name = visit.words["name"]
        more_of = {"users": referrers(current.document, kind.key, name), "revision": running(visit, current)}
        part = part_at(current.document, (*kind.where, name))
        return part_form(kind, current, name, offers, labels=labels(visit, part), more=more_of)

    return [
        *form_views(editor, f"{kind.path}/-/new", new),
        *form_views(editor, f"{kind.path}/{{name}}{at}", edit),
        *removal_views(
            editor,
            f"{kind.path}/{{name}}/delete",
            way=lambda visit: (*kind.where, visit.words["name"]),
            back=lambda _: kind.path,
            users=lambda visit, document: referrers(document, kind.key, visit.words["name"]),
        ),
    ]


def form_views(editor: Editor, path: str, form_of: FormOf) -> list[View]:
    """A page with a form: whoever may read sees it, whoever may write saves it."""

    async def shown(visit: Visit) -> Response:
        current = await editor.configuration.current()
        return editor.show(visit, form_of(visit, current), current)

    async def taken(visit: Visit) -> Response:
        return await editor.take(visit, lambda current: form_of(visit, current))

    needs = Scope.CONFIG_WRITE if "/-/new" in path else Scope.CONFIG_READ
    return [View("GET", path, needs, _known(shown)), View("POST", path, Scope.CONFIG_WRITE, _known(taken))]


def removal_views(
    editor: Editor,
    path: str,
    *,
    way: Callable[[Visit], Way],
    back: Callable[[Visit], str],
    users: Callable[[Visit, Json], list[Referrer]],
) -> list[View]:
    """A page that asks first, and says who refers to the part."""

    def page(visit: Visit, current: Shown, status: int = 200, **more: Any) -> Response:
        part = part_at(current.document, way(visit))
        values = {"problems": [], "conflict": None, "refused": "", **more}
        found = users(visit, current.document)
        return visit.page(
            "configuring/delete.html",
            status,
            part=part,
            way=way_text(way(visit)),
            back=back(visit),
            users=found,
            kept=any(each.keeps for each in found),
            etag=current.etag,
            comment=visit.text("comment"),
            **values,
        )

    async def asked(visit: Visit) -> Response:
        return page(visit, await editor.configuration.current())

    async def removed(visit: Visit) -> Response:
        current = await editor.configuration.current()
        part = way_text(way(visit))
        conflict = await conflict_of(editor.configuration, visit.text("etag"), current, lambda each: each == part)
        if conflict is not None:
            return page(visit, current, 409, conflict=conflict)
        *where, name = way(visit)
        edit: Edit = delete(tuple(where), name)
        try:
            changed = await editor.change(visit, current, edit)
        except RevisionMoved:
            return page(visit, await editor.configuration.current(), 409)
        except EditInvalid as invalid:
            problems = [(each.path, told_problem(visit, each)) for each in invalid.problems]
            return page(visit, current, 422, problems=problems)
        if changed.refused:
            return page(visit, await editor.configuration.current(), 422, refused=changed.refused)
        return visit.go(f"{back(visit)}?revision={changed.revision}")

    return [
        View("GET", path, Scope.CONFIG_WRITE, _known(asked)),
        View("POST", path, Scope.CONFIG_WRITE, _known(removed)),
    ]


def running(visit: Visit, current: Shown) -> int:
    """The revision that a change has just made, where the page is come to from one; 0 otherwise.

    The address is the visitor's, so nothing is said but that what runs is what runs.
    """
    return current.revision if visit.query.get("revision") == str(current.revision) else 0


def _known(work: Work) -> Work:
    async def answer(visit: Visit) -> Response:
        try:
            return await work(visit)
        except PartUnknown:
            return visit.trouble(404, sentence("There is no such thing"))

    return answer
