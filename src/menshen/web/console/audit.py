"""The audit log: who did what, when, and to whom."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from menshen.operators.roles import Scope
from menshen.storage.audit import Audited
from menshen.users.audit import AuditAction
from menshen.users.directory import UserDirectory
from menshen.web.console.people.asked import ROWS, address, clean, number
from menshen.web.console.view import View, Visit

__all__ = ["audit_views"]

_AUDIT = "/console/audit"


def audit_views(directory: UserDirectory) -> list[View]:
    """``/console/audit`` with ``actor``, ``action``, ``user`` and ``below``."""

    async def listed(visit: Visit) -> Response:
        asked = {name: clean(visit.query.get(name)) for name in ("actor", "action", "user")}
        below = number(visit.query.get("below"))
        found = await directory.page_audit(
            uid=asked["user"], action=asked["action"], actor=asked["actor"], limit=ROWS, below=below
        )
        return visit.page(
            "audit.html",
            rows=[(each.row, _detail(each)) for each in found.rows],
            asked=asked,
            actions=[action.value for action in AuditAction],
            more=None if found.below is None else address(_AUDIT, {**asked, "below": found.below}),
            first=address(_AUDIT, asked),
            later=below is not None,
            stopped=found.stopped,
        )

    return [View("GET", _AUDIT, Scope.AUDIT_READ, listed)]


def _detail(each: Audited) -> list[tuple[str, str]]:
    return [
        (name, value if isinstance(value, str) else msgspec.json.encode(value).decode())
        for name, value in each.row.detail.items()
    ]
