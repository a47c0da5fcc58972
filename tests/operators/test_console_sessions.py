"""Logging in at the console: what tells a guesser nothing, and how sessions end."""

from __future__ import annotations

import asyncio
import time

import pytest
from sqlalchemy import select

from menshen.errors import AccountLocked, AccountRefused, LoginLimit, OperatorUnknown
from menshen.operators.console_sessions import IDLE, LIFETIME
from menshen.operators.roles import SCOPES_OF, Role
from menshen.operators.throttle import PAUSES, TRIES
from menshen.secret import Secret
from menshen.storage.operator_sessions import prune_operator_sessions
from menshen.storage.operator_tables import operator_sessions
from menshen.users.passwords import Passwords
from tests.operators.desk import NOW, OTHER, PASSWORD, WRONG, Desk, at_desk


def test_a_login_opens_a_session_of_its_own(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice", Role.VIEWER)
        first, second = await desk.log_in("Alice"), await desk.log_in("alice")
        assert first != second
        assert len(first) == 43
        visitor = await desk.service.access.visit(first)
        assert visitor is not None
        assert (visitor.principal.name, visitor.principal.via) == ("alice", "console")
        assert visitor.principal.scopes == SCOPES_OF[Role.VIEWER]
        assert await desk.service.access.visitor(first) == visitor.principal
        sessions = await desk.service.sessions.of("alice")
        assert {each.id for each in sessions} >= {visitor.session}
        assert {(each.ip, each.user_agent, each.expires_at) for each in sessions} == {
            ("192.0.2.7", "test", int(NOW) + LIFETIME)
        }
        assert (await desk.service.accounts.get("alice")).last_login_at == int(NOW)
        async with desk.database.reading() as connection:
            stored = str((await connection.execute(select(operator_sessions))).all())
        assert first not in stored
        assert second not in stored

    at_desk(database_url, work)


@pytest.mark.parametrize("cookie", ["", "x", "令牌", "\udc80", "a" * 43, "a" * 100_000, "' OR 1=1 --"])
def test_a_cookie_of_nobody_is_nobody(cookie: str, database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        await desk.log_in("alice")
        assert await desk.service.access.visit(cookie) is None
        assert await desk.service.access.principal_of_bearer(cookie) is None

    at_desk(database_url, work)


def test_a_session_idles_out_and_ends_at_the_latest_after_its_lifetime(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        idle, used = await desk.log_in("alice"), await desk.log_in("alice")
        ends = NOW + LIFETIME
        desk.time = NOW + IDLE - 120
        assert await desk.service.access.visit(used) is not None
        desk.time = NOW + IDLE
        assert await desk.service.access.visit(idle) is None
        while desk.time < ends - 1800:
            assert await desk.service.access.visit(used) is not None
            desk.time += 1800
        desk.time = ends - 1
        assert await desk.service.access.visit(used) is not None
        desk.time = ends
        assert await desk.service.sessions.visit(used) is None
        async with desk.database.writing() as connection:
            assert await prune_operator_sessions(connection, desk.time, IDLE) == 2
        assert await desk.service.sessions.of("alice") == []

    at_desk(database_url, work)


def test_use_is_written_down_once_a_minute(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        cookie = await desk.log_in("alice")
        seen = []
        for seconds in (0, 2, 59, 61, 62, 125):
            desk.time = NOW + seconds
            await desk.service.access.visit(cookie)
            [session] = await desk.service.sessions.of("alice")
            seen.append(session.last_seen_at - int(NOW))
        assert seen == [0, 0, 0, 61, 61, 125]

    at_desk(database_url, work)


@pytest.mark.parametrize("how", ["log out", "password", "role", "disable", "end"])
def test_a_session_ends_at_once(how: str, database_url: str) -> None:
    async def work(desk: Desk) -> None:
        service = desk.service
        await desk.add("alice")
        await desk.add("bob")
        cookie, of_bob = await desk.log_in("alice"), await desk.log_in("bob")
        visitor = await service.access.visit(cookie)
        assert visitor is not None
        match how:
            case "log out":
                await service.sessions.log_out(cookie)
            case "password":
                await service.accounts.change_own_password("alice", PASSWORD, OTHER)
            case "role":
                await service.accounts.set_role("alice", Role.VIEWER, by="bob")
            case "disable":
                await service.accounts.disable("alice", by="bob")
            case "end":
                await service.sessions.end("alice", visitor.session, by="bob")
        assert await service.access.visit(cookie) is None
        assert await service.access.visit(of_bob) is not None
        await service.sessions.log_out(cookie)  # once more: nothing

    at_desk(database_url, work)


def test_another_process_knows_within_a_second(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        there = desk.another()
        await desk.add("alice")
        cookie = await desk.log_in("alice")
        assert await there.access.visit(cookie) is not None
        await desk.service.accounts.disable("alice", by="test")
        desk.time += 1
        assert await there.access.visit(cookie) is None

    at_desk(database_url, work)


def test_a_session_of_another_operator_is_not_ended_by_its_id(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        await desk.add("bob")
        cookie = await desk.log_in("alice")
        visitor = await desk.service.access.visit(cookie)
        assert visitor is not None
        for name in ("bob", "nobody"):
            with pytest.raises(OperatorUnknown):
                await desk.service.sessions.end(name, visitor.session, by=name)
        assert await desk.service.access.visit(cookie) is not None
        with pytest.raises(OperatorUnknown):
            await desk.service.sessions.of("nobody")

    at_desk(database_url, work)


def test_class_50_nothing_tells_who_exists(database_url: str) -> None:
    """One answer, one look at a password, one lock, for an operator, a disabled one and a name of nobody's."""

    async def work(desk: Desk) -> None:
        await desk.add("alice")
        await desk.add("carol")
        await desk.service.accounts.disable("carol", by="test")
        stories = {}
        for number, name in enumerate(("alice", "carol", "nobody", "не-кто", "x" * 5000)):
            story = []
            for _ in range(7):
                looked = desk.passwords.looked
                with pytest.raises((AccountRefused, AccountLocked)) as raised:
                    # The right password of carol, who may not come in.
                    await desk.log_in(name, PASSWORD if name == "carol" else WRONG, ip=f"192.0.2.{number}")
                story.append((raised.type, str(raised.value), raised.value.retry_after, desk.passwords.looked - looked))
            stories[name] = story
        assert all(story == stories["alice"] for story in stories.values())
        assert [kind for kind, *_ in stories["alice"]] == [AccountRefused] * 5 + [AccountLocked] * 2

    at_desk(database_url, work)


def test_class_50_a_name_of_nobody_takes_as_long(tmp_path) -> None:
    """With the hash of real life, which makes up nearly all the time: this process's own, not the machine's."""

    async def work(desk: Desk) -> None:
        passwords = Passwords()
        await desk.add("alice")
        desk.passwords = passwords  # type: ignore[assignment]
        service = desk.another()
        await service.accounts.set_password("alice", PASSWORD, by="test")
        took: dict[str, list[float]] = {"alice": [], "nobody": []}
        for number in range(4):
            for name, times in took.items():
                begun = time.process_time()
                with pytest.raises(AccountRefused):
                    await service.sessions.log_in(name, WRONG, ip=f"192.0.2.{number}", user_agent="")
                times.append(time.process_time() - begun)
        fastest = {name: min(times) for name, times in took.items()}
        assert fastest["nobody"] > fastest["alice"] / 2
        assert fastest["alice"] > fastest["nobody"] / 2

    at_desk(f"sqlite+aiosqlite:///{tmp_path / 'menshen.db'}", work)


def test_pauses_grow(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        pauses: list[int] = []
        failures = 0
        while failures < PAUSES[-1][0]:
            try:
                await desk.log_in("alice", WRONG, ip=f"198.51.100.{len(pauses)}.{failures}")
            except AccountRefused:
                failures += 1
            except AccountLocked as locked:
                pauses.append(locked.retry_after or 0)
                desk.time += pauses[-1]
        with pytest.raises(AccountLocked) as raised:
            await desk.log_in("alice")
        pauses.append(raised.value.retry_after or 0)
        assert sorted(set(pauses)) == [minutes * 60 for _, minutes in PAUSES]
        assert pauses == sorted(pauses[:3]) + pauses[3:]
        assert pauses[-1] == PAUSES[-1][1] * 60
        desk.time += pauses[-1]
        assert await desk.log_in("alice")
        for _ in range(4):  # a right password has forgotten everything
            with pytest.raises(AccountRefused):
                await desk.log_in("alice", WRONG)
        assert await desk.log_in("alice")

    at_desk(database_url, work)


def test_a_lock_is_of_every_spelling_and_not_of_users(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        for name in ("alice", "ALICE", "ａlice", "alice\u200b", "álice"):
            with pytest.raises(AccountRefused):
                await desk.log_in(name, WRONG)
        with pytest.raises(AccountLocked):
            await desk.log_in("alice")

    at_desk(database_url, work)


def test_an_address_has_so_many_tries_whatever_the_names(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        for number in range(TRIES.count):
            with pytest.raises(AccountRefused):
                await desk.log_in(f"nobody-{number}", WRONG, ip="2001:db8::1")
        looked = desk.passwords.looked
        for ip in ("2001:db8::1", "2001:db8::2"):
            with pytest.raises(LoginLimit) as raised:
                await desk.log_in("alice", ip=ip)
            assert raised.value.retry_after
        assert desk.passwords.looked == looked
        assert await desk.log_in("alice", ip="192.0.2.9")
        desk.time += TRIES.seconds * 1.2
        assert await desk.log_in("alice", ip="2001:db8::1")

    at_desk(database_url, work)


def test_many_tries_at_once_are_no_more_than_were_allowed(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        services = [desk.service, desk.another()]
        tries = [
            services[number % 2].sessions.log_in("alice", WRONG, ip=f"192.0.2.{number}", user_agent="")
            for number in range(20)
        ]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        assert {type(each) for each in outcomes} == {AccountRefused, AccountLocked}
        assert desk.passwords.looked == PAUSES[0][0]

    at_desk(database_url, work)


def test_a_password_that_was_changed_while_it_was_checked_opens_nothing(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        row = await desk.service.accounts.get("alice")
        await desk.service.accounts.set_password("alice", OTHER, by="test")
        with pytest.raises(AccountRefused):
            await desk.service.sessions.open(row, ip="", user_agent="")
        row = await desk.service.accounts.get("alice")
        await desk.service.accounts.disable("alice", by="test")
        with pytest.raises(AccountRefused):
            await desk.service.sessions.open(row, ip="", user_agent="")
        assert await desk.service.sessions.of("alice") == []

    at_desk(database_url, work)


def test_what_happened_is_in_the_audit_log_and_what_was_typed_is_not(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        typed = "my-password-by-mistake"
        for name in ("alice", typed):
            with pytest.raises(AccountRefused):
                await desk.log_in(name, WRONG)
        cookie = await desk.log_in("alice")
        await desk.service.sessions.log_out(cookie)
        rows = (await desk.audit())[1:]
        assert [(row.action, row.actor, row.detail.get("operator", "-")) for row in rows] == [
            ("operator.login.failed", "anonymous", "alice"),
            ("operator.login.failed", "anonymous", ""),
            ("operator.login", "alice", "-"),
            ("operator.logout", "alice", "-"),
        ]
        assert {row.detail["ip"] for row in rows[:3]} == {"192.0.2.7"}
        assert typed not in str(rows)
        assert cookie not in str(rows)

    at_desk(database_url, work)


def test_class_48_what_a_browser_says_of_itself_stays_one_line(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        agent = "<script>alert(1)</script>\r\n\x1b[31m\u202e" + "x" * 500
        await desk.service.sessions.log_in("alice", Secret(PASSWORD.reveal()), ip="::1%" + "z" * 80, user_agent=agent)
        [session] = await desk.service.sessions.of("alice")
        assert session.user_agent.startswith("<script>alert(1)</script>???[31m?x")
        assert len(session.user_agent) == 200
        assert session.user_agent.isprintable()
        assert len(session.ip) == 45

    at_desk(database_url, work)
