"""Guards in front of the login: their order, what they spend, and what the login sees behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from menshen.config.login_rules import CodeAt
from menshen.config.route_rules import KeyPairRules, OAuthRules, TokenAt
from menshen.config.snapshot import Route
from menshen.errors import (
    CheckerUnavailable,
    Refusal,
    SignatureInvalid,
    SignatureMissing,
    SignatureReplayed,
    TokenMissing,
    TokenRefused,
)
from menshen.gateway.guards import Guards
from menshen.gateway.request import AuthRequest
from menshen.gateway.wire import BODY_LIMIT
from menshen.storage.tables import nonces
from tests.callouts.service import Service, calling
from tests.gateway import test_key_pair
from tests.gateway.samples import plugin, route
from tests.gateway.test_key_pair import BODY, LINE, NOW, RULES, headers, request
from tests.storage.conftest import opened

TOKEN = {b"x-token": b"good"}
FOUND = ((b"x-menshen-caller", b"erp"), (b"x-member", b"u-1"))


@dataclass
class Stage:
    guards: Guards
    service: Service
    checker: OAuthRules
    stored: Callable[[], Awaitable[int]]


def with_stage(tmp_path: Path, work: Callable[[Stage], Awaitable[None]]) -> None:
    @asynccontextmanager
    async def staged() -> Any:
        def answer(question: Any) -> Any:
            return {"result": question["token"] == "good", "payload": "u-1"}

        async with opened(tmp_path) as database, calling(answer) as (service, callouts):

            async def stored() -> int:
                async with database.reading() as connection:
                    return int((await connection.execute(select(func.count()).select_from(nonces))).scalar_one())

            url = f"{service.origin}/check"
            checker = OAuthRules("members", url, "POST", TokenAt("header", "x-token"), 2.0, payload="x-member")
            yield Stage(Guards(database, callouts, lambda: NOW), service, checker, stored)

    async def main() -> None:
        async with staged() as stage:
            await work(stage)

    asyncio.run(main())


def guarded(
    key_pair: KeyPairRules | None = RULES, oauth: OAuthRules | None = None, access: str = "required", **changes: Any
) -> Route:
    return replace(route("order", plugin(), access), key_pair=key_pair, oauth=oauth, **changes)


async def refused(stage: Stage, route: Route, request: AuthRequest, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        await stage.guards.admit(route, request, LINE)


def test_each_is_asked_in_its_turn_and_says_what_it_found(tmp_path: Path) -> None:
    async def work(stage: Stage) -> None:
        both = guarded(oauth=stage.checker)
        await refused(stage, both, request(TOKEN), SignatureMissing)
        await refused(stage, both, request({**headers(sign=b"A" * 44), **TOKEN}), SignatureInvalid)
        assert (stage.service.calls, await stage.stored()) == ([], 0)
        await refused(stage, both, request(headers()), TokenMissing)
        assert (stage.service.calls, await stage.stored()) == ([], 1)
        await refused(stage, both, request({**headers(), **TOKEN}), SignatureReplayed)
        assert stage.service.calls == []

    with_stage(tmp_path, work)


def test_what_both_found_goes_along(tmp_path: Path) -> None:
    async def work(stage: Stage) -> None:
        both = guarded(oauth=stage.checker)
        passed = await stage.guards.admit(both, request({**headers(), **TOKEN}), LINE)
        assert passed.found == FOUND
        unnamed = guarded(None, replace(stage.checker, payload=""))
        assert (await stage.guards.admit(unnamed, request(TOKEN), LINE)).found == ()

    with_stage(tmp_path, work)


def test_an_optional_route_takes_nothing_and_nothing_wrong(tmp_path: Path) -> None:
    async def work(stage: Stage) -> None:
        both = guarded(oauth=stage.checker, access="optional")
        passed = await stage.guards.admit(both, request({}), LINE)
        assert passed.found == ((b"x-menshen-caller", b""), (b"x-member", b""))
        assert (stage.service.calls, await stage.stored()) == ([], 0)
        one = await stage.guards.admit(both, request(TOKEN), LINE)
        assert one.found == ((b"x-menshen-caller", b""), (b"x-member", b"u-1"))
        await refused(stage, both, request({**TOKEN, b"x-mg-alg": b"2"}), SignatureMissing)
        await refused(stage, both, request({b"x-token": b"bad"}), TokenRefused)

    with_stage(tmp_path, work)


def test_a_checker_that_does_not_answer_as_agreed_lets_nobody_in(tmp_path: Path) -> None:
    async def work(stage: Stage) -> None:
        stage.service.answer = lambda question: {"result": True, "payload": "p" * 4097}
        await refused(stage, guarded(None, stage.checker), request(TOKEN), CheckerUnavailable)
        # A payload that nobody wants told is none of our business.
        unnamed = guarded(None, replace(stage.checker, payload=""))
        assert (await stage.guards.admit(unnamed, request(TOKEN), LINE)).found == ()

    with_stage(tmp_path, work)


def test_a_login_sees_a_body_only_where_its_code_lies_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = b"x" * (BODY_LIMIT + 100)
    roomy = replace(RULES, body_limit=4 * BODY_LIMIT)
    by_body = plugin(code=CodeAt("body", "js_code"))

    async def seen(stage: Stage, route: Route, body: bytes) -> tuple[bytes | None, bool]:
        monkeypatch.setattr(test_key_pair, "BODY", body)
        monkeypatch.setattr(test_key_pair, "NONCE", f"nonce-{id(body)}-{len(body)}-{route.login is None}".encode())
        passed = await stage.guards.admit(route, request(headers(), body), LINE)
        return passed.body, passed.body_partial

    async def work(stage: Stage) -> None:
        assert await seen(stage, guarded(roomy), BODY) == (None, False)
        assert await seen(stage, guarded(roomy, login=None), long) == (None, False)
        in_body = guarded(roomy, login=by_body)
        assert await seen(stage, in_body, BODY + b" ") == (BODY + b" ", False)
        assert await seen(stage, in_body, long) == (long[: BODY_LIMIT + 1], True)
        assert await seen(stage, in_body, long[:BODY_LIMIT]) == (long[:BODY_LIMIT], False)
        unsigned = await stage.guards.admit(replace(in_body, access="optional"), request({}, long, partial=True), LINE)
        assert (len(unsigned.body or b""), unsigned.body_partial) == (BODY_LIMIT + 1, True)

    with_stage(tmp_path, work)
