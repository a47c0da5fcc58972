"""One form on one page: shown, rearranged, and saved as a revision; with everything that is wrong at its field."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.responses import Response

from menshen.documents.configuration import Changed, Configuration, Shown
from menshen.documents.editing import Edit
from menshen.errors import EditInvalid, NameTaken, Problem, RevisionMoved
from menshen.operators.roles import Scope
from menshen.web.console.configuring.conflict import Conflict, conflict_of, mine_of
from menshen.web.console.forms.field import Field
from menshen.web.console.forms.filling import Typed, filled
from menshen.web.console.forms.items import BUTTON, rearranged, typed_in
from menshen.web.console.forms.layout import PLAIN, Section, laid_out
from menshen.web.console.forms.reading import read_part
from menshen.web.console.forms.showing import Option, drawn
from menshen.web.console.forms.words import Words
from menshen.web.console.language import CHINESE, sentence
from menshen.web.console.view import Visit

__all__ = ["Editor", "Form", "told_problem"]

_LONGEST_COMMENT: Final = 500
_TRIES: Final = 3

Part = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """What is edited, and what comes of it.

    ``title`` is a sentence of the catalog, with places for ``values``; ``subject`` the name of what is edited, "" for
    something new. ``before`` is the part as it is, its secrets masked, and ``kind`` the list that it is in, "" for a
    section. ``edit`` makes an edit of what was typed, and ``after`` is where it is seen. ``about`` says of the name
    of a changed part whether this form is about it. ``start`` is what a new form shows that its model does not.
    ``labels`` are those of fields that are called otherwise here than elsewhere, by their paths.
    """

    title: str
    fields: tuple[Field, ...]
    back: str
    back_title: str
    edit: Callable[[Part], Edit]
    after: Callable[[Part], str]
    subject: str = ""
    kind: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    start: Mapping[str, Any] = field(default_factory=dict)
    sections: Sequence[Section] = PLAIN
    about: Callable[[str], bool] = lambda _: False
    offered: Mapping[str, Sequence[Option]] = field(default_factory=dict)
    suggested: Mapping[str, Sequence[str]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    template: str = "configuring/form.html"
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Editor:
    """The same for every form."""

    configuration: Configuration
    words: Words

    def show(self, visit: Visit, form: Form, current: Shown) -> Response:
        return self._page(visit, form, current, filled(form.fields, form.before or form.start))

    async def take(self, visit: Visit, form_of: Callable[[Shown], Form]) -> Response:
        """What was sent: a button of its items, or the whole to be saved. Raises ``PartUnknown``."""
        typed = typed_in(visit.form)
        current = await self.configuration.current()
        asked = visit.text(BUTTON)
        if asked:
            form = form_of(current)
            typed, new = rearranged(form.fields, typed, asked)
            return self._page(visit, form, current, typed, etag=visit.text("etag"), focus=new)
        for _ in range(_TRIES):
            try:
                return await self._save(visit, form_of(current), current, typed)
            except RevisionMoved:
                current = await self.configuration.current()
        raise RevisionMoved("the configuration is being changed all the time")

    async def _save(self, visit: Visit, form: Form, current: Shown, typed: Typed) -> Response:
        read = read_part(form.fields, typed, form.before)
        conflict = await conflict_of(self.configuration, visit.text("etag"), current, form.about)
        if conflict is not None:
            mine = mine_of(form.kind, form.before, read.part)
            conflict = Conflict(conflict.head, conflict.theirs, mine)
            return self._page(visit, form, current, typed, status=409, conflict=conflict)
        problems = [(each.path, told_problem(visit, each)) for each in read.problems]
        if not problems:
            try:
                changed = await self.change(visit, current, form.edit(read.part))
            except EditInvalid as invalid:
                problems = [_placed(visit, invalid, each) for each in invalid.problems]
            except NameTaken:
                problems = [("name", sentence("This name is taken"))]
            else:
                if not changed.refused:
                    return visit.go(f"{form.after(read.part)}?revision={changed.revision}")
                current = await self.configuration.current()
                return self._page(visit, form, current, typed, status=422, refused=changed.refused)
        return self._page(visit, form, current, typed, status=422, problems=problems, etag=visit.text("etag"))

    async def change(self, visit: Visit, current: Shown, edit: Edit) -> Changed:
        """Under the visitor's name and with his comment. Raises as :meth:`Configuration.change` does."""
        return await self.configuration.change(
            current.etag,
            edit,
            author=visit.who.name,
            comment=visit.text("comment").strip()[:_LONGEST_COMMENT],
            references=visit.may(Scope.OPERATORS_WRITE),
        )

    def _page(
        self,
        visit: Visit,
        form: Form,
        current: Shown,
        typed: Typed,
        *,
        status: int = 200,
        problems: Sequence[tuple[str, str]] = (),
        conflict: Conflict | None = None,
        refused: str = "",
        etag: str = "",
        focus: str = "",
    ) -> Response:
        say = visit.renderer.catalog.get if visit.locale == CHINESE else (lambda text, _: text)
        made = drawn(
            form.fields,
            typed,
            form.before,
            self.words,
            visit.locale,
            problems=[(path, say(told, told)) for path, told in problems],
            offered=form.offered,
            suggested=form.suggested,
            labels=form.labels,
            focus=focus,
        )
        return visit.page(
            form.template,
            status,
            form=form,
            blocks=laid_out(made.widgets, form.sections),
            problems=made.problems,
            count=len(problems),
            conflict=conflict,
            refused=refused,
            etag=etag or current.etag,
            comment=visit.text("comment"),
            again=status != 200 and not visit.htmx,
            **form.more,
        )


def told_problem(visit: Visit, problem: Problem) -> str:
    return problem.message_zh if visit.locale == CHINESE else problem.message


def _placed(visit: Visit, invalid: EditInvalid, problem: Problem) -> tuple[str, str]:
    """The problem's place in the form, or, with a slash that no key has in front, in the document."""
    written = invalid.written_at(problem)
    return (f"/{problem.path}" if written is None else written, told_problem(visit, problem))
