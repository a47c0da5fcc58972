"""From Envoy's pipe into the database: half lines, other people's lines, a database that is away, more than fits."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import stat
import termios
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from menshen.errors import DatabaseUnavailable
from menshen.node import trace_log
from menshen.node.trace_log import TraceLog
from menshen.storage.database import Database, sqlite_url
from menshen.storage.trace_links import TraceLink, find_traces
from tests.storage.conftest import opened

TRACE = "0af7651916cd43dd8448eb211c80319c"


def line(value: str = "A-7", **changes: object) -> bytes:
    whole = {
        "at": "1700000000",
        "value": value,
        "tag": "order",
        "trace_id": TRACE,
        "route": "mall/order",
        "status": 200,
        "request_id": "r1",
    }
    return json.dumps({**whole, **changes}).encode() + b"\n"


class Scene:
    """A trace log with its pipe open, and somebody who writes into it as Envoy does."""

    def __init__(self, log: TraceLog, path: Path, database: Database) -> None:
        self.log = log
        self.path = path
        self.database = database

    def say(self, *lines: bytes) -> None:
        writer = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        for each in lines:
            os.write(writer, each)
        os.close(writer)

    def unread(self) -> bool:
        """Whether there is something in the pipe still."""
        pipe = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            return fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)) != bytes(4)
        finally:
            os.close(pipe)

    async def found(self, value: str = "A-7") -> list[TraceLink]:
        async with self.database.reading() as connection:
            return [each.link for each in await find_traces(connection, value, limit=100_000)]

    async def written(self) -> None:
        """Everything said so far is read and written."""
        while self.unread():  # noqa: ASYNC110 - whoever reads tells nobody
            await asyncio.sleep(0)
        await self.log.write()


@asynccontextmanager
async def scene(tmp_path: Path, url: str) -> AsyncIterator[Scene]:
    async with opened(url) as database:
        path = tmp_path / "traces.pipe"
        log = TraceLog(path, database)
        log.open()
        try:
            yield Scene(log, path, database)
        finally:
            await log.finish()


def on_scene(tmp_path: Path, url: str, work: Callable[[Scene], Awaitable[None]]) -> None:
    async def main() -> None:
        async with scene(tmp_path, url) as on:
            await work(on)

    asyncio.run(main())


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return sqlite_url(tmp_path)


def test_what_envoy_says_is_found(tmp_path: Path, database_url: str) -> None:
    async def work(on: Scene) -> None:
        assert stat.S_IMODE(on.path.stat().st_mode) == 0o600
        on.say(line(), line("B-8", route=None, request_id=None))
        await on.written()
        assert await on.found() == [TraceLink(1_700_000_000, "A-7", "order", TRACE, "mall/order", 200, "r1")]
        assert await on.found("B-8") == [TraceLink(1_700_000_000, "B-8", "order", TRACE, "", 200, "")]

    on_scene(tmp_path, database_url, work)


def test_another_envoy_goes_on_where_one_died(tmp_path: Path, sqlite: str) -> None:
    """The first died in the middle of a line: that one is lost, with the one it ran into, and no other."""

    async def work(on: Scene) -> None:
        on.say(line(request_id="r1"), line(request_id="r2")[:40])
        await on.written()
        on.say(line(request_id="r3"), line(request_id="r4"))
        await on.written()
        assert [link.request_id for link in await on.found()] == ["r4", "r1"]

    on_scene(tmp_path, sqlite, work)


def test_a_line_in_two_pieces_is_one(tmp_path: Path, sqlite: str) -> None:
    async def work(on: Scene) -> None:
        whole = line()
        on.say(whole[:30])
        await on.written()
        assert await on.found() == []
        on.say(whole[30:])
        await on.written()
        assert len(await on.found()) == 1

    on_scene(tmp_path, sqlite, work)


BAD = [
    b"\n",
    b"not json\n",
    b'{"at": 1}\n',
    line(at="-"),
    line(at="99999999999999999"),
    line(trace_id="-"),
    line(trace_id=TRACE.upper()),
    line(value=""),
    line(value="x" * 385),
    line(value="\u8ba2\u5355"),
    line(value="a\nb"),
    line(value=None),  # type: ignore[arg-type]
    line(status="200"),
    b"\xff\xfe" + line(),
]


@pytest.mark.parametrize("bad", BAD)
def test_class_48_what_is_no_line_of_ours_is_lost_and_counted(
    tmp_path: Path, sqlite: str, caplog: pytest.LogCaptureFixture, bad: bytes
) -> None:
    caplog.set_level(logging.WARNING, "menshen.traces")

    async def work(on: Scene) -> None:
        on.say(bad, line("good"))
        await on.written()
        assert len(await on.found("good")) == 1
        assert await on.found() == []

    on_scene(tmp_path, sqlite, work)
    (record,) = caplog.records
    assert (record.message, record.__dict__["links"]) == ("trace_links_lost", 1)


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path, sqlite: str) -> None:
    async def work(on: Scene) -> None:
        for _ in range(20):
            on.say(b"x" * 4096)
            await asyncio.sleep(0.01)
        on.say(b"\n", line())
        await on.written()
        assert len(await on.found()) == 1

    on_scene(tmp_path, sqlite, work)


def test_while_the_database_is_away_links_wait(
    tmp_path: Path, sqlite: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "menshen.traces")

    async def away(*_: object) -> None:
        raise DatabaseUnavailable("away")

    async def work(on: Scene) -> None:
        on.say(*(line(request_id=f"r{number}") for number in range(700)))
        with monkeypatch.context() as patch:
            patch.setattr(trace_log, "add_trace_links", away)
            await on.written()
            await on.written()
        await on.written()
        assert [link.request_id for link in await on.found()] == [f"r{number}" for number in reversed(range(700))]

    on_scene(tmp_path, sqlite, work)
    assert [record.message for record in caplog.records] == ["trace_links_wait"]


def test_class_53_no_more_waits_than_may(
    tmp_path: Path, sqlite: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "menshen.traces")
    monkeypatch.setattr(trace_log, "_MOST", 10)

    async def work(on: Scene) -> None:
        on.say(*(line(request_id=f"r{number}") for number in range(25)))
        await on.written()
        assert [link.request_id for link in await on.found()] == [f"r{number}" for number in range(24, 14, -1)]

    on_scene(tmp_path, sqlite, work)
    (record,) = caplog.records
    assert (record.message, record.__dict__["links"]) == ("trace_links_lost", 15)


def test_what_came_last_is_written_at_the_end(tmp_path: Path, sqlite: str) -> None:
    async def main() -> None:
        async with scene(tmp_path, sqlite) as on:
            following = asyncio.create_task(on.log.follow())
            await asyncio.sleep(0)
            following.cancel()
            on.say(line())
        assert not on.path.exists()
        async with opened(sqlite) as database:
            assert len(await Scene(on.log, on.path, database).found()) == 1

    asyncio.run(main())


def test_what_waits_at_the_end_is_lost_and_told_though_some_was_told_before(
    tmp_path: Path, sqlite: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "menshen.traces")

    async def away(*_: object) -> None:
        raise DatabaseUnavailable("away")

    async def work(on: Scene) -> None:
        on.say(b"not json\n")
        await on.written()
        monkeypatch.setattr(trace_log, "add_trace_links", away)
        on.say(line(), line())
        await on.written()
        on.say(line())

    on_scene(tmp_path, sqlite, work)
    told = [(record.message, record.__dict__["links"]) for record in caplog.records]
    assert told == [("trace_links_lost", 1), ("trace_links_wait", 2), ("trace_links_lost", 3)]


def test_what_the_database_refuses_is_not_tried_again(
    tmp_path: Path, sqlite: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "menshen.traces")

    async def refuses(*_: object) -> None:
        raise ValueError("no such column")

    async def work(on: Scene) -> None:
        on.say(line(), line())
        with monkeypatch.context() as patch:
            patch.setattr(trace_log, "add_trace_links", refuses)
            await on.written()
        await on.written()
        assert await on.found() == []

    on_scene(tmp_path, sqlite, work)
    assert [record.message for record in caplog.records] == ["writing_trace_links", "trace_links_lost"]


def test_a_file_that_lies_in_its_place_is_replaced(tmp_path: Path, sqlite: str) -> None:
    (tmp_path / "traces.pipe").write_text("old")

    async def work(on: Scene) -> None:
        assert stat.S_ISFIFO(on.path.stat().st_mode)

    on_scene(tmp_path, sqlite, work)
