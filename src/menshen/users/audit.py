"""What is written down of what operators do, and of what users do to themselves."""

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
    SESSIONS_END = "sessions.end"
    """Some sessions, all of a user, or all of an app, ended by an operator."""
    PHONE_SHOWN = "phone.shown"
    """A phone number was shown in full."""
    WEBHOOK_TEST = "webhook.test"
    WEBHOOK_AGAIN = "webhook.again"
    KEY_ROTATE = "key.rotate"
    KEY_RETIRE = "key.retire"
    OPERATOR_SETUP = "operator.setup"
    """The first owner, made with the set-up token."""
    OPERATOR_ADD = "operator.add"
    OPERATOR_ROLE = "operator.role"
    OPERATOR_DISABLE = "operator.disable"
    OPERATOR_ENABLE = "operator.enable"
    OPERATOR_PASSWORD = "operator.password"  # noqa: S105
    OPERATOR_LOGIN = "operator.login"
    OPERATOR_LOGIN_FAILED = "operator.login.failed"
    OPERATOR_LOGOUT = "operator.logout"
    OPERATOR_SESSION_END = "operator.session.end"
    """A session at the console, ended by somebody who looked at the list."""
    TOKEN_ADD = "token.add"  # noqa: S105
    TOKEN_REVOKE = "token.revoke"  # noqa: S105
    CONFIG_CHANGE = "config.change"
    CONFIG_ROLLBACK = "config.rollback"


def audited(action: AuditAction, uid: str, actor: str, at: float, **detail: Any) -> AuditRow:
    """A row for ``write_audit``. ``uid`` is the user concerned, "" for none.

    ``actor``: who did it, :data:`BY_USER` or what the operator is known by here.
    """
    return AuditRow(int(at), actor, action.value, uid, detail)
