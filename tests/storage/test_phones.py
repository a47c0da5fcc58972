"""Phone numbers: one owner a number, one number a user, whoever asks at the same time."""

from __future__ import annotations

import asyncio

from sqlalchemy import func, insert, select

from menshen.storage.database import Database
from menshen.storage.phones import PhoneRow, find_phone_owners, find_phones, free_phone, own_phones
from menshen.storage.tables import phones, users
from tests.storage.conftest import Run, opened


def number(digest: str, uid: str) -> PhoneRow:
    return PhoneRow(digest, uid, f"sealed-{digest}", "6666", 7)


async def add_users(database: Database, *uids: str) -> None:
    async with database.writing() as connection:
        await connection.execute(insert(users), [{"uid": uid, "created_at": 1} for uid in uids])


async def own(database: Database, *rows: PhoneRow) -> dict[str, str]:
    async with database.writing() as connection:
        return dict(await own_phones(connection, rows))


async def free(database: Database, uid: str, digest: str) -> bool:
    async with database.writing() as connection:
        return await free_phone(connection, uid, digest)


def test_a_free_number_gets_its_owner_and_keeps_him(run: Run) -> None:
    async def work(database: Database) -> None:
        await add_users(database, "u1", "u2")
        assert await own(database, number("d1", "u1")) == {"d1": "u1"}
        assert await own(database, number("d1", "u2")) == {"d1": "u1"}
        assert await own(database, number("d1", "u1")) == {"d1": "u1"}
        async with database.reading() as connection:
            assert await find_phone_owners(connection, ["d1", "d2"]) == {"d1": "u1"}
            assert await find_phones(connection, ["u1", "u2"]) == {"u1": number("d1", "u1")}

    run(work)


def test_a_user_has_one_number(run: Run) -> None:
    async def work(database: Database) -> None:
        await add_users(database, "u1")
        await own(database, number("d1", "u1"))
        assert await own(database, number("d2", "u1")) == {}
        assert await free(database, "u1", "d1")
        assert await own(database, number("d2", "u1")) == {"d2": "u1"}

    run(work)


def test_in_one_batch_the_first_has_it(run: Run) -> None:
    async def work(database: Database) -> None:
        await add_users(database, "u1", "u2")
        assert await own(database, number("d1", "u1"), number("d1", "u2"), number("d2", "u2")) == {
            "d1": "u1",
            "d2": "u2",
        }

    run(work)


def test_a_number_is_never_taken_from_who_bound_it_since(run: Run) -> None:
    """Unbind and rebind (attack class 38): a late unbinding frees nothing of the new owner's."""

    async def work(database: Database) -> None:
        await add_users(database, "u1", "u2")
        await own(database, number("d1", "u1"))
        assert await free(database, "u1", "d1")
        await own(database, number("d1", "u2"))
        assert not await free(database, "u1", "d1")
        async with database.reading() as connection:
            assert await find_phone_owners(connection, ["d1"]) == {"d1": "u2"}

    run(work)


def test_of_twenty_at_once_one_has_it(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as one, opened(database_url) as two, opened(database_url) as three:
            uids = [f"u{n}" for n in range(20)]
            await add_users(one, *uids)
            answers = await asyncio.gather(
                *(own([one, two, three][n % 3], number("d1", uid)) for n, uid in enumerate(uids))
            )
            (owner,) = {answer["d1"] for answer in answers}
            async with one.reading() as connection:
                assert (await connection.execute(select(func.count()).select_from(phones))).scalar() == 1
                assert await find_phones(connection, [owner]) == {owner: number("d1", owner)}

    asyncio.run(main())


def test_two_who_want_each_others_numbers_do_not_wait_for_ever(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as one, opened(database_url) as two:
            await add_users(one, "u1", "u2", "u3", "u4")
            for _ in range(5):
                await asyncio.gather(
                    own(one, number("d1", "u1"), number("d2", "u2")), own(two, number("d2", "u3"), number("d1", "u4"))
                )
                for uid in ("u1", "u2", "u3", "u4"):
                    await free(one, uid, "d1")
                    await free(one, uid, "d2")

    asyncio.run(main())


def test_a_row_does_not_show_its_number() -> None:
    text = repr(number("d1", "u1"))
    assert "6666" not in text
    assert "sealed" not in text
