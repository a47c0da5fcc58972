"""What of identity tags a login puts into its session, whatever it logs in by, with hooks and without."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from menshen.config.user_rules import AccountRules
from menshen.gateway.hooks import Hook
from menshen.secret import Secret
from menshen.storage.tables import sessions, users
from tests.gateway.logins import PASSWORD, Desk, at_desk, at_desks

QUIET = Hook("quiet", after=lambda _: None)


def ticking(desk: Desk, *ticked: str) -> Any:
    return replace(desk.plugin, identity_tags=ticked)


def open_data(desk: Desk, person: str, **profile: Any) -> dict[str, str]:
    made = desk.emulator.user_info("wechat", desk.plugin.app.appid, person, profile, {})
    return {"encrypted_data": made.encrypted_data, "iv": made.iv}


@pytest.mark.parametrize("hooks", [(), (QUIET,)], ids=["alone", "with a hook"])
def test_a_session_carries_what_is_ticked_and_no_more(database_url: str, hooks: tuple[Hook, ...]) -> None:
    async def work(desk: Desk) -> None:
        plugin = ticking(desk, "city", "new_user", "platform", "account", "nickname")
        code = desk.code("amy")
        amy = open_data(desk, "amy", nickName="小艾", city="广州", gender=2)
        first = await desk.enter(code, plugin=plugin, **amy)
        told = {"city": "%E5%B9%BF%E5%B7%9E", "nickname": "%E5%B0%8F%E8%89%BE"}
        assert first.claims.tags == {**told, "new_user": "true"}
        assert (await desk.enter(desk.code("amy"), plugin=plugin)).claims.tags == {**told, "new_user": "false"}
        assert (await desk.enter(desk.code("amy"))).claims.tags == {}
        assert (await desk.enter(desk.code("bob"), plugin=plugin)).claims.tags == {"new_user": "true"}
        assert [row.tags for row in await desk.rows(sessions)][2:] == ["{}", '{"new_user":"true"}']
        assert {row.vouched for row in await desk.rows(users)} == {
            '{"city":"%E5%B9%BF%E5%B7%9E","gender":"2","nickname":"%E5%B0%8F%E8%89%BE"}',
            "{}",
        }

    at_desk(database_url, work, hooks=hooks)


def test_a_login_by_password_knows_what_was_vouched_for_before(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        plugin = ticking(desk, "nickname", "new_user")
        await desk.accounts.add(AccountRules(), "amy", Secret(PASSWORD), "test")
        code = desk.code("amy")
        info = open_data(desk, "amy", nickName="Amy")
        await desk.enter(code, username="amy", password=PASSWORD, plugin=plugin, **info)
        by_password = await desk.enter(how="password", username="amy", password=PASSWORD, plugin=plugin)
        assert by_password.claims.tags == {"nickname": "Amy", "new_user": "false"}

    at_desk(database_url, work)


def test_parallel_requests_of_one_code_share_the_tags(database_url: str) -> None:
    """In another process too: the outcome of a code rests sealed for it in the database."""

    async def work(them: list[Desk]) -> None:
        plugin = ticking(them[0], "city", "new_user")
        code = them[0].code("amy")
        info = open_data(them[0], "amy", nickName="Amy", city="广州")
        outcomes = await asyncio.gather(*(desk.enter(code, plugin=plugin, **info) for desk in them * 2))
        assert [outcome.claims.tags for outcome in outcomes] == [{"city": "%E5%B9%BF%E5%B7%9E", "new_user": "true"}] * 4

    at_desks(database_url, 2, work)
