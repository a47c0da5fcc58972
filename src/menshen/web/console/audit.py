"""The audit log: who did what, when, and to whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from starlette.responses import Response

from menshen.operators.roles import Scope
from menshen.storage.audit import Audited
from menshen.users.audit import AuditAction
from menshen.users.directory import UserDirectory
from menshen.web.console.people.asked import ROWS, address, clean, number
from menshen.web.console.rendering import when
from menshen.web.console.view import View, Visit

__all__ = ["audit_views", "detail_of"]

_AUDIT: Final = "/console/audit"
_ITEMS: Final = 8
_MOMENTS: Final = frozenset({"before", "expires_at", "until"})
"""What holds a moment in Unix seconds; 0 is none."""


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
            rows=[(each.row, detail_of(each)) for each in found.rows],
            asked=asked,
            actions=[action.value for action in AuditAction],
            more=None if found.below is None else address(_AUDIT, {**asked, "below": found.below}),
            first=address(_AUDIT, asked),
            later=below is not None,
            stopped=found.stopped,
        )

    return [View("GET", _AUDIT, Scope.AUDIT_READ, listed)]


def detail_of(each: Audited) -> list[tuple[str, object]]:
    """Name and value, as they are shown."""
    return [(name, _told(name, value)) for name, value in each.row.detail.items() if (name, value) != ("more", 0)]


def _told(name: str, value: object) -> object:
    """As people read it: a moment as one, a list as its first items and how many more there are."""
    if name in _MOMENTS and isinstance(value, int):
        return when(value)
    if isinstance(value, Mapping):
        return " ".join(str(part) for part in value.values())
    if isinstance(value, list):
        more = f" +{len(value) - _ITEMS}" if len(value) > _ITEMS else ""
        return ", ".join(str(_told("", item)) for item in value[:_ITEMS]) + more
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
