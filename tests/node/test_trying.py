"""Login states of a phone's user end as an operator ends them: all of his, nobody else's, and written down."""

from __future__ import annotations

import json

from menshen.node.trying import session_ending
from menshen.storage.identities import IdentityKey
from menshen.storage.log_tables import audit
from menshen.users.ending import SessionEndings
from tests.users.people import People, on_people


def test_sessions_end_of_one_user_and_it_is_written_down(database_url: str) -> None:
    async def work(people: People) -> None:
        await people.add("alice", openids=("o-alice",))
        await people.add("bob", openids=("o-bob",))
        for uid in ("alice", "alice", "bob"):
            await people.log_in(uid)
        end = session_ending(people.database, SessionEndings(people.database, lambda: people.now))
        assert await end(IdentityKey("wechat", "wx1", "o-nobody"), "li") == 0
        assert await people.rows(audit) == []
        assert await end(IdentityKey("wechat", "wx1", "o-alice"), "li") == 2
        assert [record.uid for record in await people.records.list()] == ["bob"]
        (row,) = await people.rows(audit)
        assert (row["actor"], row["action"], row["uid"]) == ("li", "sessions.end", "alice")
        assert "o-alice" not in json.dumps(row), "the identity at the platform is nobody's to read here"

    on_people(database_url, work)
