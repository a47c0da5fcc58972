"""Canaries: every rule in words, its weights, and beside them where a request would go, before anything is saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from menshen.documents.configuration import ANY, Configuration, Shown
from menshen.documents.dry_runs import DryRun, DryRuns
from menshen.documents.editing import put, replace
from menshen.documents.parts import Json, part_at
from menshen.errors import ConfigInvalid, PartUnknown, RevisionMoved
from menshen.operators.roles import Scope
from menshen.web.console.language import CHINESE, sentence
from menshen.web.console.rollout.question import METHODS, Asked, asked_of, question_of
from menshen.web.console.rollout.rules import OPERATORS, canaries, changed_by, shown_canary
from menshen.web.console.view import View, Visit

__all__ = ["canary_views"]

_LIST: Final = "/console/canary"
_LONGEST_COMMENT: Final = 500


def canary_views(configuration: Configuration, dry_runs: DryRuns) -> list[View]:
    """``/console/canary`` and ``/console/canary/NAME``."""
    pages = _Canaries(configuration, dry_runs)
    one = f"{_LIST}/{{plugin}}"
    return [
        View("GET", _LIST, Scope.CONFIG_READ, pages.listed),
        View("POST", _LIST, Scope.CONFIG_READ, pages.asked),
        View("GET", one, Scope.CONFIG_READ, pages.shown),
        View("POST", one, Scope.CONFIG_WRITE, pages.saved),
        View("POST", f"{one}/dry-run", Scope.CONFIG_READ, pages.asked_of_draft),
    ]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Of a dry run: an answer, or why there is none."""

    found: DryRun | None = None
    problems: tuple[tuple[str, str], ...] = ()


class _Canaries:
    def __init__(self, configuration: Configuration, dry_runs: DryRuns) -> None:
        self._configuration = configuration
        self._dry_runs = dry_runs

    async def listed(self, visit: Visit) -> Response:
        return await self._list(visit, Asked(), _Outcome())

    async def asked(self, visit: Visit) -> Response:
        asked = asked_of(visit)
        try:
            outcome = _Outcome(await self._dry_runs.on_active(question_of(asked)))
        except ConfigInvalid as error:
            outcome = _Outcome(None, _problems(visit, error))
        return _fragment(visit, outcome) if visit.htmx else await self._list(visit, asked, outcome)

    async def _list(self, visit: Visit, asked: Asked, outcome: _Outcome) -> Response:
        shown = await self._configuration.current()
        return visit.page(
            "canary.html", canaries=canaries(shown.document), **_question(asked, outcome), operators=OPERATORS
        )

    async def shown(self, visit: Visit) -> Response:
        current = await self._configuration.current()
        plugin = _canary(visit, current)
        if plugin is None:
            return visit.trouble(404, sentence("There is no such thing"))
        return self._page(visit, current, plugin, Asked(), _Outcome())

    async def asked_of_draft(self, visit: Visit) -> Response:
        current = await self._configuration.current()
        plugin = _canary(visit, current)
        if plugin is None:
            return visit.trouble(404, sentence("There is no such thing"))
        asked, draft = asked_of(visit), changed_by(plugin, visit) if visit.may(Scope.CONFIG_WRITE) else plugin
        question = question_of(asked)
        try:
            if draft == plugin:
                outcome = _Outcome(await self._dry_runs.on_active(question))
            else:
                outcome = _Outcome(await self._dry_runs.on_draft(question, put(("plugins",), draft)))
        except ConfigInvalid as error:
            outcome = _Outcome(None, _problems(visit, error))
        return _fragment(visit, outcome) if visit.htmx else self._page(visit, current, draft, asked, outcome)

    async def saved(self, visit: Visit) -> Response:
        current = await self._configuration.current()
        plugin = _canary(visit, current)
        if plugin is None:
            return visit.trouble(404, sentence("There is no such thing"))
        asked, name, draft = asked_of(visit), plugin["name"], changed_by(plugin, visit)
        etag = visit.text("etag")
        try:
            changed = await self._configuration.change(
                "" if etag == ANY else etag,
                replace(("plugins",), name, draft),
                author=visit.who.name,
                comment=visit.text("comment")[:_LONGEST_COMMENT],
                references=visit.may(Scope.OPERATORS_WRITE),
            )
        except RevisionMoved:
            why = sentence("Somebody changed the configuration meanwhile. These are the rules as they are now.")
            return self._page(visit, current, plugin, asked, _Outcome(), status=409, why=why)
        except ConfigInvalid as error:
            problems = _problems(visit, error)
            return self._page(visit, current, draft, asked, _Outcome(), status=422, problems=problems)
        if changed.refused:
            now = await self._configuration.current()
            why = sentence("Envoy refuses this, so the revision before runs on.")
            problems = (("", changed.refused),)
            return self._page(visit, now, draft, asked, _Outcome(), status=422, why=why, problems=problems)
        said = sentence("Saved.") if changed.changes else sentence("Nothing has changed.")
        return visit.go(f"{_LIST}/{name}", said)

    def _page(
        self,
        visit: Visit,
        current: Shown,
        plugin: Json,
        asked: Asked,
        outcome: _Outcome,
        *,
        status: int = 200,
        why: str = "",
        problems: tuple[tuple[str, str], ...] = (),
    ) -> Response:
        return visit.page(
            "canary_plugin.html",
            status,
            canary=shown_canary(plugin, current.document),
            etag=current.etag,
            why=why,
            problems=problems,
            comment=visit.text("comment")[:_LONGEST_COMMENT],
            operators=OPERATORS,
            **_question(asked, outcome),
        )


def _canary(visit: Visit, current: Shown) -> Json | None:
    try:
        plugin = part_at(current.document, ("plugins", visit.words["plugin"]))
    except PartUnknown:
        return None
    return plugin if plugin.get("type") == "Canary" else None


def _question(asked: Asked, outcome: _Outcome) -> dict[str, Any]:
    return {"asked": asked, "method_options": [(each, each) for each in METHODS], "outcome": outcome}


def _fragment(visit: Visit, outcome: _Outcome) -> Response:
    return visit.page("dry_run_answer.html", 422 if outcome.problems else 200, outcome=outcome)


def _problems(visit: Visit, error: ConfigInvalid) -> tuple[tuple[str, str], ...]:
    chinese = visit.locale == CHINESE
    return tuple((each.path, each.message_zh if chinese else each.message) for each in error.problems)
