"""Any history of an app's tokens: time passes, tokens are revoked, refused late and forced, processes take turns."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from menshen.errors import PlatformLimit, Refusal
from menshen.platforms.wechat import WeChat
from menshen.secret import Secret
from menshen.storage.database import sqlite_url
from tests.gateway.tokens_stage import APPID, staged

PROCESSES = 3

process = st.integers(0, PROCESSES - 1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from([1, 31, 600, 6800, 7000, 7300])),
        st.tuples(st.just("revoke"), st.none()),
        st.tuples(st.just("use"), process),
        st.tuples(st.just("ahead"), process),
        st.tuples(st.just("late refusal"), process),
    ),
    min_size=5,
    max_size=25,
)


class History:
    def __init__(self, stage, processes):
        self.stage = stage
        self.processes = processes
        self.given: list[Secret] = []

    def standing(self, token):
        return (
            self.stage.emulator._sides["wechat"]
            .tokens_of(APPID, "stable_token")
            .standing(token.reveal(), self.stage.clock())
        )

    async def wait(self, seconds):
        self.stage.clock.time += seconds

    async def revoke(self, _):
        self.stage.emulator.revoke_token("wechat", APPID)

    async def use(self, number):
        """Whatever happened before, a call gets through, and its token is good."""
        tokens, app = self.processes[number], self.stage.app()
        with pytest.raises(Refusal) as raised:
            await tokens.run(app, lambda token: WeChat().check_session(app, token, "oNobody", Secret("k")))
        assert raised.value.platform_errcode == 40003
        token, left = await tokens.token(app)
        assert self.standing(token) == "good"
        assert left > 0
        self.given.append(token)

    async def ahead(self, number):
        assert await self.processes[number].refresh_ahead([self.stage.app()]) == {}

    async def late_refusal(self, number):
        """Of any token that was ever given: it is not given again, and one that is no longer in use costs nothing."""
        if not self.given:
            return
        refused, present = self.given[(number * 7) % len(self.given)], self.given[-1]
        current = self.standing(present) == "good" and refused != present
        asked = self.stage.asked()
        try:
            token, _ = await self.processes[number].newer(self.stage.app(), refused)
        except PlatformLimit:
            assert self.standing(refused) == "good"  # it would have had to be forced, and that was not allowed
            return
        assert token != refused
        if current and token == present:
            assert self.stage.asked() == asked
        self.given.append(token)


@settings(max_examples=25, deadline=None)
@given(steps)
def test_a_call_always_gets_through(taken):
    async def main(directory):
        async with staged(sqlite_url(Path(directory))) as stage:
            databases = [await stage.another_database() for _ in range(PROCESSES)]
            history = History(stage, [stage.tokens(database) for database in databases])
            for what, how in taken:
                await getattr(history, what.replace(" ", "_"))(how)

    with tempfile.TemporaryDirectory() as directory:
        uvloop.run(main(directory))
