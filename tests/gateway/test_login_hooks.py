"""Hooks in a login: what they are told, what is kept of what they say, and what there is left when they fail."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from menshen.config.login_rules import SessionRules
from menshen.config.snapshot import Snapshot
from menshen.config.user_rules import EVENTS, AccountRules, HookRules, UserRules, WebhookRules
from menshen.errors import CodeUsed, HookFailed, LoginRefused, UserBanned
from menshen.gateway.answer import answer_refusal
from menshen.gateway.hooks import Hook, LoginAttempt, LoginDone
from menshen.secret import Secret
from menshen.storage.database import Database
from menshen.storage.log_tables import login_log, webhook_deliveries
from menshen.storage.tables import sessions, users
from menshen.users.life import Doer, UserLife
from tests.gateway.logins import CALLER, PASSWORD, Desk, at_desk, at_desks, ruled

CARRIES = SessionRules("user_session", "sealed", 120, "header", "header", claims=("tier",))
CLOSED = ruled(UserRules(hooks=HookRules(0.3, "closed")))
OPEN = ruled(UserRules(hooks=HookRules(0.3, "open")))


def broken(_: object) -> Any:
    raise RuntimeError("planted-secret of a hook")


def test_a_hook_is_told_who_it_is_before_anything_is_kept(database_url: str) -> None:
    told: list[LoginAttempt] = []

    async def work(desk: Desk) -> None:
        await desk.accounts.add(AccountRules(), "zhang", Secret(PASSWORD), "test")
        login = await desk.enter(desk.code("amy"), username="zhang", password=PASSWORD)
        app = desk.plugin.app
        assert told == [
            LoginAttempt(
                app="shop",
                platform="wechat",
                appid=app.appid,
                how="code",
                openid=login.claims.openid,
                unionid=login.claims.unionid,
                account="zhang",
                ip=CALLER.ip,
                user_agent=CALLER.user_agent,
                request_id=CALLER.request_id,
            )
        ]
        assert PASSWORD not in repr(told)

    at_desk(database_url, work, hooks=[Hook("watch", before=told.append)])


def test_a_refusal_of_a_hook_says_why_and_makes_nobody(database_url: str) -> None:
    async def work(them: list[Desk]) -> None:
        code = them[0].code("amy")
        outcomes = await asyncio.gather(*(desk.enter(code) for desk in them * 3), return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {LoginRefused}
        for outcome in outcomes:  # the parallel requests too, in whatever process
            assert isinstance(outcome, LoginRefused)
            assert "测试期间仅限员工登录".encode() in answer_refusal(outcome, "r1").body
        with pytest.raises(CodeUsed):
            await them[0].enter(code)
        assert await them[0].rows(users) == await them[0].rows(sessions) == []
        assert {row.outcome for row in await them[0].rows(login_log)} == {"login_refused", "code_used"}

    at_desks(database_url, 2, work, hooks=[Hook("staff", before=lambda _: "测试期间仅限员工登录")])


def test_claims_of_a_hook_are_carried_where_the_plugin_names_them(database_url: str) -> None:
    done: list[LoginDone] = []

    def tier(login: LoginDone) -> dict[str, str]:
        done.append(login)
        return {"tier": "gold", "other": "not named"}

    async def work(desk: Desk) -> None:
        login = await desk.enter(desk.code("amy"))
        assert login.claims.claims == {"tier": "gold"}
        assert (done[0].uid, done[0].new_user, done[0].attempt.openid) == (login.claims.sub, True, login.claims.openid)
        (row,) = await desk.rows(sessions)
        assert row.claims == '{"tier":"gold"}'
        assert [row.event for row in await desk.rows(webhook_deliveries)] == ["register", "login"]

    webhook = WebhookRules("crm", "https://crm.example/hook", Secret("planted-webhook-secret"), EVENTS)
    at_desk(database_url, work, hooks=[Hook("crm", after=tier)], session=CARRIES, rules=ruled(webhooks=(webhook,)))


@pytest.mark.parametrize("step", ["before", "after"])
@pytest.mark.parametrize(("rules", "passes"), [(CLOSED, False), (OPEN, True)], ids=["closed", "open"])
def test_a_broken_hook_opens_a_session_only_where_the_operator_says_so(
    rules: Snapshot, passes: bool, step: str, database_url: str
) -> None:
    async def work(desk: Desk) -> None:
        if passes:
            assert (await desk.enter(desk.code("amy"))).claims.claims == {}
        else:
            with pytest.raises(HookFailed):
                await desk.enter(desk.code("amy"))
        assert len(await desk.rows(sessions)) == passes
        (row,) = await desk.rows(login_log)
        assert row.outcome == ("ok" if passes else "hook_failed")
        assert "planted" not in str(row)

    at_desk(database_url, work, hooks=[Hook("bad", **{step: broken})], rules=rules, session=CARRIES)


def test_a_user_who_is_banned_while_a_hook_thinks_gets_no_session(database_url: str) -> None:
    databases: list[Database] = []

    async def ban(done: LoginDone) -> None:
        async def erase(_: str) -> None:
            pass

        await UserLife(databases[0], time.time, erase).ban(done.uid, Doer("test", ()))

    async def work(desk: Desk) -> None:
        databases.append(desk.database)
        with pytest.raises(UserBanned):
            await desk.enter(desk.code("amy"))
        assert await desk.rows(sessions) == []
        assert [row.outcome for row in await desk.rows(login_log)] == ["user_banned"]

    at_desk(database_url, work, hooks=[Hook("slow", after=ban)])


def test_a_slow_hook_holds_up_no_other_login(database_url: str) -> None:
    """It thinks between two transactions, not in one: SQLite has one writer, and a row lock is a row lock."""

    async def think(done: LoginDone) -> None:
        if done.attempt.openid in slow:
            thinking.set()
            await go_on.wait()

    slow: set[str] = set()
    thinking, go_on = asyncio.Event(), asyncio.Event()

    async def work(desk: Desk) -> None:
        slow.add((await desk.enter(desk.code("amy"))).claims.openid)
        waiting = asyncio.create_task(desk.enter(desk.code("amy")))
        await thinking.wait()
        await asyncio.gather(*(desk.enter(desk.code(f"bob{n}")) for n in range(8)))
        assert not waiting.done()
        go_on.set()
        assert (await waiting).claims.openid in slow

    at_desk(database_url, work, hooks=[Hook("crm", after=think)], rules=ruled(UserRules(hooks=HookRules(30.0))))
