"""Operators: their roles and password hashes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.operator_tables import operators

__all__ = [
    "OperatorRow",
    "add_operator",
    "alone",
    "count_active",
    "find_operator",
    "list_operators",
    "note_login",
    "set_disabled",
    "set_operator_password",
    "set_role",
]


@dataclass(frozen=True, slots=True)
class OperatorRow:
    """``name`` is canonical, ``shown`` as it was written. Times in Unix seconds, ``last_login_at`` 0: never."""

    name: str
    shown: str
    role: str
    password_hash: str = field(repr=False)
    disabled: bool
    created_at: int
    password_changed_at: int
    last_login_at: int


_COLUMNS = (
    operators.c.name,
    operators.c.shown,
    operators.c.role,
    operators.c.password_hash,
    operators.c.disabled,
    operators.c.created_at,
    operators.c.password_changed_at,
    operators.c.last_login_at,
)


async def alone(connection: AsyncConnection) -> None:
    """Call first in a transaction that asks how many owners there are and acts on the answer.

    Without it two set-ups at once would both find none, and two owners who demote each other would both find another.
    SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(text("LOCK TABLE operators IN SHARE ROW EXCLUSIVE MODE"))


async def find_operator(connection: AsyncConnection, name: str) -> OperatorRow | None:
    row = (await connection.execute(select(*_COLUMNS).where(operators.c.name == name))).first()
    return None if row is None else _row(row)


async def list_operators(connection: AsyncConnection) -> list[OperatorRow]:
    """All of them, by name. A team has tens."""
    return [_row(row) for row in await connection.execute(select(*_COLUMNS).order_by(operators.c.name))]


async def count_active(connection: AsyncConnection, role: str) -> int:
    """How many have this role and are not disabled."""
    query = select(func.count()).where(operators.c.role == role, operators.c.disabled == 0)
    return int((await connection.execute(query)).scalar_one())


async def add_operator(connection: AsyncConnection, row: OperatorRow) -> bool:
    """False where the name is taken."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    new = (
        dialect.insert(operators)
        .values(
            name=row.name,
            shown=row.shown,
            role=row.role,
            password_hash=row.password_hash,
            disabled=int(row.disabled),
            created_at=row.created_at,
            password_changed_at=row.password_changed_at,
            last_login_at=row.last_login_at,
        )
        .on_conflict_do_nothing(index_elements=[operators.c.name])
        .returning(operators.c.name)
    )
    return (await connection.execute(new)).first() is not None


async def set_role(connection: AsyncConnection, name: str, role: str) -> None:
    await connection.execute(update(operators).where(operators.c.name == name).values(role=role))


async def set_disabled(connection: AsyncConnection, name: str, disabled: bool) -> None:
    await connection.execute(update(operators).where(operators.c.name == name).values(disabled=int(disabled)))


async def set_operator_password(connection: AsyncConnection, name: str, password_hash: str, at: int) -> None:
    changed = update(operators).where(operators.c.name == name)
    await connection.execute(changed.values(password_hash=password_hash, password_changed_at=at))


async def note_login(connection: AsyncConnection, name: str, password_hash: str, at: int) -> bool:
    """Whether the operator may still come in: not disabled, and the password that was right still is.

    The row is locked from here on: who disables the operator waits, and then finds the session that was opened.
    """
    columns = operators.c
    which = (columns.name == name, columns.password_hash == password_hash, columns.disabled == 0)
    noted = update(operators).where(*which).values(last_login_at=at).returning(columns.name)
    return (await connection.execute(noted)).first() is not None


def _row(row: Sequence[Any]) -> OperatorRow:
    name, shown, role, password_hash, disabled, *times = row
    return OperatorRow(name, shown, role, password_hash, bool(disabled), *times)
