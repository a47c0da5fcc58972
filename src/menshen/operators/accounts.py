"""Operators: made, given a role, disabled, and let in again; whoever does it stands in the audit log.

There is always an owner who can come in: the last one is neither disabled nor demoted. Whatever takes something from
an operator ends the operator's sessions in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.errors import OperatorConflict, OperatorInvalid, OperatorUnknown
from menshen.operators.changes import Changes
from menshen.operators.names import new_operator_name, operator_name
from menshen.operators.roles import Role
from menshen.operators.throttle import Throttle
from menshen.secret import Secret
from menshen.storage.audit import write_audit
from menshen.storage.database import Database
from menshen.storage.operator_sessions import delete_sessions_of
from menshen.storage.operators import (
    OperatorRow,
    add_operator,
    alone,
    count_active,
    find_operator,
    list_operators,
    set_disabled,
    set_operator_password,
    set_role,
)
from menshen.users.audit import AuditAction, audited
from menshen.users.passwords import Passwords, check_policy

__all__ = ["SHORTEST_PASSWORD", "Operators", "role_of"]

SHORTEST_PASSWORD: Final = 12
"""Characters. More than a user's account needs: an operator reads everybody's data."""


def role_of(text: str) -> Role:
    """Raises ``OperatorInvalid``."""
    try:
        return Role(text)
    except ValueError:
        names = ", ".join(Role)
        raise OperatorInvalid(f"a role is one of {names}", f"角色须为 {names} 之一") from None


class Operators:
    """``clock`` gives Unix seconds. ``by`` is everywhere who does it, as the audit log has it."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        throttle: Throttle,
        changes: Changes,
        clock: Callable[[], float],
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._throttle = throttle
        self._changes = changes
        self._clock = clock

    async def all(self) -> Sequence[OperatorRow]:
        """By name."""
        async with self._database.reading() as connection:
            return await list_operators(connection)

    async def get(self, name: str) -> OperatorRow:
        """Raises ``OperatorUnknown``."""
        async with self._database.reading() as connection:
            return await _found(connection, name)

    async def has_owner(self) -> bool:
        """Whether somebody can come in and do everything."""
        async with self._database.reading() as connection:
            return await count_active(connection, Role.OWNER) > 0

    async def add(self, name: str, role: Role, password: Secret, *, by: str) -> OperatorRow:
        """Raises ``OperatorInvalid``, ``OperatorConflict`` (the name is taken), ``PasswordWeak``."""
        row = await self._prepared(name, role, password)
        async with self._database.writing() as connection:
            await _add(connection, row)
            done = audited(AuditAction.OPERATOR_ADD, "", by, row.created_at, operator=row.name, role=row.role)
            await write_audit(connection, [done])
        return row

    async def add_first_owner(self, name: str, password: Secret, *, by: str = "") -> OperatorRow:
        """Make an owner while there is none; of any number at once one is made. ``by`` "": the owner's own doing.

        Raises ``OperatorConflict`` where there is one, and what :meth:`add` does.
        """
        row = await self._prepared(name, Role.OWNER, password)
        async with self._database.writing() as connection:
            await alone(connection)
            if await count_active(connection, Role.OWNER):
                raise OperatorConflict("there is an owner already", "已有所有者，不能再次初始化")
            await _add(connection, row)
            done = audited(AuditAction.OPERATOR_SETUP, "", by or row.name, row.created_at, operator=row.name)
            await write_audit(connection, [done])
        return row

    async def set_role(self, name: str, role: Role, *, by: str) -> int:
        """How many sessions were ended. Raises ``OperatorUnknown``, ``OperatorConflict`` for the last owner."""
        async with self._database.writing() as connection:
            await alone(connection)
            row = await _found(connection, name)
            if row.role == role:
                return 0
            await _spare_last_owner(connection, row)
            await set_role(connection, row.name, role)
            detail = {"operator": row.name, "role": role.value, "before": row.role}
            await write_audit(connection, [audited(AuditAction.OPERATOR_ROLE, "", by, self._clock(), **detail)])
            ended = await delete_sessions_of(connection, row.name)
        self._changes.made()
        return ended

    async def disable(self, name: str, *, by: str) -> int:
        """Sessions end, tokens are dead; how many sessions. Raises as :meth:`set_role` does."""
        async with self._database.writing() as connection:
            await alone(connection)
            row = await _found(connection, name)
            if row.disabled:
                return 0
            await _spare_last_owner(connection, row)
            await set_disabled(connection, row.name, True)
            done = audited(AuditAction.OPERATOR_DISABLE, "", by, self._clock(), operator=row.name)
            await write_audit(connection, [done])
            ended = await delete_sessions_of(connection, row.name)
        self._changes.made()
        return ended

    async def enable(self, name: str, *, by: str) -> None:
        """Raises ``OperatorUnknown``."""
        async with self._database.writing() as connection:
            row = await _found(connection, name)
            if row.disabled:
                await set_disabled(connection, row.name, False)
                done = audited(AuditAction.OPERATOR_ENABLE, "", by, self._clock(), operator=row.name)
                await write_audit(connection, [done])
        self._changes.made()

    async def set_password(self, name: str, password: Secret, *, by: str) -> int:
        """Give a password; wrong ones are forgotten, sessions end: how many.

        Whoever knew the old password may hold one of them. Raises ``OperatorUnknown``, ``PasswordWeak``.
        """
        canonical = operator_name(name)
        check_policy(password, canonical, SHORTEST_PASSWORD)
        password_hash = await self._passwords.hashed(password)
        now = self._clock()
        async with self._database.writing() as connection:
            row = await _found(connection, name)
            await set_operator_password(connection, row.name, password_hash, int(now))
            await write_audit(connection, [audited(AuditAction.OPERATOR_PASSWORD, "", by, now, operator=row.name)])
            ended = await delete_sessions_of(connection, row.name)
        self._changes.made()
        await self._throttle.unlock(canonical)
        return ended

    async def change_own_password(self, name: str, old: Secret, new: Secret) -> int:
        """The same by who knows the old one: a console that was left open must not be enough to take it over.

        Raises ``AccountRefused`` (the old one is wrong), ``AccountLocked``, and what :meth:`set_password` does.
        """
        row = await self.get(name)

        async def proven() -> bool | None:
            return await self._passwords.match(row.password_hash, old) or None

        await self._throttle.attempt(row.name, self._clock(), proven)
        return await self.set_password(row.name, new, by=row.name)

    async def _prepared(self, name: str, role: Role, password: Secret) -> OperatorRow:
        canonical = new_operator_name(name)
        check_policy(password, canonical, SHORTEST_PASSWORD)
        password_hash = await self._passwords.hashed(password)
        now = int(self._clock())
        return OperatorRow(canonical, name, role.value, password_hash, False, now, now, 0)


async def _add(connection: AsyncConnection, row: OperatorRow) -> None:
    if not await add_operator(connection, row):
        raise OperatorConflict("the name is taken", "该名称已被占用")


async def _found(connection: AsyncConnection, name: str) -> OperatorRow:
    row = await find_operator(connection, operator_name(name))
    if row is None:
        raise OperatorUnknown("there is no such operator", "没有该操作员")
    return row


async def _spare_last_owner(connection: AsyncConnection, row: OperatorRow) -> None:
    """Call it in a transaction that is ``alone``."""
    if row.role == Role.OWNER and not row.disabled and await count_active(connection, Role.OWNER) == 1:
        raise OperatorConflict("it is the last owner: make another one first", "这是最后一位所有者，请先添加另一位")
