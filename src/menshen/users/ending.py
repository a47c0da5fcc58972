"""Ending sessions as an operator does, written down with who did it in the same transaction.

Every worker and Envoy know within a second: they follow the revocations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import floor

from menshen.storage.audit import write_audit
from menshen.storage.database import Database
from menshen.storage.revocations import add_rule
from menshen.storage.session_endings import Ending, end_all
from menshen.users.audit import AuditAction, audited

__all__ = ["SessionEndings"]


class SessionEndings:
    """``clock`` gives Unix seconds. ``actor`` is the operator, as the audit log has it."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def end(self, sids: Sequence[str], actor: str) -> int:
        """End these sessions; how many were live."""
        now = self._clock()
        async with self._database.writing() as connection:
            [ended] = await end_all(connection, [Ending("revoked", now, sids=tuple(sids))])
            row = audited(AuditAction.SESSIONS_END, "", actor, now, sessions=list(sids), ended=ended)
            await write_audit(connection, [row])
        return ended

    async def end_user(self, uid: str, actor: str) -> int:
        """End every session of a user, at every app; how many were live."""
        now = self._clock()
        async with self._database.writing() as connection:
            [ended] = await end_all(connection, [Ending("revoked", now, uid=uid)])
            await write_audit(connection, [audited(AuditAction.SESSIONS_END, uid, actor, now, ended=ended)])
        return ended

    async def end_app(self, platform: str, appid: str, actor: str, before: int | None = None) -> None:
        """End the sessions of an app that logged in before ``before`` (Unix seconds), without it all up to now.

        Of every app, where platform and appid are both "".
        """
        now = self._clock()
        # Logins carry whole seconds: one of this second may have come a moment ago.
        moment = floor(now) + 1 if before is None else before
        async with self._database.writing() as connection:
            await add_rule(connection, platform, appid, moment, now)
            app = f"{platform}/{appid}" if appid else "*"
            row = audited(AuditAction.SESSIONS_END, "", actor, now, app=app, before=moment)
            await write_audit(connection, [row])
