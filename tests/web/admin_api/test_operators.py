"""Operators and API tokens over the admin address: who may what, and that no secret comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from starlette.applications import Starlette

from menshen.operators.roles import SCOPES_OF, Principal, Role, Scope
from menshen.storage.database import sqlite_url
from menshen.web.admin_api.dispatch import admin_routes
from menshen.web.admin_api.endpoint import Endpoint
from menshen.web.admin_api.openapi import described
from menshen.web.admin_api.operators import operator_account_endpoints
from menshen.web.admin_api.tokens import token_endpoints
from menshen.web.serving import serving
from tests.operators.desk import NODE_TOKEN, OTHER, PASSWORD, Desk, at_desk

WEAK = "short"


@dataclass
class Caller:
    """Whoever has the token."""

    desk: Desk
    origin: str
    http: aiohttp.ClientSession
    token: str = NODE_TOKEN.reveal()

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        async with self.http.request(method, self.origin + path, json=body, headers=headers) as answer:
            assert answer.headers["cache-control"] == "no-store"
            return answer.status, await answer.json()

    def having(self, token: str) -> Caller:
        return Caller(self.desk, self.origin, self.http, token)

    async def as_role(self, name: str, role: Role) -> Caller:
        """With a token that may all that the role may."""
        await self.desk.add(name, role)
        owner = Principal(name, SCOPES_OF[role], "console")
        token, _ = await self.desk.service.tokens.make(owner, "all", SCOPES_OF[role], 1)
        return self.having(token.reveal())


def endpoints_of(desk: Desk) -> list[Endpoint]:
    return [*operator_account_endpoints(desk.service), *token_endpoints(desk.service)]


def calling(url: str, work: Callable[[Caller], Awaitable[None]]) -> None:
    async def on(desk: Desk) -> None:
        app = Starlette(routes=admin_routes(endpoints_of(desk), desk.service.access.principal_of_bearer))
        async with serving(app, "127.0.0.1", 0, drain=0.1) as bound, aiohttp.ClientSession() as http:
            await work(Caller(desk, bound.origin, http))

    at_desk(url, on)


@pytest.fixture
def url(tmp_path) -> str:
    return sqlite_url(tmp_path)


def test_operators_are_made_changed_and_locked_out(database_url: str) -> None:
    async def work(caller: Caller) -> None:
        new = {"name": "Alice", "role": "owner", "password": PASSWORD.reveal()}
        status, alice = await caller.call("POST", "/v1/operators", new)
        assert (status, alice["name"], alice["role"], alice["disabled"]) == (201, "alice", "owner", False)
        assert (await caller.call("POST", "/v1/operators", new))[0] == 409
        assert await caller.call("GET", "/v1/operators/ALICE") == (200, alice)
        assert (await caller.call("POST", "/v1/operators/alice/disable"))[0] == 409
        await caller.call("POST", "/v1/operators", {**new, "name": "bob"})
        cookie = await caller.desk.log_in("alice")
        status, found = await caller.call("GET", "/v1/operators/alice/sessions")
        [session] = found["sessions"]
        assert session["ip"] == "192.0.2.7"
        assert cookie not in str(found)
        path = f"/v1/operators/alice/sessions/{session['id']}"
        assert (await caller.call("DELETE", path.replace("alice", "bob")))[0] == 404
        assert await caller.call("DELETE", path) == (200, {"ended": 1})
        assert (await caller.call("DELETE", path))[0] == 404
        await caller.desk.log_in("alice")
        assert await caller.call("POST", "/v1/operators/alice/role", {"role": "viewer"}) == (200, {"ended": 1})
        assert await caller.call("POST", "/v1/operators/alice/password", {"password": OTHER.reveal()}) == (
            200,
            {"ended": 0},
        )
        assert await caller.desk.log_in("alice", OTHER)
        assert await caller.call("POST", "/v1/operators/alice/disable") == (200, {"ended": 1})
        status, alice = await caller.call("POST", "/v1/operators/alice/enable")
        assert (status, alice["role"], alice["disabled"]) == (200, "viewer", False)
        status, everybody = await caller.call("GET", "/v1/operators")
        assert [each["name"] for each in everybody["operators"]] == ["alice", "bob"]
        assert "argon2" not in str(everybody)
        actions = [(row.action, row.actor) for row in await caller.desk.audit() if row.actor == "admin"]
        assert [action for action, _ in actions] == [
            "operator.add",
            "operator.add",
            "operator.session.end",
            "operator.role",
            "operator.password",
            "operator.disable",
            "operator.enable",
        ]

    calling(database_url, work)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/operators", {"name": "a", "role": "viewer", "password": PASSWORD.reveal()}, 400),
        ("POST", "/v1/operators", {"name": "admin", "role": "viewer", "password": PASSWORD.reveal()}, 400),
        ("POST", "/v1/operators", {"name": "carol", "role": "root", "password": PASSWORD.reveal()}, 400),
        ("POST", "/v1/operators", {"name": "carol", "role": "viewer", "password": WEAK}, 400),
        ("POST", "/v1/operators", {"name": "carol", "role": "viewer", "password": 123456789012}, 400),
        ("POST", "/v1/operators", {"name": "carol", "role": "viewer"}, 400),
        ("POST", "/v1/operators", {"name": "carol", "role": "viewer", "password": "x" * 2000}, 400),
        ("POST", "/v1/operators/alice/role", {"role": ""}, 400),
        ("POST", "/v1/operators/alice/password", {"password": WEAK}, 400),
        ("POST", "/v1/operators/nobody/role", {"role": "viewer"}, 404),
        ("POST", "/v1/operators/nobody/password", {"password": PASSWORD.reveal()}, 404),
        ("POST", "/v1/operators/nobody/disable", None, 404),
        ("POST", "/v1/operators/nobody/enable", None, 404),
        ("GET", "/v1/operators/nobody", None, 404),
        ("GET", "/v1/operators/nobody/sessions", None, 404),
        ("GET", "/v1/operators/%3Cscript%3E", None, 404),
        ("DELETE", "/v1/tokens/none", None, 404),
        ("POST", "/v1/tokens", {"name": "x", "scopes": ["figures:read"], "expires_in_days": 1}, 400),
        ("POST", "/v1/tokens", {"name": "x", "scopes": ["all"], "expires_in_days": 1, "owner": "alice"}, 400),
        ("POST", "/v1/tokens", {"name": "x", "scopes": ["keys:write"], "expires_in_days": 367, "owner": "alice"}, 400),
        ("POST", "/v1/tokens", {"name": "x", "scopes": ["keys:write"], "owner": "alice"}, 400),
        ("POST", "/v1/tokens", {"name": "x", "scopes": ["figures:read"], "expires_in_days": 1, "owner": "no"}, 404),
        ("GET", "/v1/tokens?owner=%3Cscript%3E", None, 200),
    ],
)
def test_what_cannot_be_is_refused_and_repeats_no_secret(
    method: str, path: str, body: Any, status: int, url: str
) -> None:
    async def work(caller: Caller) -> None:
        await caller.desk.add("alice", Role.OWNER)
        got, said = await caller.call(method, path, body)
        assert got == status, said
        for secret in (PASSWORD.reveal(), WEAK, "123456789012", "x" * 50):
            assert secret not in json.dumps(said).replace("too short", "")
        if path.startswith("/v1/tokens?"):
            assert said == {"tokens": []}

    calling(url, work)


def test_the_first_owner_is_made_with_the_set_up_token_alone(database_url: str) -> None:
    async def work(caller: Caller) -> None:
        token = await caller.desk.service.setup.begin()
        assert token is not None
        nobody = caller.having("")
        form = {"token": token.reveal(), "name": "alice", "password": PASSWORD.reveal()}
        assert (await nobody.call("POST", "/v1/setup", {**form, "token": "x"}))[0] == 400
        assert (await nobody.call("GET", "/v1/operators"))[0] == 401
        answers = await asyncio.gather(*(nobody.call("POST", "/v1/setup", form) for _ in range(3)))
        assert sorted(status for status, _ in answers) == [201, 409, 409]
        assert PASSWORD.reveal() not in str(answers)
        assert token.reveal() not in str(answers)

    calling(database_url, work)


def test_a_token_is_told_once_and_may_what_it_was_given(database_url: str) -> None:
    async def work(caller: Caller) -> None:
        olivia = await caller.as_role("olivia", Role.OWNER)
        new = {"name": "ci", "scopes": ["operators:write", "config:read"], "expires_in_days": 30}
        status, answer = await olivia.call("POST", "/v1/tokens", new)
        assert (status, answer["made"]["owner"]) == (201, "olivia")
        assert (await olivia.call("POST", "/v1/tokens", new))[0] == 409
        mine = olivia.having(answer["token"])
        assert await mine.call("GET", "/v1/me") == (
            200,
            {"name": "olivia/ci", "via": "token", "scopes": ["config:read", "operators:write"]},
        )
        # What a token makes has no more than that token.
        more = {"name": "more", "scopes": ["keys:write"], "expires_in_days": 1}
        assert (await mine.call("POST", "/v1/tokens", more))[0] == 400
        status, listed = await mine.call("GET", "/v1/tokens")
        assert answer["token"] not in str(listed)
        assert {each["name"] for each in listed["tokens"]} == {"ci", "all"}
        assert (await mine.call("GET", "/v1/tokens?owner=alice"))[1] == {"tokens": []}
        path = f"/v1/tokens/{answer['made']['id']}"
        status, revoked = await olivia.call("DELETE", path)
        assert (status, revoked["revoked_at"]) == (200, int(caller.desk.time))
        assert (await mine.call("GET", "/v1/me"))[0] == 401

    calling(database_url, work)


def test_who_one_is_is_told_to_anybody_with_a_token(url: str) -> None:
    async def work(caller: Caller) -> None:
        assert (await caller.having("").call("GET", "/v1/me"))[0] == 401
        assert (await caller.having("mst_x").call("GET", "/v1/me"))[0] == 401
        status, me = await caller.call("GET", "/v1/me")
        assert (status, me["name"], me["via"], len(me["scopes"])) == (200, "admin", "file", len(Scope))
        for role in Role:
            status, me = await (await caller.as_role(f"a-{role}", role)).call("GET", "/v1/me")
            assert (status, set(me["scopes"])) == (200, SCOPES_OF[role])
            assert me["via"] == "token"

    calling(url, work)


def test_class_50_only_an_owner_gets_at_operators_and_tokens(url: str) -> None:
    """Every endpoint there is, by every role and by a token of an owner that has all scopes but the one."""

    async def work(caller: Caller) -> None:
        viewer = await caller.as_role("victor", Role.VIEWER)
        operator = await caller.as_role("otto", Role.OPERATOR)
        owner = await caller.as_role("olivia", Role.OWNER)
        olivia = Principal("olivia", SCOPES_OF[Role.OWNER], "console")
        less = SCOPES_OF[Role.OWNER] - {Scope.OPERATORS_WRITE}
        without = owner.having((await caller.desk.service.tokens.make(olivia, "less", less, 1))[0].reveal())
        before = await caller.desk.audit()
        guarded = [each for each in endpoints_of(caller.desk) if each.path not in ("/v1/me", "/v1/setup")]
        assert len(guarded) >= 12
        for endpoint in guarded:
            path = endpoint.path.format(name="olivia", session="s", id="t")
            for refused in (viewer, operator, without):
                assert (await refused.call(endpoint.method, path, {}))[0] == 403, endpoint
            assert (await caller.having("").call(endpoint.method, path, {}))[0] == 401, endpoint
            assert (await owner.call(endpoint.method, path))[0] in (200, 400, 404, 409), endpoint
        assert await caller.desk.audit() == before

    calling(url, work)


def test_passwords_are_write_only_in_the_description(url: str) -> None:
    async def work(desk: Desk) -> None:
        schemas = described(endpoints_of(desk))["components"]["schemas"]
        for name in ("FirstOwner", "NewOperator", "NewPassword"):
            assert schemas[name]["properties"]["password"]["writeOnly"] is True
        assert not any("password" in schemas[name]["properties"] for name in ("Operator", "Me", "ApiToken"))

    at_desk(url, work)
