"""What is written about a login: its row in the login log, and the events that webhooks are told of."""

from __future__ import annotations

from menshen.config.snapshot import App
from menshen.config.user_rules import WebhookEvent
from menshen.errors import Refusal, UserBanned
from menshen.gateway.issue import Caller
from menshen.gateway.proofs import How
from menshen.storage.login_log import LoginRow
from menshen.users.entering import Entered
from menshen.users.outbox import UserEvent

__all__ = ["changes_of", "event", "failure_row", "success_row"]


def success_row(app: App, caller: Caller, how: How, at: int, user: Entered) -> LoginRow:
    return _row(app, caller, how, at, "ok", uid=user.uid, new_user=user.new_user)


def failure_row(app: App, caller: Caller, how: How, at: int, refusal: Refusal) -> LoginRow:
    """``detail`` is what a refusal keeps for the operator; no secret is ever in one. That of a ban is the user."""
    uid = refusal.detail if isinstance(refusal, UserBanned) else ""
    return _row(app, caller, how, at, refusal.reason, uid=uid, detail="" if uid else refusal.detail)


def _row(
    app: App,
    caller: Caller,
    how: How,
    at: int,
    outcome: str,
    *,
    uid: str = "",
    new_user: bool = False,
    detail: str = "",
) -> LoginRow:
    return LoginRow(
        at=at,
        outcome=outcome,
        how=how,
        uid=uid,
        new_user=new_user,
        platform=app.platform,
        app=app.name,
        ip=caller.ip,
        user_agent=caller.user_agent,
        request_id=caller.request_id,
        detail=detail,
    )


def event(kind: WebhookEvent, app: App, caller: Caller, uid: str, at: int, reason: str = "") -> UserEvent:
    return UserEvent(kind, uid, at, app.name, app.platform, caller.request_id, reason)


def changes_of(app: App, caller: Caller, user: Entered, at: int) -> list[UserEvent]:
    """What a login has changed in the pool: a new user, and what became his."""
    registered = [event("register", app, caller, user.uid, at)] if user.new_user else []
    return registered + [event("bind", app, caller, user.uid, at, thing) for thing in user.bound]
