"""The access token for the team's other services."""

from __future__ import annotations

from dataclasses import replace

import aiohttp
import pytest
import uvloop
from starlette.applications import Starlette

from menshen.emulator.faults import Fault
from menshen.gateway.open_data import OpenData
from menshen.operators.token_file import token_file
from menshen.secret import Secret
from menshen.storage.database import sqlite_url
from menshen.storage.identities import IdentityKey, SeenIdentity, add_identities
from menshen.storage.sealing import Sealer
from menshen.storage.session_keys import find_session_key
from menshen.storage.user_standings import add_users
from menshen.web.admin_api.apps import app_endpoints, session_key_endpoints
from menshen.web.admin_api.dispatch import admin_routes
from menshen.web.serving import serving
from tests.gateway.tokens_stage import APPID, MASTER_KEY, staged

PATH = "/internal/apps/shop/access-token"
RESET = "/internal/apps/shop/session-key/reset"
OPERATOR = {"authorization": "Bearer canary-admin-token"}


@pytest.fixture
def served(tmp_path):
    """Runs ``main(stage, ask)`` with the routes on a port."""

    def start(main):
        async def whole():
            async with staged(sqlite_url(tmp_path)) as stage:
                identify = token_file(Secret("canary-admin-token"))
                tokens = stage.tokens()
                open_data = OpenData(stage.database, Sealer(MASTER_KEY, "session-key"), tokens, stage.clock)
                apps = [stage.app(), replace(stage.app("qq"), name="shop-qq")]
                endpoints = [
                    *app_endpoints(tokens, lambda: apps),
                    *session_key_endpoints(open_data, lambda: apps),
                ]
                routes = admin_routes(endpoints, identify)
                async with (
                    serving(Starlette(routes=routes), "127.0.0.1", 0, drain=0.1) as bound,
                    aiohttp.ClientSession(bound.origin) as session,
                ):

                    async def ask(method="GET", path=PATH, headers=OPERATOR, **how):
                        async with session.request(method, path, headers=headers, **how) as response:
                            assert response.headers["cache-control"] == "no-store"
                            return response.status, await response.json()

                    await main(stage, ask)

        uvloop.run(whole())

    return start


def test_a_service_gets_the_token_that_the_gateway_uses(served):
    async def main(stage, ask):
        status, body = await ask()
        assert (status, list(body), body["expires_in"]) == (200, ["access_token", "expires_in"], 7200)
        assert (await ask())[1] == body
        assert (await stage.tokens().token(stage.app()))[0] == Secret(body["access_token"])
        assert stage.asked() == 1

    served(main)


def test_a_service_whose_token_was_refused_gets_another_and_takes_nobodys_away(served):
    async def main(stage, ask):
        old = (await ask())[1]["access_token"]
        stage.emulator.revoke_token("wechat", APPID)
        answers = [await ask("POST", json={"refused": old}) for _ in range(3)]
        assert {status for status, _ in answers} == {200}
        new = {body["access_token"] for _, body in answers}
        assert len(new) == 1
        assert old not in new
        assert stage.asked() == 2

    served(main)


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"authorization": "canary-admin-token"}])
def test_nobody_else(served, headers):
    async def main(stage, ask):
        for method in ("GET", "POST"):
            status, body = await ask(method, headers=headers)
            assert status == 401
            assert "canary" not in str(body)
        assert (await ask("POST", RESET, headers=headers, json={"openid": "o"}))[0] == 401
        assert stage.asked() == 0

    served(main)


def test_what_goes_wrong_is_said_without_a_secret(served):
    async def main(stage, ask):
        assert (await ask(path="/internal/apps/nothing/access-token"))[0] == 404
        assert (await ask("POST", json={"refused": 7}))[0] == 400
        assert (await ask("POST", json={"refused": "canary", "more": 1}))[0] == 400
        assert (await ask("POST", data=b"canary"))[0] == 400
        stage.emulator.add_fault("wechat", Fault("40164", api="token"))
        status, body = await ask()
        assert status == 502
        assert body["message"].startswith("platform_refused_credentials (errcode 40164)")
        assert (await ask())[0] == 200

    served(main)


def test_a_session_key_that_may_have_leaked_is_replaced(served):
    async def main(stage, ask):
        alice = await stage.client.code2session(stage.app(), stage.emulator.login("wechat", APPID, "alice"))
        identity, sealer = IdentityKey("wechat", APPID, alice.openid), Sealer(MASTER_KEY, "session-key")
        context = f"wechat/{APPID}/{alice.openid}"
        async with stage.database.writing() as connection:
            await add_users(connection, {"u1": 1})
            sealed = sealer.seal(alice.session_key, context)
            await add_identities(connection, [("u1", SeenIdentity(identity, "", sealed, 1))])
        assert await ask("POST", RESET, json={"openid": alice.openid}) == (200, {"reset": True})
        async with stage.database.reading() as connection:
            kept = sealer.unseal(await find_session_key(connection, identity), context)
        again = await stage.client.code2session(stage.app(), stage.emulator.login("wechat", APPID, "alice"))
        assert kept == again.session_key != alice.session_key
        assert await ask("POST", RESET, json={"openid": "oNobody"}) == (200, {"reset": False})
        assert (await ask("POST", RESET.replace("shop", "shop-qq"), json={"openid": "o"}))[0] == 404

    served(main)
