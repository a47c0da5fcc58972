"""The connection to the database: SQLite in the data directory, or PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from menshen.errors import DatabaseUnavailable
from menshen.storage.batching import Batcher
from menshen.storage.database_errors import available, passes
from menshen.storage.turns import WriteTurns

if TYPE_CHECKING:
    import asyncpg

__all__ = ["ANSWER_SECONDS", "Database", "sqlite_url"]

_BUSY_MS = 2_000
"""Our own writers wait for their turn and not here. Whoever else holds the file is waited for no longer than that."""

_POOL_SECONDS = 4.0

_CACHE_KIB = 32_768
"""Of pages a connection. A hundred logins write to a thousand pages of a large file; what the cache does not hold is
written twice."""

_CHECKPOINT_PAGES = 4_000
"""As many pages lie in the write-ahead log before they are moved to the file, each of them once: 16 MiB."""

_CONNECTIONS = 4
"""A process's connections at most: PostgreSQL has a hundred for all nodes, as it comes."""

_CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 15.0
"""A PostgreSQL that has not answered by then is away. Without a limit, a dropped line would hold up every login."""

_ATTEMPTS = 3

Item = TypeVar("Item")
Answer = TypeVar("Answer")
WriteAll = Callable[[AsyncConnection, Sequence[Item]], Awaitable[Sequence[Answer]]]
"""Writes any number of items and answers each, in order."""


def sqlite_url(directory: Path) -> str:
    return f"sqlite+aiosqlite:///{directory / 'menshen.db'}"


class Database:
    """One engine, three ways in. ``url`` is SQLite's, or PostgreSQL's own with all that libpq takes.

    ``writing`` takes the write lock at once; ``write`` shares one such transaction among all that wait to write, of
    whatever kind; ``reading`` never waits for a writer. Only ``create`` makes an SQLite file that is missing: a running
    gateway whose file is away for a moment would make an empty one, and keep it open when the right one is back.
    ``answer_within`` is how long PostgreSQL may take for a statement, in seconds.
    """

    def __init__(self, url: str, *, create: bool = True, answer_within: float | None = ANSWER_SECONDS) -> None:
        self.url = url
        self._engine = _engine(url, create, answer_within)
        file = make_url(url).database if url.startswith("sqlite") else None
        self._turns = WriteTurns(Path(f"{file}-turn")) if file and file != ":memory:" else None
        self._writes: Batcher[tuple[WriteAll[Any, Any], Any], Any] = Batcher(
            self._write_batch, apart=lambda error: not isinstance(error, DatabaseUnavailable)
        )

    @property
    def engine(self) -> AsyncEngine:
        return self._engine

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at the end of the block and rolled back on any exception.

        Raises ``DatabaseUnavailable``, as ``write`` and ``reading`` do.
        """
        async with AsyncExitStack() as stack:
            stack.enter_context(available())
            if self._turns is not None:
                await stack.enter_async_context(self._turns.turn())
            connection = await stack.enter_async_context(self._engine.connect())
            await connection.execution_options(menshen_writes=True)
            await stack.enter_async_context(connection.begin())
            yield connection

    async def write(self, write_all: WriteAll[Item, Answer], item: Item) -> Answer:
        """The answer of ``write_all`` to this item, once it is committed.

        ``write_all`` may run more than once for an item, each time from the start of a transaction: what it met at
        PostgreSQL, a deadlock or a key that was taken meanwhile, is then gone.
        """
        answer: Answer = await self._writes.call((write_all, item))
        return answer

    async def _write_batch(self, writes: Sequence[tuple[WriteAll[Any, Any], Any]]) -> Sequence[Any]:
        for _ in range(_ATTEMPTS - 1):
            try:
                return await self._write_together(writes)
            except Exception as error:
                if not passes(error):
                    raise
        return await self._write_together(writes)

    async def _write_together(self, writes: Sequence[tuple[WriteAll[Any, Any], Any]]) -> Sequence[Any]:
        numbers: dict[WriteAll[Any, Any], list[int]] = {}
        for number, (write_all, _) in enumerate(writes):
            numbers.setdefault(write_all, []).append(number)
        answers: list[Any] = [None] * len(writes)
        async with self.writing() as connection:
            for write_all, own in numbers.items():
                found = await write_all(connection, [writes[number][1] for number in own])
                for number, answer in zip(own, found, strict=True):
                    answers[number] = answer
        return answers

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        with available():
            async with self._engine.connect() as connection, connection.begin():
                yield connection

    async def close(self) -> None:
        await self._engine.dispose()
        if self._turns is not None:
            self._turns.close()


def _engine(url: str, create: bool, answer_within: float | None) -> AsyncEngine:
    # Parameters are hidden from error texts: they are openids and sealed keys, and errors are logged.
    if not url.startswith("sqlite"):
        return create_async_engine(
            "postgresql+asyncpg://",
            async_creator=partial(_connect, url, answer_within),
            pool_size=_CONNECTIONS,
            max_overflow=0,
            pool_timeout=_POOL_SECONDS,
            pool_pre_ping=True,
            hide_parameters=True,
        )
    there = make_url(url)
    if not create and there.database is not None:
        there = there.set(database=f"file:{quote(there.database)}", query={"uri": "true", "mode": "rw"})
    # The connection that was used last has in its cache what the next login needs.
    engine = create_async_engine(
        there,
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        pool_use_lifo=True,
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


async def _connect(url: str, answer_within: float | None) -> asyncpg.Connection:
    import asyncpg  # only who has a PostgreSQL pays for it

    settings = {"application_name": "menshen"}
    try:
        return await asyncpg.connect(
            url, timeout=_CONNECT_SECONDS, command_timeout=answer_within, server_settings=settings
        )
    except ValueError:  # its text may hold a part of the password
        raise DatabaseUnavailable(
            "PostgreSQL: the URL is not valid, or the certificate it needs is not there"
        ) from None


def _prepare_sqlite(connection: DBAPIConnection, _record: Any) -> None:
    # The driver's own implicit BEGIN would be deferred: two writers would both read, then one would fail.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"busy_timeout={_BUSY_MS}",
        f"cache_size=-{_CACHE_KIB}",
        f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
        "foreign_keys=ON",
        "trusted_schema=OFF",
        "secure_delete=ON",  # what was erased of a person is not left in a page that is kept
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("menshen_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
