"""Sessions at the console: a random cookie that is new at each login, of which the database knows the digest.

A session lasts :data:`LIFETIME`, and :data:`IDLE` without use. It ends with a logout, and when its operator gets
another password or role or is disabled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from menshen.errors import AccountRefused, OperatorUnknown
from menshen.operators.bearing import digest_of, made
from menshen.operators.changes import Changes
from menshen.operators.names import NOBODY, operator_name
from menshen.operators.roles import SCOPES_OF, Principal, Role
from menshen.operators.throttle import Throttle
from menshen.secret import Secret
from menshen.sessions.claims import new_id
from menshen.storage.audit import write_audit
from menshen.storage.database import Database
from menshen.storage.operator_sessions import (
    OperatorSessionRow,
    delete_session,
    find_session,
    insert_session,
    list_sessions_of,
    touch_session,
)
from menshen.storage.operators import OperatorRow, find_operator, note_login
from menshen.users.audit import AuditAction, audited
from menshen.users.passwords import Passwords

__all__ = ["IDLE", "LIFETIME", "ConsoleSessions", "Visitor"]

LIFETIME: Final = 12 * 3600
"""Seconds from the login on."""

IDLE: Final = 3600
"""Seconds without use."""

_TOUCH_SECONDS = 60
"""Use is written down no more often: a page that polls must not write each time."""

_IP_LENGTH, _AGENT_LENGTH = 45, 200


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is logged in at the console. ``session`` is the session's id, as lists have it."""

    principal: Principal
    session: str


class ConsoleSessions:
    """``clock`` gives Unix seconds; ``random`` is OS randomness."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        throttle: Throttle,
        changes: Changes,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._throttle = throttle
        self._changes = changes
        self._clock = clock
        self._random = random

    async def log_in(self, name: str, password: Secret, *, ip: str, user_agent: str) -> Secret:
        """The cookie of a new session.

        Raises ``AccountRefused`` whether the name, the password or the operator is not good, after the same work;
        ``AccountLocked``, ``LoginLimit``, ``Overloaded``.
        """
        now = self._clock()
        await self._throttle.from_address(ip, now)

        async def proven() -> OperatorRow | None:
            return await self._proven(name, password, ip, now)

        row = await self._throttle.attempt(name, now, proven)
        return await self.open(row, ip=ip, user_agent=user_agent)

    async def open(self, row: OperatorRow, *, ip: str, user_agent: str) -> Secret:
        """The cookie of a new session for an operator who has just shown the password of this row.

        Raises ``AccountRefused`` where it has been changed, or the operator disabled, meanwhile.
        """
        now = int(self._clock())
        cookie = made(self._random)
        session = OperatorSessionRow(
            new_id(self._random),
            row.name,
            now,
            now,
            now + LIFETIME,
            _cut(ip, _IP_LENGTH),
            _cut(user_agent, _AGENT_LENGTH),
        )
        async with self._database.writing() as connection:
            if not await note_login(connection, row.name, row.password_hash, now):
                raise AccountRefused
            await insert_session(connection, digest_of(cookie.reveal()), session)
            done = audited(AuditAction.OPERATOR_LOGIN, "", row.name, now, ip=session.ip, session=session.id)
            await write_audit(connection, [done])
        return cookie

    async def visit(self, cookie: str) -> Visitor | None:
        """Who comes with this cookie; None: nobody who is logged in."""
        now = self._clock()
        digest = digest_of(cookie)
        async with self._database.reading() as connection:
            found = await find_session(connection, digest, now, IDLE)
        if found is None:
            return None
        if now - found.row.last_seen_at >= _TOUCH_SECONDS:
            async with self._database.writing() as connection:
                await touch_session(connection, digest, int(now))
        return Visitor(Principal(found.row.operator, SCOPES_OF[Role(found.role)], "console"), found.row.id)

    async def log_out(self, cookie: str) -> None:
        async with self._database.writing() as connection:
            operator = await delete_session(connection, digest=digest_of(cookie))
            if operator:
                await write_audit(connection, [audited(AuditAction.OPERATOR_LOGOUT, "", operator, self._clock())])
        self._changes.made()

    async def of(self, name: str) -> Sequence[OperatorSessionRow]:
        """An operator's open sessions, the newest first. Raises ``OperatorUnknown``."""
        async with self._database.reading() as connection:
            if await find_operator(connection, operator_name(name)) is None:
                raise OperatorUnknown("there is no such operator", "没有该操作员")
            return await list_sessions_of(connection, operator_name(name), self._clock(), IDLE)

    async def end(self, name: str, session: str, *, by: str) -> None:
        """End one of an operator's sessions by its id. Raises ``OperatorUnknown``."""
        async with self._database.writing() as connection:
            operator = await delete_session(connection, id=session, operator=operator_name(name))
            if not operator:
                raise OperatorUnknown("there is no such session", "没有该会话")
            detail = {"operator": operator, "session": session}
            await write_audit(connection, [audited(AuditAction.OPERATOR_SESSION_END, "", by, self._clock(), **detail)])
        self._changes.made()

    async def _proven(self, name: str, password: Secret, ip: str, now: float) -> OperatorRow | None:
        async with self._database.reading() as connection:
            row = await find_operator(connection, operator_name(name))
        right = await self._passwords.match(row.password_hash if row is not None else "", password)
        if row is not None and right and not row.disabled:
            return row
        # What was typed is told only where it is an operator's name: it is somebody's password now and then.
        detail = {"operator": row.name if row is not None else "", "ip": _cut(ip, _IP_LENGTH)}
        async with self._database.writing() as connection:
            await write_audit(connection, [audited(AuditAction.OPERATOR_LOGIN_FAILED, "", NOBODY, now, **detail)])
        return None


def _cut(text: str, length: int) -> str:
    """As much as a column takes, one line, whatever a client sent (attack class 48)."""
    return "".join(c if c.isprintable() else "?" for c in text[:length])
