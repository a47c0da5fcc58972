"""Users with everything that can be theirs, and what is left of it in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import Table, insert, select

from menshen.config.user_rules import EVENTS, WebhookRules
from menshen.secret import Secret
from menshen.storage.database import Database
from menshen.storage.log_tables import webhook_deliveries
from menshen.storage.login_log import LoginRow, write_logins
from menshen.storage.tables import accounts, identities, phones, users
from menshen.users.life import Doer, UserLife
from tests.storage.conftest import opened
from tests.storage.session_samples import NOW, Sessions

HOOK = WebhookRules("crm", "http://127.0.0.1:9/hook", Secret("canary-webhook-secret"), EVENTS)
BY = Doer("test", (HOOK,), "request-1")


class People(Sessions):
    """``add`` makes a user; ``erased`` are the avatar files that were to be deleted."""

    def __init__(self, database: Database, at: float = NOW, prefix: str = "s") -> None:
        super().__init__(database, at, prefix)
        self.erased: list[str] = []
        self.life = UserLife(database, lambda: self.now, self._erase)

    async def _erase(self, name: str) -> None:
        self.erased.append(name)

    async def add(
        self, uid: str, *, openids: tuple[str, ...] = (), account: str = "", phone: str = "", **columns: Any
    ) -> None:
        """``phone`` is the digest; its last four letters are the tail. ``openids`` at APP, of the unionid "union"."""
        at = int(self.now)
        async with self.database.writing() as connection:
            await connection.execute(insert(users), [{"uid": uid, "created_at": at, **columns}])
            for openid in openids:
                values = {"uid": uid, "platform": "wechat", "appid": "wx1", "openid": openid, "unionid": "union"}
                values |= {"sealed_session_key": "sealed-key", "created_at": at, "last_login_at": at}
                await connection.execute(insert(identities), [values])
            if account:
                values = {"source": "own", "name": account, "uid": uid, "shown": account.title(), "password_hash": "h"}
                await connection.execute(insert(accounts), [values | {"created_at": at, "changed_at": at}])
            if phone:
                values = {"digest": phone, "uid": uid, "sealed_number": "sealed-number", "tail": phone[-4:]}
                await connection.execute(insert(phones), [values | {"bound_at": at}])

    async def log(self, uid: str, **columns: Any) -> None:
        async with self.database.writing() as connection:
            await write_logins(connection, [LoginRow(int(self.now), "ok", "code", uid, **columns)])

    async def rows(self, table: Table, **which: Any) -> list[dict[str, Any]]:
        query = select(table).order_by(*table.primary_key)
        for name, value in which.items():
            query = query.where(table.c[name] == value)
        async with self.database.reading() as connection:
            return [dict(row._mapping) for row in await connection.execute(query)]

    async def user(self, uid: str) -> dict[str, Any]:
        [row] = await self.rows(users, uid=uid)
        return row

    async def told(self) -> list[str]:
        """The bodies of what webhooks are to be told."""
        return [row["body"] for row in await self.rows(webhook_deliveries)]


def on_people(url: str, work: Callable[[People], Awaitable[None]]) -> None:
    async def main() -> None:
        async with opened(url) as database:
            await work(People(database))

    asyncio.run(main())
