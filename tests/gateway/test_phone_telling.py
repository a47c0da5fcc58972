"""Phone numbers for a login code, where nobody logs in."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from menshen.config.user_rules import LimitRules, RateRule
from menshen.errors import (
    CallMalformed,
    CodeInvalid,
    CodeMalformed,
    CodeUsed,
    LoginLimit,
    OpenDataInvalid,
    Refusal,
    UserBanned,
)
from menshen.gateway.phone_telling import ToldPhone
from menshen.gateway.proofs import Proofs
from menshen.storage.log_tables import login_log
from menshen.storage.tables import identities, phones, sessions, users
from tests.gateway.crowd import APPIDS, DOER, Crowd, on_crowd
from tests.gateway.logins import CALLER

NUMBER = "13580006666"


def pressed(crowd: Crowd, who: str, app: str = "shop", **changes: Any) -> Proofs:
    """A code, and what the button gave after it."""
    code = crowd.code(who, app)
    payload = crowd.emulator.phone_data("qq" if app == "qq" else "wechat", APPIDS[app], who, NUMBER, "86", {})
    proofs = Proofs("phone", time.time(), code=code, encrypted_data=payload.encrypted_data, iv=payload.iv)
    return replace(proofs, **changes)


async def tell(crowd: Crowd, proofs: Proofs, app: str = "shop") -> ToldPhone:
    return await crowd.processes[0].telling.tell(crowd.plugin(app), proofs, CALLER, crowd.rules)


def test_it_is_told_and_nothing_is_kept(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        told = await tell(crowd, pressed(crowd, "zhangsan"))
        assert (told.phone.pure, told.phone.country_code) == (NUMBER, "86")
        assert told.openid == await crowd.openid("zhangsan")
        assert told.unionid
        assert NUMBER not in repr(told)
        for table in (users, identities, phones, sessions):
            assert await crowd.rows(table) == []

    on_crowd(database_url, work)


def test_it_is_told_to_who_has_another_number_bound(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        asking = await crowd.comes("zhangsan")
        await crowd.phones.bind(
            asking, Proofs("phone", time.time(), phone_code=crowd.phone_code("zhangsan", "13580007777"))
        )
        assert (await tell(crowd, pressed(crowd, "zhangsan"))).phone.pure == NUMBER
        assert len(await crowd.rows(phones)) == 1

    on_crowd(database_url, work)


def test_its_code_is_spent_whatever_came_of_it(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        good = pressed(crowd, "zhangsan")
        await tell(crowd, good)
        bad = replace(pressed(crowd, "zhangsan"), iv=pressed(crowd, "lisi").iv)
        with pytest.raises(OpenDataInvalid):
            await tell(crowd, bad)
        for spent in (good, bad):
            with pytest.raises(CodeUsed):
                await tell(crowd, spent)
            with pytest.raises(CodeUsed):
                await crowd.enters(code=spent.code)

    on_crowd(database_url, work)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"code": ""}, CodeMalformed),
        ({"code": "not a code!"}, CodeMalformed),
        ({"iv": ""}, CallMalformed),
        ({"encrypted_data": ""}, CallMalformed),
        ({"phone_code": "a" * 64}, CallMalformed),
        ({"iv": "not base64"}, OpenDataInvalid),
    ],
    ids=str,
)
def test_what_cannot_be_right_costs_nothing(changes: dict[str, str], refusal: type[Refusal], database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        with pytest.raises(refusal):
            await tell(crowd, pressed(crowd, "zhangsan", **changes))
        assert crowd.emulator.calls("wechat").total == 0

    on_crowd(database_url, work)


def test_data_of_another_user_are_none(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        victim = pressed(crowd, "victim")
        with pytest.raises(OpenDataInvalid):
            await tell(crowd, replace(victim, code=crowd.code("thief")))

    on_crowd(database_url, work)


def test_a_code_of_another_app_is_none_and_is_in_the_login_log(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        with pytest.raises(CodeInvalid):
            await tell(crowd, pressed(crowd, "zhangsan", code=crowd.code("zhangsan", "mall")))
        (row,) = await crowd.rows(login_log)
        assert (row.outcome, row.how, row.app) == ("code_invalid", "phone", "shop")

    on_crowd(database_url, work)


def test_it_is_told_within_the_limits_of_logins(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        crowd.users_rules(limits=LimitRules(user=RateRule(2, 600)))
        await crowd.comes("zhangsan")
        await tell(crowd, pressed(crowd, "zhangsan"))
        with pytest.raises(LoginLimit):
            await tell(crowd, pressed(crowd, "zhangsan"))
        crowd.users_rules(limits=LimitRules(ip=RateRule(1, 600)))
        await tell(crowd, pressed(crowd, "lisi"))
        with pytest.raises(LoginLimit):
            await crowd.comes("lisi")

    on_crowd(database_url, work)


def test_of_who_is_banned_nothing_is_told(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        asking = await crowd.comes("zhangsan")
        await crowd.processes[0].life.ban(asking.uid, DOER)
        with pytest.raises(UserBanned):
            await tell(crowd, pressed(crowd, "zhangsan"))

    on_crowd(database_url, work)
