"""The door of the admin address: who comes in, and how much he may say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import msgspec
import pytest
from starlette.applications import Starlette

from menshen.errors import (
    ClaimInvalid,
    ConfigInvalid,
    DatabaseUnavailable,
    MenshenError,
    Overloaded,
    Problem,
    RevisionUnknown,
    UserInvalid,
    UserUnknown,
    WebhookUnknown,
)
from menshen.operators.roles import SCOPES_OF, Principal, Role, Scope
from menshen.operators.token_file import token_file
from menshen.secret import Secret
from menshen.web.admin_api.dispatch import Identify, admin_routes
from menshen.web.admin_api.endpoint import BadCall, Below, Call, Endpoint, Limit, Word, Work
from menshen.web.serving import serving

TOKEN = "planted-admin-token-0123456789abcdef"


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    name: str


class Query(msgspec.Struct, forbid_unknown_fields=True):
    limit: Limit = 50
    word: Word = ""
    below: Below | None = None


async def echo(call: Call) -> dict[str, Any]:
    return {"query": call.query, "body": call.body, "who": call.principal.name}


def endpoints(work: Work, needs: Scope | None = Scope.USERS_READ) -> list[Endpoint]:
    return [
        Endpoint("GET", "/", "Echo a query", needs, work, Query),
        Endpoint("POST", "/", "Echo a body", needs, work, body=Asked),
    ]


def served(
    work: Work,
    ask: Callable[[aiohttp.ClientSession, str], Awaitable[None]],
    identify: Identify | None = None,
) -> None:
    async def main() -> None:
        app = Starlette(routes=admin_routes(endpoints(work), identify or token_file(Secret(TOKEN))))
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with (
            serving(app, "127.0.0.1", 0) as bound,
            aiohttp.ClientSession(headers=headers) as session,
        ):
            await ask(session, f"http://127.0.0.1:{bound.port}/")

    asyncio.run(main())


@pytest.mark.parametrize(
    "sent", ["", TOKEN, f"Bearer {TOKEN} ", f"bearer {TOKEN}", f"Bearer {TOKEN}x", "Bearer ", f"Basic {TOKEN}"]
)
def test_only_the_token_opens(sent: str) -> None:
    asked: list[Call] = []

    async def note(call: Call) -> None:
        asked.append(call)

    async def ask(session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(url, headers={"authorization": sent}) as answer:
            # A space at the end is the header's own, and no part of its value.
            expected = 200 if sent.strip() == f"Bearer {TOKEN}" else 401
            assert answer.status == expected
            assert TOKEN not in await answer.text()
            assert len(asked) == (expected == 200)

    served(note, ask)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 200),
        ("?limit=500&below=1&word=%E4%B8%AD", 200),
        ("?limit=100000", 200),
        ("?limit=0", 400),
        ("?limit=%2B1", 400),
        ("?limit=%D9%A1", 400),
        ("?below=" + "9" * 19, 400),
        ("?word=%0A", 400),
        ("?word=%00", 400),
        ("?word=" + "x" * 201, 400),
        ("?limit=&word=&below=", 200),
        ("?word=a&word=b", 400),
        ("?more=1", 400),
    ],
)
def test_a_query_is_read_strictly(query: str, status: int) -> None:
    async def ask(session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(url + query) as answer:
            assert answer.status == status, await answer.text()
            assert answer.headers["cache-control"] == "no-store"
            if status == 200:
                assert (await answer.json())["query"]["limit"] >= 50

    served(echo, ask)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"name":"x"}', 200),
        (b"", 400),
        (b"name=x", 400),
        (b'{"name":1}', 400),
        (b'{"name":"x","more":1}', 400),
        (b"[" * 10_000, 400),
        (b'{"name":"\xff"}', 400),
        (b'{"name":"' + b"x" * 16_384 + b'"}', 413),
    ],
)
def test_a_body_is_json_of_what_is_asked_and_not_long(body: bytes, status: int) -> None:
    async def ask(session: aiohttp.ClientSession, url: str) -> None:
        async with session.post(url, data=body) as answer:
            assert answer.status == status, await answer.text()

    served(echo, ask)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (BadCall("why"), 400),
        (BadCall("why", 409), 409),
        (UserUnknown("why"), 404),
        (RevisionUnknown("why"), 404),
        (Overloaded("why"), 503),
        (ConfigInvalid([Problem("apps[0].name", "why", "为什么")]), 422),
        (WebhookUnknown("why"), 404),
        (UserInvalid("why"), 400),
        (ClaimInvalid("why"), 400),
        (DatabaseUnavailable("planted-dsn"), 503),
    ],
)
def test_what_goes_wrong_has_its_status(error: MenshenError | BadCall, status: int) -> None:
    async def fail(_: Call) -> None:
        raise error

    async def ask(session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(url) as answer:
            assert answer.status == status
            text = await answer.text()
            assert "planted" not in text
            assert status == 503 or "why" in text

    served(fail, ask)


@pytest.mark.parametrize(("scopes", "status"), [(SCOPES_OF[Role.VIEWER], 200), (frozenset(), 403)])
def test_a_call_needs_its_scope(scopes: frozenset[Scope], status: int) -> None:
    async def identify(_: str) -> Principal:
        return Principal("li", scopes, "token")

    async def ask(session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(url) as answer:
            assert answer.status == status
            if status == 200:
                assert (await answer.json())["who"] == "li"

    served(echo, ask, identify)


def test_another_method_is_refused_and_says_which_there_are() -> None:
    async def ask(session: aiohttp.ClientSession, url: str) -> None:
        async with session.delete(url) as answer:
            assert (answer.status, answer.headers["allow"]) == (405, "GET, POST")
            assert "DELETE" in (await answer.json())["message"]

    served(echo, ask)
