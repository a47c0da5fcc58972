"""Messages to webhooks in the database: who takes one has it alone, for as long as he said."""

from __future__ import annotations

import asyncio

from menshen.storage.database import Database
from menshen.storage.webhook_deliveries import (
    Attempted,
    Delivery,
    NewDelivery,
    Taken,
    abandon_deliveries,
    add_deliveries,
    finish_deliveries,
    list_deliveries,
    prune_deliveries,
    send_again,
    take_deliveries,
    waiting_webhooks,
)
from tests.storage.conftest import Run, opened

NOW = 1_000_000


async def add(database: Database, *names: str, webhook: str = "crm", at: int = NOW) -> None:
    async with database.writing() as connection:
        await add_deliveries(connection, [NewDelivery(name, webhook, "login", "{}", at) for name in names])


async def take(database: Database, now: float = NOW, limit: int = 10, webhook: str = "crm") -> list[Taken]:
    async with database.writing() as connection:
        return await take_deliveries(connection, webhook, now, now + 60, limit)


async def finish(database: Database, *attempted: Attempted) -> None:
    for each in attempted:
        await database.write(finish_deliveries, each)


async def rows(database: Database, **which: object) -> list[Delivery]:
    async with database.reading() as connection:
        return await list_deliveries(connection, "crm", **which)  # type: ignore[arg-type]


async def waiting(database: Database, now: float, *names: str) -> list[str]:
    async with database.reading() as connection:
        return await waiting_webhooks(connection, names, now)


def delivered(taken: Taken, at: int = NOW) -> Attempted:
    return Attempted(taken.id, taken.attempts, "delivered", at, None, 200, "")


def again(taken: Taken, next_at: float, error: str = "HTTP 500") -> Attempted:
    return Attempted(taken.id, taken.attempts, "waiting", NOW, next_at, 500, error)


def test_what_is_taken_is_nobody_elses_until_its_time_is_up(run: Run) -> None:
    async def work(database: Database) -> None:
        await add(database, "a", "b")
        first = await take(database)
        assert [(each.delivery, each.attempts) for each in first] == [("a", 1), ("b", 1)]
        assert await take(database, NOW + 59.9) == []
        second = await take(database, NOW + 60)
        assert [(each.delivery, each.attempts) for each in second] == [("a", 2), ("b", 2)]

    run(work)


def test_two_that_take_at_the_same_moment_share_and_neither_waits(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as one, opened(database_url) as other:
            await add(one, *[f"{number:02}" for number in range(40)])
            found = await asyncio.gather(*[take(each, limit=4) for each in (one, other) * 10])
            names = [taken.delivery for batch in found for taken in batch]
            assert len(names) == len(set(names))
            while more := await take(one, limit=4):  # SKIP LOCKED may have left some
                names += [taken.delivery for taken in more]
            assert sorted(names) == [f"{number:02}" for number in range(40)]

    asyncio.run(main())


def test_the_longest_due_come_first_and_what_is_not_due_stays(run: Run) -> None:
    async def work(database: Database) -> None:
        await add(database, "late", at=NOW + 5)
        await add(database, "first", at=NOW - 9)
        await add(database, "second", at=NOW - 3)
        await add(database, "other", webhook="erp")
        assert [each.delivery for each in await take(database, limit=1)] == ["first"]
        assert [each.delivery for each in await take(database)] == ["second"]
        assert await waiting(database, NOW, "crm", "erp") == ["erp"]
        assert await waiting(database, NOW + 5, "crm", "erp") == ["crm", "erp"]
        assert await waiting(database, NOW + 5) == []

    run(work)


def test_one_can_be_taken_by_name_and_the_others_stay_due(run: Run) -> None:
    async def work(database: Database) -> None:
        await add(database, "a", "b", "c")
        async with database.writing() as connection:
            [taken] = await take_deliveries(connection, "crm", NOW, NOW + 60, 1, only="b")
        assert taken.delivery == "b"
        assert [each.delivery for each in await take(database)] == ["a", "c"]

    run(work)


def test_an_attempt_is_noted_once_and_by_whoever_has_the_message(run: Run) -> None:
    async def work(database: Database) -> None:
        await add(database, "a")
        [first] = await take(database)
        [second] = await take(database, NOW + 60)
        await finish(database, delivered(first))
        assert (await rows(database))[0].status == "waiting"
        await finish(database, again(second, NOW + 70.5, "x" * 500 + "\0"))
        [row] = await rows(database)
        assert (row.status, row.attempts, row.next_at, row.response_status) == ("waiting", 2, NOW + 70.5, 500)
        assert row.error == "x" * 200
        [third] = await take(database, NOW + 71)
        await finish(database, delivered(third, NOW + 72))
        await finish(database, again(third, NOW + 99))  # done with is done with
        [row] = await rows(database)
        assert (row.status, row.next_at, row.finished_at, row.error) == ("delivered", None, NOW + 72, "")
        assert await take(database, NOW + 10_000) == []

    run(work)


def test_what_is_done_with_is_sent_again_on_demand_and_nothing_else(run: Run) -> None:
    async def work(database: Database) -> None:
        await add(database, "done", "open")
        [done, _] = await take(database)
        await finish(database, delivered(done))
        async with database.writing() as connection:
            asked = [("crm", "done"), ("crm", "done"), ("crm", "open"), ("erp", "done"), ("crm", "nothing")]
            answers = [await send_again(connection, webhook, name, NOW + 5) for webhook, name in asked]
        assert answers == [True, False, False, False, False]
        [taken] = await take(database, NOW + 5)
        assert (taken.delivery, taken.attempts) == ("done", 1)

    run(work)


def test_the_log_is_read_newest_first_by_status_and_in_pages(run: Run) -> None:
    async def work(database: Database) -> None:
        await add(database, "a", "b", "c")
        [first, *_] = await take(database)
        await finish(database, delivered(first))
        assert [row.delivery for row in await rows(database)] == ["c", "b", "a"]
        assert [row.delivery for row in await rows(database, status="delivered")] == ["a"]
        page = await rows(database, limit=2)
        assert [row.delivery for row in await rows(database, limit=2, below=page[-1].id)] == ["a"]

    run(work)


def test_pruning_looks_at_the_oldest_and_leaves_what_waits(run: Run) -> None:
    async def work(database: Database) -> None:
        await add(database, "done", "open", at=NOW - 100)
        await add(database, "new")
        taken = {each.delivery: each for each in await take(database)}
        await finish(database, delivered(taken["done"]), delivered(taken["new"]))
        async with database.writing() as connection:
            assert await prune_deliveries(connection, NOW, 1) == 1
            assert await prune_deliveries(connection, NOW, 10) == 0
        assert [row.delivery for row in await rows(database)] == ["new", "open"]

    run(work)


def test_what_nobody_listens_for_any_more_is_given_up_in_pieces(run: Run) -> None:
    async def work(database: Database) -> None:
        await add(database, "a", "b", "c", at=NOW - 10)
        await add(database, "young", at=NOW)
        async with database.writing() as connection:
            assert await abandon_deliveries(connection, ["crm"], NOW - 5, NOW, 10) == 0
            assert await abandon_deliveries(connection, ["erp"], NOW - 5, NOW, 2) == 2
            assert await abandon_deliveries(connection, [], NOW - 5, NOW, 2) == 1
        assert [row.status for row in await rows(database)] == ["waiting", "failed", "failed", "failed"]

    run(work)
