"""The whole document as YAML: to read, to take away, to edit as text. Secrets are ``***`` and stay what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import UploadFile
from starlette.responses import Response

from menshen.config.yamltext import dump_document, parse_yaml
from menshen.documents.configuration import Shown
from menshen.documents.editing import replace_document
from menshen.errors import EditInvalid, Problem, RevisionMoved
from menshen.operators.roles import Scope
from menshen.web.console.configuring.conflict import Conflict, conflict_of
from menshen.web.console.configuring.editor import Editor, told_problem
from menshen.web.console.configuring.lines import lines_of, nearest_line
from menshen.web.console.configuring.parts import running
from menshen.web.console.view import View, Visit

__all__ = ["document_views"]

_PATH: Final = "/console/document"


@dataclass(frozen=True, slots=True)
class _Wrong:
    """``line`` is 0 where the text has nothing of it."""

    line: int
    path: str
    told: str


def document_views(editor: Editor) -> list[View]:
    """``/console/document``, ``/console/document/edit`` and ``/console/document/download``."""

    async def shown(visit: Visit) -> Response:
        current = await editor.configuration.current()
        text = dump_document(current.document)
        return visit.page("configuring/document.html", text=text, current=current, revision=running(visit, current))

    async def download(_: Visit) -> Response:
        current = await editor.configuration.current()
        name = f"menshen-{current.revision}.yaml"
        return Response(
            dump_document(current.document),
            media_type="application/yaml; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )

    async def edit(visit: Visit) -> Response:
        current = await editor.configuration.current()
        return _page(visit, current, dump_document(current.document))

    async def taken(visit: Visit) -> Response:
        current = await editor.configuration.current()
        text = visit.text("text").replace("\r\n", "\n")
        file = visit.form.get("file")
        if isinstance(file, UploadFile) and file.filename:
            # A file is looked at before it runs: it comes into the box, with what is wrong with it.
            text = (await file.read()).decode("utf-8-sig", "replace")
            return await _tried(editor, visit, current, text, save=False)
        return await _tried(editor, visit, current, text, save=not visit.text("check"))

    return [
        View("GET", _PATH, Scope.CONFIG_READ, shown),
        View("GET", f"{_PATH}/download", Scope.CONFIG_READ, download),
        View("GET", f"{_PATH}/edit", Scope.CONFIG_WRITE, edit),
        View("POST", f"{_PATH}/edit", Scope.CONFIG_WRITE, taken),
    ]


async def _tried(editor: Editor, visit: Visit, current: Shown, text: str, *, save: bool) -> Response:
    parsed = parse_yaml(text)
    seen = visit.text("etag") or current.etag
    if parsed.problems or not parsed.whole:
        return _page(visit, current, text, 422, wrong=[_wrong(visit, {}, each) for each in parsed.problems], etag=seen)
    if not isinstance(parsed.value, Mapping):
        problem = Problem("", "must be a mapping of keys to values", "必须是键值映射")
        return _page(visit, current, text, 422, wrong=[_wrong(visit, {}, problem)], etag=seen)
    conflict = await conflict_of(editor.configuration, seen, current, lambda _: True)
    if conflict is not None and save:
        return _page(visit, current, text, 409, conflict=conflict)
    change = replace_document(parsed.value)
    try:
        if not save:
            references = visit.may(Scope.OPERATORS_WRITE)
            checked = await editor.configuration.check(change, references=references)
            return _page(visit, current, text, etag=seen, changes=checked.changes, checked=True)
        changed = await editor.change(visit, current, change)
    except EditInvalid as invalid:
        lines = lines_of(text)
        wrong = [_wrong(visit, lines, each) for each in invalid.problems]
        return _page(visit, current, text, 422, wrong=wrong, etag=seen)
    except RevisionMoved:
        now = await editor.configuration.current()
        return _page(visit, now, text, 409, conflict=Conflict(now.head, ()))
    if changed.refused:
        now = await editor.configuration.current()
        return _page(visit, now, text, 422, refused=changed.refused)
    return visit.go(f"{_PATH}?revision={changed.revision}")


def _wrong(visit: Visit, lines: dict[str, int], problem: Problem) -> _Wrong:
    return _Wrong(nearest_line(lines, problem.path) or 0, problem.path, told_problem(visit, problem))


def _page(
    visit: Visit,
    current: Shown,
    text: str,
    status: int = 200,
    *,
    wrong: Sequence[_Wrong] = (),
    conflict: Conflict | None = None,
    refused: str = "",
    etag: str = "",
    changes: Sequence[object] = (),
    checked: bool = False,
) -> Response:
    return visit.page(
        "configuring/document_edit.html",
        status,
        text=text,
        wrong=wrong,
        conflict=conflict,
        refused=refused,
        etag=etag or current.etag,
        changes=changes,
        checked=checked,
        comment=visit.text("comment"),
    )
