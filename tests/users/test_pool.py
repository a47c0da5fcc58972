"""The user pool: logins with the user's own claims, and what claims may be."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import event

from menshen.errors import ClaimInvalid
from menshen.secret import Secret
from menshen.sessions.claims import SessionClaims
from menshen.storage.database import Database
from menshen.storage.identities import IdentityKey
from menshen.storage.sealing import Sealer
from menshen.storage.user_claims import change_user_claims
from menshen.users.claims import MOST_BYTES, MOST_CLAIMS, changed_claims
from menshen.users.entering import Entered, Entry
from menshen.users.pool import UserPool
from tests.sessions.rings import new_states
from tests.storage.conftest import opened


def pool_on(database: Database, prefix: str = "u") -> UserPool:
    numbers = itertools.count(1)
    return UserPool(database, Sealer(b"k" * 32, "session-key"), lambda: f"{prefix}{next(numbers)}")


async def sign_in(pool: UserPool, openid: str = "o1", at: int = 1) -> Entered:
    entry = Entry(at, seen=pool.seen(IdentityKey("wechat", "wx1", openid), "", Secret("key"), at))
    async with pool.database.writing() as connection:
        (entered,) = await pool.enter_all(connection, [entry], True)
    assert isinstance(entered, Entered)
    return entered


def on_pool(directory: Path, work: Callable[[UserPool, Database], Awaitable[None]]) -> None:
    async def main() -> None:
        async with opened(directory) as database:
            await work(pool_on(database), database)

    asyncio.run(main())


def test_a_sign_in_brings_the_users_claims(tmp_path: Path) -> None:
    async def work(pool: UserPool, database: Database) -> None:
        assert await sign_in(pool) == Entered("u1", True, {})
        async with database.writing() as connection:
            await change_user_claims(connection, "u1", lambda _: {"role": "vip", "level": "3"})
        assert await sign_in(pool) == Entered("u1", False, {"role": "vip", "level": "3"})
        other = await sign_in(pool, "o2")
        assert other.claims == {}

    on_pool(tmp_path, work)


def test_a_known_user_costs_five_statements_however_many_come_at_once(tmp_path: Path) -> None:
    """Whose the identity is, how the user stands, his account; then the counters and the identity's newest."""

    async def work(pool: UserPool, database: Database) -> None:
        for openid in ("o1", "o2"):
            await sign_in(pool, openid)
        statements: list[str] = []
        engine = database.engine.sync_engine
        event.listen(engine, "before_cursor_execute", lambda *said: statements.append(said[2].split()[0]))
        keys = [IdentityKey("wechat", "wx1", openid) for openid in ("o1", "o2")]
        async with database.writing() as connection:
            await pool.enter_all(connection, [Entry(2, seen=pool.seen(k, "", Secret("k"), 2)) for k in keys], True)
        assert statements == ["BEGIN", "SELECT", "SELECT", "SELECT", "UPDATE", "UPDATE"]

    on_pool(tmp_path, work)


@pytest.mark.parametrize("name", ["", "A", "1a", "_a", "a-b", "a b", "a\n", "ä", "a" * 33, "x-menshen"])
def test_names_that_no_claim_has(name: str) -> None:
    with pytest.raises(ClaimInvalid):
        changed_claims({}, {name: "x"})
    with pytest.raises(ClaimInvalid):
        changed_claims({}, {name: None})


@pytest.mark.parametrize("value", ["a\r\nx: y", "\x00", "\x7f", "秘密", "é", "x" * 129])
def test_values_that_no_claim_has_are_not_repeated(value: str) -> None:
    """They would go into a header."""
    with pytest.raises(ClaimInvalid) as refused:
        changed_claims({}, {"role": value})
    assert value not in str(refused.value)


def test_what_a_claim_may_be() -> None:
    claims = {"a": "", "a" * 32: "x" * 128, "a_1": ' !"~,;='}
    assert changed_claims({}, claims) == claims


def test_a_user_has_so_many_claims_at_most() -> None:
    full = {f"c{n}": "x" for n in range(MOST_CLAIMS)}
    assert changed_claims({}, full) == full
    assert len(changed_claims(full, {"c0": None, "new": "x"})) == MOST_CLAIMS
    with pytest.raises(ClaimInvalid, match="16"):
        changed_claims(full, {"new": "x"})


def test_claims_that_would_not_fit_into_a_state_are_refused() -> None:
    most = {f"c{n}": "x" * 128 for n in range(6)}
    assert changed_claims({}, most) == most
    with pytest.raises(ClaimInvalid, match=str(MOST_BYTES)):
        changed_claims(most, {"one_more": "x" * 128})


def test_the_longest_claims_fit_into_a_state_of_every_kind() -> None:
    """Many short ones, for each takes more room in a signed state than in JSON; quotes, for each is two bytes there."""
    claims = {f"claim_{n}": '"' * 20 for n in range(MOST_CLAIMS - 1)}
    claims["rest"] = "x" * (MOST_BYTES - len(msgspec.json.encode(claims)) - len(',"rest":""'))
    assert changed_claims({}, claims) == claims
    now = 1_800_000_000
    state = SessionClaims(
        *("u" * 27, "s" * 26, "wechat", "w" * 18, "o" * 28, "n" * 28),
        now,
        now + 60,
        now,
        now + 60,
        60,
        claims,
        "a" * 128,
    )
    states = new_states()
    assert len(states.sealed.mint(state)) <= 2048
    assert len(states.signed.mint(state, disclose=("openid", "unionid", "account"), renew_at=now, app="a" * 40)) <= 2048
