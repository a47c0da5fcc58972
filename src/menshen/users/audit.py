"""What is written down of what operators, and users themselves, do to users."""

from __future__ import annotations

from enum import StrEnum, unique
from typing import Any

from menshen.storage.audit import AuditRow

__all__ = ["BY_USER", "AuditAction", "audited"]

BY_USER = "user"
"""The actor of what a user does to himself."""


@unique
class AuditAction(StrEnum):
    """Every action there is. A new one is added here, so that the list is complete."""

    BAN = "user.ban"
    UNBAN = "user.unban"
    CLOSE = "user.close"
    MERGE = "user.merge"
    METADATA = "user.metadata"
    CLAIMS = "user.claims"
    ACCOUNT_ADD = "account.add"
    ACCOUNT_PASSWORD = "account.password"  # noqa: S105  (an action's name)


def audited(action: AuditAction, uid: str, actor: str, at: float, **detail: Any) -> AuditRow:
    """A row for ``write_audit``. ``actor``: who did it, :data:`BY_USER` or what the operator is known by here."""
    return AuditRow(int(at), actor, action.value, uid, detail)
