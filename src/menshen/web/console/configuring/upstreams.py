"""Upstreams, with the health of each endpoint as Envoy sees it at the moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from menshen.documents.configuration import Shown
from menshen.documents.parts import items_at
from menshen.operators.roles import Scope
from menshen.web.console.configuring.editor import Editor
from menshen.web.console.configuring.kinds import UPSTREAMS
from menshen.web.console.configuring.parts import part_views, running
from menshen.web.console.configuring.referring import Referrer, referrers
from menshen.web.console.view import View, Visit

__all__ = ["Health", "upstream_views"]

Health = Callable[[], Mapping[str, Sequence[tuple[str, bool]]]]
"""Upstream -> each address of it that Envoy knows, and whether it is healthy. Without Envoy, nothing."""


@dataclass(frozen=True, slots=True)
class _Row:
    """``checked``: whether Envoy asks them; without a health check an endpoint counts as healthy."""

    name: str
    endpoints: list[str]
    versions: list[str]
    description: str
    checked: bool
    health: Sequence[tuple[str, bool]]
    groups: list[Referrer]


def upstream_views(editor: Editor, health: Health) -> list[View]:
    """``/console/upstreams``, and its rows at ``/-/health``, which the page asks for again and again."""

    def rows(current: Shown) -> list[_Row]:
        seen = health()
        return [
            _Row(
                name=each["name"],
                endpoints=each["endpoints"],
                versions=[version["name"] for version in each.get("versions") or ()],
                description=each.get("description", ""),
                checked=bool(each.get("health_check")),
                health=seen.get(each["name"], ()),
                groups=referrers(current.document, "upstreams", each["name"]),
            )
            for each in items_at(current.document, ("upstreams",))
        ]

    async def listed(visit: Visit) -> Response:
        current = await editor.configuration.current()
        revision = running(visit, current)
        return visit.page("configuring/upstreams.html", kind=UPSTREAMS, rows=rows(current), revision=revision)

    async def lively(visit: Visit) -> Response:
        return visit.page("configuring/upstream_rows.html", rows=rows(await editor.configuration.current()))

    return [
        View("GET", UPSTREAMS.path, Scope.CONFIG_READ, listed),
        View("GET", f"{UPSTREAMS.path}/-/health", Scope.CONFIG_READ, lively),
        *part_views(editor, UPSTREAMS),
    ]
