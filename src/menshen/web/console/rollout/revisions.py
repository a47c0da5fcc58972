"""Revisions: what changed, who changed it, what runs, and the way back."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from menshen.config.yamltext import dump_document
from menshen.documents.configuration import ANY, Configuration
from menshen.documents.history import History, RunsHere
from menshen.errors import ConfigInvalid, RevisionMoved, RevisionUnknown
from menshen.operators.roles import Scope
from menshen.web.console.language import CHINESE, sentence
from menshen.web.console.rollout.differences import WHAT, diff_lines, parts_shown
from menshen.web.console.view import View, Visit

__all__ = ["revision_views"]

_LIST: Final = "/console/revisions"
_PAGE: Final = 25
_LONGEST_NUMBER: Final = 10
_LONGEST_COMMENT: Final = 500


def revision_views(configuration: Configuration, history: History, runs_here: RunsHere) -> list[View]:
    """``/console/revisions`` and what is below it."""
    pages = _Revisions(configuration, history, runs_here)
    one, read = f"{_LIST}/{{number:int}}", Scope.CONFIG_READ
    return [
        View("GET", _LIST, read, pages.listed),
        View("GET", f"{_LIST}/activity", read, pages.activity),
        View("GET", f"{_LIST}/compare", read, pages.compare),
        View("GET", one, read, pages.shown),
        View("GET", f"{one}/menshen.yaml", read, pages.downloaded),
        View("GET", f"{one}/rollback", Scope.CONFIG_WRITE, pages.to_confirm),
        View("POST", f"{one}/rollback", Scope.CONFIG_WRITE, pages.rolled_back),
    ]


class _Revisions:
    def __init__(self, configuration: Configuration, history: History, runs_here: RunsHere) -> None:
        self._configuration = configuration
        self._history = history
        self._runs_here = runs_here

    async def listed(self, visit: Visit) -> Response:
        below = _number(visit.query.get("below", ""))
        found = await self._history.page(limit=_PAGE, below=below)
        return visit.page(
            "revisions.html",
            revisions=found,
            active=await self._configuration.active_id(),
            running=self._runs_here(),
            below=found[-1].head.id if len(found) == _PAGE else None,
            first=below is None,
        )

    async def activity(self, visit: Visit) -> Response:
        below = _number(visit.query.get("below", ""))
        found = await self._history.events(limit=_PAGE, below=below)
        return visit.page(
            "revision_activity.html",
            events=found,
            below=found[-1].id if len(found) == _PAGE else None,
            first=below is None,
        )

    async def compare(self, visit: Visit) -> Response:
        """A form's way to the page of two revisions."""
        number, against = _number(visit.query.get("number", "")), _number(visit.query.get("against", ""))
        if number is None:
            return visit.go(_LIST)
        return visit.go(f"{_LIST}/{number}" + (f"?against={against}" if against is not None else ""))

    async def shown(self, visit: Visit) -> Response:
        number = int(visit.words["number"])
        shown = await self._configuration.revision(number)
        compared = await self._configuration.compare(number, _number(visit.query.get("against", "")))
        lines, more = diff_lines(compared)
        return visit.page(
            "revision.html",
            shown=shown,
            compared=compared,
            parts_changed=parts_shown(compared.changes),
            lines=lines,
            more=more,
            signs=WHAT,
            active=await self._configuration.active_id(),
            running=self._runs_here(),
        )

    async def downloaded(self, visit: Visit) -> Response:
        shown = await self._configuration.revision(int(visit.words["number"]))
        name = f"menshen-{shown.revision}.yaml"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(dump_document(dict(shown.document)), media_type="application/yaml", headers=headers)

    async def to_confirm(self, visit: Visit) -> Response:
        return await self._confirm(visit, 200)

    async def rolled_back(self, visit: Visit) -> Response:
        number, comment = int(visit.words["number"]), visit.text("comment")[:_LONGEST_COMMENT]
        etag = visit.text("etag")
        try:
            changed = await self._configuration.rollback(
                number, author=visit.who.name, comment=comment, etag="" if etag == ANY else etag
            )
        except RevisionMoved:
            why = sentence("Somebody changed the configuration meanwhile. This is what would happen now.")
            return await self._confirm(visit, 409, why=why)
        except ConfigInvalid as error:
            chinese = visit.locale == CHINESE
            problems = [(each.path, each.message_zh if chinese else each.message) for each in error.problems]
            return await self._confirm(visit, 422, problems=problems)
        if changed.refused:
            why = sentence("Envoy refuses this revision, so the one before runs on.")
            return await self._confirm(visit, 422, why=why, problems=[("", changed.refused)])
        return visit.go(_LIST, sentence("Rolled back. It runs now."))

    async def _confirm(
        self, visit: Visit, status: int, *, why: str = "", problems: list[tuple[str, str]] | None = None
    ) -> Response:
        number, current = int(visit.words["number"]), await self._configuration.current()
        if not current.revision:
            raise RevisionUnknown("there is no revision to go back from")
        compared = await self._configuration.compare(number, current.revision)
        return visit.page(
            "rollback.html",
            status,
            shown=await self._configuration.revision(number),
            current=current,
            compared=compared,
            parts_changed=parts_shown(compared.changes),
            signs=WHAT,
            why=why,
            problems=problems or [],
            comment=visit.text("comment")[:_LONGEST_COMMENT],
        )


def _number(text: str) -> int | None:
    """None where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER else None
