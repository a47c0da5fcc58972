"""The node's look at tokens that are due."""

from __future__ import annotations

import asyncio
import itertools
import logging

import uvloop

from menshen.emulator.faults import Fault
from menshen.gateway.access_tokens import AHEAD
from menshen.node.access_tokens import keep_tokens
from menshen.storage.database import sqlite_url
from tests.gateway.tokens_stage import NOW, staged


def test_a_token_is_replaced_in_time_and_a_failure_is_logged(tmp_path, caplog):
    caplog.set_level(logging.WARNING, "menshen.node")

    async def main():
        async with staged(sqlite_url(tmp_path)) as stage:
            tokens = stage.tokens()
            old, _ = await tokens.token(stage.app())
            stage.clock.time = NOW + 7200 - AHEAD
            stage.emulator.add_fault("wechat", Fault("40164", api="token"))
            looks, enough = itertools.count(1), asyncio.Event()

            def apps():
                if next(looks) == 4:
                    enough.set()
                return [stage.app()]

            keeping = asyncio.create_task(keep_tokens(tokens, apps, every=0.02))
            await asyncio.wait_for(enough.wait(), 60)
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)  # before its database is closed
            new, left = await tokens.token(stage.app())
            assert (new != old, left) == (True, 7200)
            assert stage.asked() == 3
            shown = [old.reveal(), new.reveal(), stage.app().secret.reveal()]
            assert all(secret not in str(vars(record)) for record in caplog.records for secret in shown)

    uvloop.run(main())
    [record] = [record for record in caplog.records if record.name == "menshen.node"]
    assert record.getMessage() == "access_token_not_refreshed"
    assert (record.app, record.reason, record.platform_errcode) == ("shop", "platform_refused_credentials", 40164)
