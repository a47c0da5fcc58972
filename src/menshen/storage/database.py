"""The connection to the database: SQLite in the data directory by default."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from menshen.errors import DatabaseUnavailable
from menshen.storage.batching import Batcher
from menshen.storage.turns import WriteTurns

__all__ = ["Database", "sqlite_url"]

_BUSY_MS = 5_000

Item = TypeVar("Item")
Answer = TypeVar("Answer")
WriteAll = Callable[[AsyncConnection, Sequence[Item]], Awaitable[Sequence[Answer]]]
"""Writes any number of items and answers each, in order."""


def sqlite_url(directory: Path) -> str:
    return f"sqlite+aiosqlite:///{directory / 'menshen.db'}"


class Database:
    """One engine, three ways in.

    ``writing`` takes the write lock at once; ``write`` shares one such transaction among all that wait to write, of
    whatever kind; ``reading`` never waits for a writer. Only ``create`` makes an SQLite file that is missing: a running
    gateway whose file is away for a moment would make an empty one, and keep it open when the right one is back.
    """

    def __init__(self, url: str, *, create: bool = True) -> None:
        self.url = url
        self._engine = _engine(url if create else _existing(url))
        file = make_url(url).database if url.startswith("sqlite") else None
        self._turns = WriteTurns(Path(f"{file}-turn")) if file and file != ":memory:" else None
        self._writes: Batcher[tuple[WriteAll[Any, Any], Any], Any] = Batcher(self._write_batch)

    @property
    def engine(self) -> AsyncEngine:
        return self._engine

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at the end of the block and rolled back on any exception.

        Raises ``DatabaseUnavailable``, as ``write`` and ``reading`` do.
        """
        async with AsyncExitStack() as stack:
            stack.enter_context(_available())
            if self._turns is not None:
                await stack.enter_async_context(self._turns.turn())
            connection = await stack.enter_async_context(self._engine.connect())
            await connection.execution_options(menshen_writes=True)
            await stack.enter_async_context(connection.begin())
            yield connection

    async def write(self, write_all: WriteAll[Item, Answer], item: Item) -> Answer:
        """The answer of ``write_all`` to this item, once it is committed."""
        answer: Answer = await self._writes.call((write_all, item))
        return answer

    async def _write_batch(self, writes: Sequence[tuple[WriteAll[Any, Any], Any]]) -> Sequence[Any]:
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
        with _available():
            async with self._engine.connect() as connection, connection.begin():
                yield connection

    async def close(self) -> None:
        await self._engine.dispose()
        if self._turns is not None:
            self._turns.close()


@contextmanager
def _available() -> Iterator[None]:
    """Tell a database that is away from a statement that is wrong."""
    try:
        yield
    except (IntegrityError, ProgrammingError, DataError):
        raise
    except (DBAPIError, OSError) as error:
        raise DatabaseUnavailable(type(error).__name__) from error


def _existing(url: str) -> URL:
    """The same database, opened only if it is there."""
    there = make_url(url)
    if not url.startswith("sqlite") or there.database is None:
        return there
    return there.set(database=f"file:{quote(there.database)}", query={"uri": "true", "mode": "rw"})


def _engine(url: str | URL) -> AsyncEngine:
    # Parameters are hidden from error texts: they are openids and sealed keys, and errors are logged.
    if make_url(url).get_backend_name() != "sqlite":
        return create_async_engine(url, pool_pre_ping=True, hide_parameters=True)
    engine = create_async_engine(url, pool_size=4, max_overflow=0, hide_parameters=True)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _record: Any) -> None:
    # The driver's own implicit BEGIN would be deferred: two writers would both read, then one would fail.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"busy_timeout={_BUSY_MS}",
        "foreign_keys=ON",
        "trusted_schema=OFF",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("menshen_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
