"""Logging in: what is proven in which order, what is written, and what is not spent when it comes to nothing."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from menshen.config.login_rules import SessionRules
from menshen.config.snapshot import App
from menshen.config.user_rules import EVENTS, AccountRules, LimitRules, RateRule, UserRules, WebhookRules
from menshen.errors import (
    AccountRefused,
    AccountTaken,
    AlreadyBound,
    CallMalformed,
    CodeInvalid,
    CodeMalformed,
    CodeUsed,
    LoginLimit,
    OpenDataInvalid,
    PlatformTimeout,
    PlatformUnreachable,
    Refusal,
    RegistrationClosed,
    UserBanned,
)
from menshen.gateway.assertion import Asserter
from menshen.gateway.codes import LoggedIn, Spend
from menshen.gateway.identity import Identities
from menshen.gateway.phone import PhoneFlows
from menshen.gateway.proofs import Proofs
from menshen.secret import Secret
from menshen.storage.codes import finish_codes
from menshen.storage.database import sqlite_url
from menshen.storage.log_tables import login_log, webhook_deliveries
from menshen.storage.tables import accounts, identities, sessions, users
from menshen.users.entering import ProvenPhone
from menshen.users.life import Doer, UserLife
from tests.gateway.logins import CALLER, PASSWORD, Desk, at_desk, at_desks, ruled

WEBHOOK = WebhookRules("crm", "https://crm.example/hook", Secret("planted-webhook-secret"), EVENTS)
REGISTERING = ruled(UserRules(accounts=AccountRules(registration=True)))


async def add_zhang(desk: Desk, name: str = "zhang") -> None:
    await desk.accounts.add(AccountRules(), name, Secret(PASSWORD), "test")


async def asked(desk: Desk) -> int:
    """How many codes the platform has been asked about."""
    return desk.emulator.calls("wechat").total


def test_the_first_login_makes_a_user_a_session_and_a_row_of_the_log(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        first = await desk.enter(desk.code("amy"))
        again = await desk.enter(desk.code("amy"))
        assert (first.new_user, again.new_user) == (True, False)
        assert first.claims.sub == again.claims.sub
        assert {row.sid for row in await desk.rows(sessions)} == {first.claims.sid, again.claims.sid}
        log = await desk.rows(login_log)
        assert [(row.outcome, row.how, row.uid, row.new_user) for row in log] == [
            ("ok", "code", first.claims.sub, 1),
            ("ok", "code", first.claims.sub, 0),
        ]
        row = log[0]
        told = (row.app, row.platform, row.ip, row.user_agent, row.request_id)
        assert told == ("shop", "wechat", CALLER.ip, CALLER.user_agent, CALLER.request_id)

    at_desk(database_url, work)


def test_an_account_is_bound_once_and_the_code_alone_carries_it_from_then_on(database_url: str) -> None:
    """Seed 002: username and password at the first login, silent logins afterwards."""

    async def work(desk: Desk) -> None:
        await add_zhang(desk)
        bound = await desk.enter(desk.code("amy"), username="Zhang", password=PASSWORD)
        assert bound.claims.account == "zhang"
        later = await desk.enter(desk.code("amy"))
        assert later.claims.account == "zhang"
        plugin = replace(desk.plugin, identity=(("account", "x-account"),))
        identities = Identities(Asserter([None]))  # type: ignore[list-item]
        assert identities.headers(plugin, later.claims, "orders", later.claims.iat) == ((b"x-account", b"zhang"),)
        assert [row.account for row in await desk.rows(sessions)] == ["zhang", "zhang"]
        opened = desk.states.open("sealed", desk.state(later).encode(), later.claims.iat)
        assert opened is not None
        assert opened.account == "zhang"

    at_desk(database_url, work)


def test_a_wrong_password_does_not_spend_the_code(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await add_zhang(desk)
        code = desk.code("amy")
        for username, password in (("zhang", "wrong"), ("nobody", PASSWORD), ("", PASSWORD), ("zhang", "")):
            with pytest.raises(AccountRefused):
                await desk.enter(code, username=username, password=password)
        assert await asked(desk) == 0
        assert (await desk.enter(code, username="zhang", password=PASSWORD)).claims.account == "zhang"
        log = await desk.rows(login_log)
        assert [row.outcome for row in log] == ["account_refused"] * 4 + ["ok"]
        assert "planted" not in str(log)

    at_desk(database_url, work)


def test_an_account_of_somebody_else_is_refused_and_changes_nothing(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        for name in ("zhang", "lina"):
            await add_zhang(desk, name)
        amy = await desk.enter(desk.code("amy"), username="zhang", password=PASSWORD)
        bob = await desk.enter(desk.code("bob"))
        with pytest.raises(AccountTaken):
            await desk.enter(desk.code("bob"), username="zhang", password=PASSWORD)
        with pytest.raises(AlreadyBound):
            await desk.enter(desk.code("amy"), username="lina", password=PASSWORD)
        assert {row.name: row.uid for row in await desk.rows(accounts)} == {"zhang": amy.claims.sub, "lina": None}
        assert len(await desk.rows(sessions)) == 2
        assert bob.claims.account == ""

    at_desk(database_url, work)


def test_a_password_alone_logs_in_and_a_new_identity_joins_its_user(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await add_zhang(desk)
        alone = await desk.enter(how="password", username="zhang", password=PASSWORD)
        assert (alone.new_user, alone.claims.openid, alone.claims.account) == (True, "", "zhang")
        joined = await desk.enter(desk.code("amy"), username="zhang", password=PASSWORD)
        assert (joined.new_user, joined.claims.sub) == (False, alone.claims.sub)
        silent = await desk.enter(desk.code("amy"))
        assert (silent.claims.sub, silent.claims.account) == (alone.claims.sub, "zhang")

    at_desk(database_url, work)


def test_registering_stands_or_falls_with_its_login(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        with pytest.raises(RegistrationClosed):
            await desk.enter(desk.code("amy"), username="zhang", password=PASSWORD, new_account=True, rules=ruled())
        with pytest.raises(CodeInvalid):
            await desk.enter("0" * 32, username="zhang", password=PASSWORD, new_account=True)
        assert await desk.rows(accounts) == []
        made = await desk.enter(desk.code("amy"), username="Zhang", password=PASSWORD, new_account=True)
        assert made.claims.account == "zhang"
        code = desk.code("bob")
        with pytest.raises(AccountTaken):
            await desk.enter(code, username="zhang", password=PASSWORD, new_account=True)
        with pytest.raises(AlreadyBound):
            await desk.enter(desk.code("amy"), username="lina", password=PASSWORD, new_account=True)
        assert [row.name for row in await desk.rows(accounts)] == ["zhang"]
        alone = await desk.enter(how="password", username="wang", password=PASSWORD, new_account=True)
        assert (alone.new_user, alone.claims.account) == (True, "wang")
        assert (await desk.enter(code)).new_user  # and the code of what was refused is as good as before

    at_desk(database_url, work, rules=REGISTERING)


@pytest.mark.parametrize(
    ("proofs", "refusal"),
    [
        ({"code": "x&appid=wx0000000000000001"}, CodeMalformed),
        ({"code": ""}, CallMalformed),
        ({"how": "password"}, CallMalformed),
        ({"how": "phone", "phone_code": "p" * 20}, CallMalformed),
        ({"how": "phone"}, CallMalformed),
        ({"how": "sms", "phone": "13580006666"}, Refusal),
        ({"encrypted_data": "AAAA"}, OpenDataInvalid),
        ({"raw_data": "{}"}, OpenDataInvalid),
    ],
)
def test_what_cannot_be_right_spends_nothing(proofs: dict[str, str], refusal: type[Refusal], database_url: str) -> None:
    async def work(desk: Desk) -> None:
        code = desk.code("amy")
        given = {"code": code, **proofs} if proofs.get("how") != "phone" else proofs
        if proofs.get("how") == "phone" and "phone_code" not in proofs:
            given = {**proofs, "code": code}
        with pytest.raises(refusal):
            await desk.enter(**given)  # type: ignore[arg-type]
        assert await asked(desk) == 0
        assert len(await desk.rows(login_log)) == 1
        assert (await desk.enter(code)).new_user

    at_desk(database_url, work)


def test_limits_speak_before_anything_is_spent(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.enter(desk.code("amy"))
        code = desk.code("bob")
        with pytest.raises(LoginLimit) as limited:
            await desk.enter(code)
        assert limited.value.retry_after
        assert await asked(desk) == 1
        assert (await desk.enter(code, rules=ruled())).new_user

    at_desk(database_url, work, rules=ruled(UserRules(limits=LimitRules(ip=RateRule(1, 60)))))


def test_the_limit_of_a_user_counts_across_addresses_and_codes(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        for _ in range(2):
            await desk.enter(desk.code("amy"))
        with pytest.raises(LoginLimit):
            await desk.enter(desk.code("amy"))
        assert (await desk.enter(desk.code("bob"))).new_user
        assert [row.outcome for row in await desk.rows(login_log)] == ["ok", "ok", "login_limit", "ok"]

    at_desk(database_url, work, rules=ruled(UserRules(limits=LimitRules(user=RateRule(2, 600)))))


def test_open_data_of_the_login_fills_the_profile(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        code = desk.code("amy")
        app = desk.plugin.app
        made = desk.emulator.user_info("wechat", app.appid, "amy", {"nickName": "小艾", "city": "广州"}, {})
        await desk.enter(code, encrypted_data=made.encrypted_data, iv=made.iv)
        (user,) = await desk.rows(users)
        assert user.nickname == "小艾"

    at_desk(database_url, work)


def test_webhooks_are_told_in_the_logins_own_transaction(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await add_zhang(desk)
        await desk.enter(desk.code("amy"), username="zhang", password=PASSWORD)
        with pytest.raises(CodeInvalid):
            await desk.enter("0" * 32)
        told = [(row.event, json.loads(row.body)["data"]) for row in await desk.rows(webhook_deliveries)]
        assert [kind for kind, _ in told] == ["register", "bind", "login"]
        assert [data["reason"] for _, data in told] == ["", "account", ""]
        assert all(data["request_id"] == CALLER.request_id for _, data in told)

    at_desk(database_url, work, rules=ruled(webhooks=(WEBHOOK,)))


def test_a_banned_user_is_refused_and_the_code_is_spent(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        amy = await desk.enter(desk.code("amy"))
        await _life(desk).ban(amy.claims.sub, Doer("test", ()), until=0, reason="spam")
        code = desk.code("amy")
        with pytest.raises(UserBanned):
            await desk.enter(code)
        with pytest.raises(CodeUsed):
            await desk.enter(code)
        assert [row.outcome for row in await desk.rows(login_log)] == ["ok", "user_banned", "code_used"]

    at_desk(database_url, work)


def test_a_ban_that_races_logins_leaves_no_session_behind(database_url: str) -> None:
    """The login sees the ban, or the ban sees the session: whichever comes first at the user's row."""

    async def work(them: list[Desk]) -> None:
        for person in range(12):
            uid = (await them[0].enter(them[0].code(f"p{person}"))).claims.sub
            tries = [desk.enter(desk.code(f"p{person}")) for desk in them]
            ban = _life(them[person % 3]).ban(uid, Doer("test", ()), until=0, reason="")
            order = [*tries[:2], ban, *tries[2:]] if person % 2 else [ban, *tries]
            outcomes = await asyncio.gather(*order, return_exceptions=True)
            assert all(
                isinstance(o, LoggedIn | UserBanned) or o is None or not isinstance(o, Exception) for o in outcomes
            )
            assert await them[0].records.list(uid=uid) == []
            with pytest.raises(UserBanned):
                await them[0].enter(them[0].code(f"p{person}"))

    at_desks(database_url, 3, work)


def test_50_parallel_logins_of_one_new_user_over_several_processes_make_one_user(database_url: str) -> None:
    async def work(them: list[Desk]) -> None:
        codes = [them[0].code("amy") for _ in range(50)]
        done = await asyncio.gather(*(them[n % 5].enter(code) for n, code in enumerate(codes)))
        assert len({login.claims.sub for login in done}) == 1
        assert sum(login.new_user for login in done) == 1
        assert len(await them[0].rows(users)) == len(await them[0].rows(identities)) == 1
        assert (await them[0].rows(users))[0].logins == 50
        assert len(await them[0].rows(sessions)) == len(await them[0].rows(login_log)) == 50

    at_desks(database_url, 5, work)


def test_the_session_whose_state_came_along_ends_with_the_login(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        first = await desk.enter(desk.code("amy"))
        second = await desk.enter(desk.code("amy"), presented=desk.state(first))
        live = await desk.records.list(uid=first.claims.sub)
        assert [record.sid for record in live] == [second.claims.sid]

    at_desk(database_url, work)


def test_a_reference_made_here_is_known_at_once(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        desk.states.references.heard(time.time())
        login = await desk.enter(desk.code("amy"))
        assert desk.states.open("reference", desk.state(login).encode(), login.claims.iat) == login.claims

    at_desk(database_url, work, session=SessionRules("user_session", "reference", 120, "header", "header"))


def _life(desk: Desk) -> UserLife:
    async def erase(_: str) -> None:
        pass

    return UserLife(desk.database, time.time, erase)


class OutOfReach(PhoneFlows):
    """The platform answers for the login code, and cannot be reached for the number a moment later."""

    def __init__(self) -> None:
        pass

    def check(self, app: App, proofs: Proofs) -> None:
        pass

    async def of_identity(self, *_: object) -> ProvenPhone | None:
        raise PlatformUnreachable("no connection")


def test_a_code_is_not_given_back_for_what_fails_after_it_was_spent(database_url: str) -> None:
    """An unreachable platform frees the code for another try; here the code has reached it (security rule 6)."""

    async def work(desk: Desk) -> None:
        desk.login._checks = replace(desk.login._checks, phones=OutOfReach())
        code = desk.code("amy")
        with pytest.raises(PlatformTimeout):
            await desk.enter(code, how="phone", phone_code="p" * 20)
        with pytest.raises(CodeUsed):
            await desk.enter(code)
        assert await asked(desk) == 1

    at_desk(database_url, work)


def test_a_code_that_was_bound_at_the_same_time_logs_nobody_in_at_another_app(database_url: str) -> None:
    """Whoever binds an identity spends its code; the session that comes of it is of the app that he is logged in to."""

    async def work(desk: Desk) -> None:
        code, app = desk.code("amy"), desk.plugin.app
        other = (await desk.enter(desk.code("bob"))).claims
        login = LoggedIn(replace(other, appid="wx0000000000000001"), Secret("key"), False)

        async def bind(spend: Spend) -> LoggedIn:
            await desk.database.write(finish_codes, spend(login))
            await asyncio.sleep(0.05)
            return login

        binding = desk.login._codes.once(f"{app.platform}/{app.appid}", code, time.time(), bind)
        bound, refused = await asyncio.gather(binding, desk.enter(code), return_exceptions=True)
        assert bound is login
        assert isinstance(refused, CodeUsed)

    at_desk(database_url, work)


def test_a_login_is_refused_as_it_should_be_though_the_log_is_away(tmp_path: Path) -> None:
    def take_away() -> None:
        for file in tmp_path.glob("menshen.db*"):
            file.unlink()
        (tmp_path / "menshen.db").mkdir()

    async def work(desk: Desk) -> None:
        await desk.database.close()
        take_away()
        with pytest.raises(CodeMalformed):
            await desk.enter("not a code")

    at_desk(sqlite_url(tmp_path), work)
