"""A link signs in once, soon, and whom it was made for."""

from __future__ import annotations

import asyncio
import os

import pytest

from menshen.errors import AccountRefused, OperatorUnknown
from menshen.operators.roles import Role
from menshen.operators.sign_in_links import LINK_LIFETIME, SignInLinks
from tests.operators.desk import Desk, at_desk


def links(desk: Desk) -> SignInLinks:
    return SignInLinks(desk.service.accounts, desk.service.sessions, desk.clock, os.urandom)


async def refused(of: SignInLinks, token: str) -> None:
    with pytest.raises(AccountRefused):
        await of.use(token, ip="192.0.2.7", user_agent="test")


def test_a_link_opens_one_session(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice", Role.OPERATOR)
        of = links(desk)
        token = (await of.make("Alice")).reveal()
        cookie = await of.use(token, ip="192.0.2.7", user_agent="test")
        visitor = await desk.service.access.visitor(cookie.reveal())
        assert visitor is not None
        assert visitor.name == "alice"
        await refused(of, token)
        assert len(await desk.service.sessions.of("alice")) == 1

    at_desk(database_url, work)


def test_of_many_at_once_one_comes_in(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        of = links(desk)
        token = (await of.make("alice")).reveal()
        tries = [of.use(token, ip="192.0.2.7", user_agent="test") for _ in range(20)]
        found = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(not isinstance(each, BaseException) for each in found) == 1
        assert sum(isinstance(each, AccountRefused) for each in found) == 19

    at_desk(database_url, work)


def test_a_link_is_good_for_five_minutes(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        of = links(desk)
        early, late = (await of.make("alice")).reveal(), (await of.make("alice")).reveal()
        desk.time += LINK_LIFETIME - 1
        await of.use(early, ip="192.0.2.7", user_agent="test")
        desk.time += 1
        await refused(of, late)

    at_desk(database_url, work)


def test_who_is_disabled_or_unknown_does_not_come_in(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("root", Role.OWNER)
        await desk.add("alice")
        of = links(desk)
        token = (await of.make("alice")).reveal()
        await desk.service.accounts.disable("alice", by="root")
        await refused(of, token)
        with pytest.raises(OperatorUnknown):
            await of.make("nobody")
        for guess in ("", "x", "令牌", "\udc80", "a" * 43):
            await refused(of, guess)

    at_desk(database_url, work)


def test_links_that_nobody_uses_are_forgotten(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        of = links(desk)
        tokens = [(await of.make("alice")).reveal() for _ in range(17)]
        await refused(of, tokens[0])
        await of.use(tokens[1], ip="192.0.2.7", user_agent="test")

    at_desk(database_url, work)
