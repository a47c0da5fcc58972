"""Everything about operators on a database of the test's own, with a clock that stands still until it is moved."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from menshen.operators.roles import Role
from menshen.operators.service import OperatorService, operator_service
from menshen.secret import Secret
from menshen.storage.audit import AuditRow, list_audit
from menshen.storage.database import Database
from menshen.users.passwords import Passwords
from tests.storage.conftest import opened

NOW = 1_800_000_000.0
MASTER_KEY = b"k" * 32
NODE_TOKEN = Secret("the-nodes-own-token-of-a-test-4711")
PASSWORD = Secret("correct horse battery")
OTHER = Secret("another horse, another staple")
WRONG = Secret("wrong horse battery")


class QuickPasswords(Passwords):
    """Argon2id at its cheapest; counts how often a password was looked at."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_kib=8)
        self.looked = 0

    async def match(self, password_hash: str, password: Secret) -> bool:
        self.looked += 1
        return await super().match(password_hash, password)


@dataclass
class Desk:
    """``time`` is what both clocks say."""

    database: Database
    time: float = NOW
    passwords: QuickPasswords = field(default_factory=QuickPasswords)

    def __post_init__(self) -> None:
        self.service = self.another()

    def another(self, master_key: bytes = MASTER_KEY) -> OperatorService:
        """That of another process on the same database."""
        clock = self.clock
        return operator_service(self.database, master_key, NODE_TOKEN, self.passwords, clock, clock, os.urandom)

    def clock(self) -> float:
        return self.time

    async def add(self, name: str, role: Role = Role.OPERATOR) -> None:
        await self.service.accounts.add(name, role, PASSWORD, by="test")

    async def log_in(self, name: str, password: Secret = PASSWORD, ip: str = "192.0.2.7") -> str:
        return (await self.service.sessions.log_in(name, password, ip=ip, user_agent="test")).reveal()

    async def audit(self, action: str = "") -> list[AuditRow]:
        """The oldest first."""
        async with self.database.reading() as connection:
            return [each.row for each in await list_audit(connection, action=action, limit=1000)][::-1]


@asynccontextmanager
async def desk_at(where: Path | str) -> AsyncIterator[Desk]:
    async with opened(where) as database:
        yield Desk(database)


def at_desk(url: str, work: Callable[[Desk], Awaitable[Any]]) -> Any:
    """Run on a desk; what it returns."""

    async def main() -> Any:
        async with desk_at(url) as desk:
            return await work(desk)

    return asyncio.run(main())
