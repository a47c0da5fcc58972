"""The user pool: sign-ins with the user's own claims, and setting those."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import event

from menshen.errors import ClaimInvalid, UserUnknown
from menshen.secret import Secret
from menshen.sessions.claims import SessionClaims
from menshen.storage.database import Database
from menshen.storage.identities import IdentityKey, SignedIn
from menshen.storage.sealing import Sealer
from menshen.users.claims import MOST_BYTES, MOST_CLAIMS, changed_claims
from menshen.users.pool import UserPool
from tests.sessions.rings import new_states
from tests.storage.conftest import opened


def pool_on(database: Database, prefix: str = "u") -> UserPool:
    numbers = itertools.count(1)
    return UserPool(database, Sealer(b"k" * 32, "session-key"), lambda: f"{prefix}{next(numbers)}")


async def sign_in(pool: UserPool, openid: str = "o1", at: float = 1.0) -> SignedIn:
    return await pool.sign_in(IdentityKey("wechat", "wx1", openid), "", Secret("key"), at)


def on_pool(directory: Path, work: Callable[[UserPool, Database], Awaitable[None]]) -> None:
    async def main() -> None:
        async with opened(directory) as database:
            await work(pool_on(database), database)

    asyncio.run(main())


def test_a_sign_in_brings_the_users_claims(tmp_path: Path) -> None:
    async def work(pool: UserPool, _: Database) -> None:
        assert await sign_in(pool) == SignedIn("u1", True, {})
        await pool.set_claims("u1", {"role": "vip", "level": "3"})
        assert await sign_in(pool) == SignedIn("u1", False, {"role": "vip", "level": "3"})
        other = await sign_in(pool, "o2")
        assert other.claims == {}

    on_pool(tmp_path, work)


def test_a_known_user_costs_two_statements(tmp_path: Path) -> None:
    async def work(pool: UserPool, database: Database) -> None:
        await sign_in(pool)
        statements: list[str] = []
        engine = database.engine.sync_engine
        event.listen(engine, "before_cursor_execute", lambda *said: statements.append(said[2].split()[0]))
        await sign_in(pool)
        assert statements == ["BEGIN", "SELECT", "UPDATE"]

    on_pool(tmp_path, work)


def test_claims_are_set_changed_and_taken_away(tmp_path: Path) -> None:
    async def work(pool: UserPool, _: Database) -> None:
        await sign_in(pool)
        assert await pool.claims("u1") == {}
        assert await pool.set_claims("u1", {"role": "vip", "level": "3"}) == {"role": "vip", "level": "3"}
        assert await pool.set_claims("u1", {"role": None, "gone": None, "level": "4"}) == {"level": "4"}
        assert await pool.claims("u1") == {"level": "4"}

    on_pool(tmp_path, work)


def test_a_user_that_does_not_exist_has_no_claims(tmp_path: Path) -> None:
    async def work(pool: UserPool, _: Database) -> None:
        with pytest.raises(UserUnknown):
            await pool.claims("nobody")
        with pytest.raises(UserUnknown):
            await pool.set_claims("nobody", {"role": "vip"})

    on_pool(tmp_path, work)


def test_what_is_refused_changes_nothing(tmp_path: Path) -> None:
    async def work(pool: UserPool, _: Database) -> None:
        await sign_in(pool)
        await pool.set_claims("u1", {"role": "vip"})
        with pytest.raises(ClaimInvalid):
            await pool.set_claims("u1", {"role": "other", "Bad": "x"})
        assert await pool.claims("u1") == {"role": "vip"}

    on_pool(tmp_path, work)


def test_claims_set_by_two_processes_at_once_are_all_kept(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as first, opened(tmp_path) as second:
            pools = [pool_on(first), pool_on(second)]
            await sign_in(pools[0])
            await asyncio.gather(*(pools[n % 2].set_claims("u1", {f"c{n}": str(n)}) for n in range(12)))
            assert await pools[0].claims("u1") == {f"c{n}": str(n) for n in range(12)}

    asyncio.run(main())


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
        *("u" * 27, "s" * 26, "wechat", "w" * 18, "o" * 28, "n" * 28), now, now + 60, now, now + 60, 60, claims
    )
    states = new_states()
    assert len(states.sealed.mint(state)) <= 2048
    assert len(states.signed.mint(state, disclose=("openid", "unionid"), renew_at=now, app="a" * 40)) <= 2048
