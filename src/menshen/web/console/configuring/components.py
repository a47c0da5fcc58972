"""WeChat third-party platforms, and the apps that log in by each."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from menshen.documents.parts import items_at
from menshen.operators.roles import Scope
from menshen.web.console.configuring.editor import Editor
from menshen.web.console.configuring.kinds import COMPONENTS
from menshen.web.console.configuring.parts import part_views, running
from menshen.web.console.configuring.referring import Referrer, referrers
from menshen.web.console.view import View, Visit

__all__ = ["component_views"]


@dataclass(frozen=True, slots=True)
class _Row:
    """``path`` is where WeChat pushes to, below the gateway's own address."""

    name: str
    appid: str
    description: str
    path: str
    apps: list[Referrer]


def component_views(editor: Editor) -> list[View]:
    """``/console/components``."""

    async def listed(visit: Visit) -> Response:
        current = await editor.configuration.current()
        document = current.document
        base = (document.get("listener") or {}).get("client_api", "/v1")
        rows = [
            _Row(
                name=each["name"],
                appid=each["appid"],
                description=each.get("description", ""),
                path=f"{base}/wechat/component/{each['name']}",
                apps=referrers(document, "components", each["name"]),
            )
            for each in items_at(document, ("components",))
        ]
        revision = running(visit, current)
        return visit.page("configuring/components.html", kind=COMPONENTS, rows=rows, revision=revision)

    return [View("GET", COMPONENTS.path, Scope.CONFIG_READ, listed), *part_views(editor, COMPONENTS)]
