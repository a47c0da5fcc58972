"""Traces of a TraceID: found by the whole value, the newest first, page by page, forgotten in pieces."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import text

from menshen.config.tag_values import tag_value
from menshen.storage.database import Database
from menshen.storage.trace_links import TraceLink, add_trace_links, find_traces, prune_trace_links
from tests.storage.conftest import Run

NOW = 1_700_000_000
LINK = TraceLink(NOW, "A-7", "order", "a" * 32, "mall/order", 200, "r1")


async def add(database: Database, *links: TraceLink) -> None:
    async with database.writing() as connection:
        await add_trace_links(connection, links)


async def ids(database: Database, value: str, **which: int) -> list[str]:
    async with database.reading() as connection:
        return [each.link.request_id for each in await find_traces(connection, value, **which)]


def test_a_value_has_its_traces_and_no_others(run: Run) -> None:
    async def work(database: Database) -> None:
        others = ("A-70", "A-", "a-7", "A-7%20", "%25")
        await add(database, LINK, *(replace(LINK, value=value, request_id=value) for value in others))
        await add(database, replace(LINK, request_id="r2", trace_id="b" * 32))
        await add(database)
        assert await ids(database, "A-7") == ["r2", "r1"]
        assert [await ids(database, value) for value in others] == [[value] for value in others]
        assert await ids(database, "A%") == await ids(database, "") == []
        async with database.reading() as connection:
            (_, first) = await find_traces(connection, "A-7")
        assert first.link == LINK

    run(work)


def test_pages_follow_each_other(run: Run) -> None:
    async def work(database: Database) -> None:
        await add(database, *(replace(LINK, request_id=f"r{number}") for number in range(5)))
        async with database.reading() as connection:
            page = await find_traces(connection, "A-7", limit=2)
        assert [each.link.request_id for each in page] == ["r4", "r3"]
        assert await ids(database, "A-7", below=page[-1].id, limit=2) == ["r2", "r1"]
        assert await ids(database, "A-7", below=page[-1].id) == ["r2", "r1", "r0"]

    run(work)


def test_the_longest_value_that_a_tag_can_have_fits(run: Run) -> None:
    async def work(database: Database) -> None:
        longest = tag_value("\u00e9" * 64)
        assert len(longest) == 384
        await add(database, replace(LINK, value=longest))
        assert await ids(database, longest) == ["r1"]

    run(work)


def test_pruning_takes_the_oldest_in_pieces(run: Run) -> None:
    async def work(database: Database) -> None:
        await add(database, *(replace(LINK, at=NOW - age, request_id=f"r{age}") for age in (0, 30, 20, 10)))
        done = []
        for _ in range(3):
            async with database.writing() as connection:
                done.append(await prune_trace_links(connection, NOW - 5, 2))
        assert done == [2, 1, 0]
        assert await ids(database, "A-7") == ["r0"]

    run(work)


def test_a_search_reads_the_index_of_values(run: Run) -> None:
    async def work(database: Database) -> None:
        if not database.url.startswith("sqlite"):
            return
        query = "EXPLAIN QUERY PLAN SELECT * FROM trace_links WHERE value = 'x' AND id < 9 ORDER BY id DESC LIMIT 5"
        async with database.reading() as connection:
            plan = " ".join(str(row) for row in await connection.execute(text(query)))
        assert "ix_trace_links_value_id" in plan
        assert "TEMP B-TREE" not in plan

    run(work)
