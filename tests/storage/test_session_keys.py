"""The session_key of an identity."""

from __future__ import annotations

from menshen.storage.identities import IdentityKey, SeenIdentity, add_identities
from menshen.storage.session_keys import find_session_key, replace_session_key
from menshen.storage.user_standings import add_users

ALICE, BOB = IdentityKey("wechat", "wx1", "oAlice"), IdentityKey("wechat", "wx2", "oAlice")


def test_the_key_of_just_this_identity(run):
    async def work(database):
        async with database.writing() as connection:
            await add_users(connection, {"u1": 1})
            await add_identities(connection, [("u1", SeenIdentity(ALICE, "", "sealed", 1))])
            assert await find_session_key(connection, ALICE) == "sealed"
            assert await find_session_key(connection, BOB) is None

    run(work)


def test_a_key_is_replaced_unless_a_login_was_faster(run):
    async def work(database):
        async with database.writing() as connection:
            await add_users(connection, {"u1": 1})
            new = [("u1", SeenIdentity(ALICE, "", "a", 1)), ("u1", SeenIdentity(BOB, "", "a", 1))]
            await add_identities(connection, new)
            assert await replace_session_key(connection, ALICE, "older", "b") is False
            assert await replace_session_key(connection, ALICE, "a", "b") is True
            assert await find_session_key(connection, ALICE) == "b"
            assert await find_session_key(connection, BOB) == "a"

    run(work)
