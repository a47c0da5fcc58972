"""j. An operator's pages over a million users, logins, sessions, deliveries and rows of the audit log."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import uvloop

from bench.children import BenchFailed
from bench.desk_rows import ROWS, SPAN, desk_statements, openid_of, uid_of
from bench.people import APPID, fill_by
from bench.report import Goal, Report
from menshen.config.user_rules import WebhookRules
from menshen.node.operating import avatars_of, operating_on, operator_endpoints, people_views
from menshen.operators.roles import SCOPES_OF, Principal, Role
from menshen.secret import Secret
from menshen.sessions.records import SessionRecords
from menshen.storage.database import Database, sqlite_url
from menshen.storage.webhook_deliveries import Attempted
from menshen.web.admin import admin_app
from menshen.web.admin_api.dispatch import admin_routes
from menshen.web.console.door import SESSION_COOKIE, console_routes
from menshen.web.serving import serving
from tests.postgresql import running_postgresql

__all__ = ["measure_desk"]

_GOAL_MS = 200.0
_ASKS = 200
_AT_ONCE = 1


@dataclass(frozen=True, slots=True)
class _Question:
    """``page`` of the console and ``api`` call that ask for the same; "" where there is none."""

    what: str
    page: str
    api: str = ""


def _same(what: str, page: str, api: str, query: str) -> _Question:
    return _Question(what, f"/console/{page}?{query}", f"/v1/{api}?limit=50&{query}")


def _questions(now: int) -> list[_Question]:
    deep, middle = ROWS // 2, now - ROWS * SPAN // 2
    day, openid, uid = now - 86_400, openid_of(ROWS // 3), uid_of(ROWS // 3)
    logins = {
        "first page": "",
        "deep page": f"below={deep}",
        "of a user": f"user={uid}",
        "of an app": "app=game",
        "of a rare app": "app=rare",
        "of no app": "app=none",
        "of an address": "ip=203.0.113.7",
        "of no address": "ip=192.0.2.1",
        "failed": "outcome=failed",
        "let in": "outcome=ok",
        "rare outcome": "outcome=user_blocked",
        "outcome of none": "outcome=hook_failed",
        "rare way": "how=phone",
        "usual way": "how=code",
        "rare outcome, usual way": "outcome=user_blocked&how=code",
        "failed at an app, by text message": "outcome=failed&app=game&how=sms",
        "let in with a rare way at an app": "outcome=ok&app=shop&how=phone",
        "busy address, rare app": "ip=203.0.113.7&app=rare",
        "busy address, rare outcome, deep": f"ip=203.0.113.7&outcome=user_blocked&below={deep}",
        "all filters": "user=none&app=shop&ip=203.0.113.7&outcome=failed&how=code",
    }
    since = {
        "": "",
        "failed": "outcome=failed",
        "rare outcome": "outcome=user_blocked",
        "app and ok": "app=game&outcome=ok",
    }
    return [
        *(_same(f"logins: {what}", "logins", "logins", query) for what, query in logins.items()),
        *(
            _Question(
                f"logins: since a day, {what}".rstrip(", "),
                f"/console/logins?since=1d&{query}",
                f"/v1/logins?since={day}&{query}",
            )
            for what, query in since.items()
        ),
        _Question("logins: live tail, nothing new", f"/console/logins/newer?outcome=failed&after={ROWS}"),
        _same("users: first page", "users", "users", ""),
        _same("users: deep page", "users", "users", f"below={middle}.u"),
        _same("users: banned", "users", "users", "status=banned"),
        _same("users: active", "users", "users", "status=active"),
        _same("users: closed, deep", "users", "users", f"status=closed&below={middle}.u"),
        _Question("users: by uid", f"/console/users?q={uid}", f"/v1/users?uid={uid}"),
        _Question("users: by openid", f"/console/users?q={openid}", f"/v1/users?openid={openid}"),
        _Question("users: by four digits", "/console/users?q=1234", "/v1/users?phone=1234"),
        _Question("users: by account", "/console/users?q=name77777", "/v1/users?account=name77777"),
        _Question("users: by nothing there is", "/console/users?q=nobody-at-all", "/v1/users?find=nobody-at-all"),
        _Question(
            "users: by four digits, banned", "/console/users?q=1234&status=banned", "/v1/users?phone=1234&status=banned"
        ),
        _Question("one user", f"/console/users/{uid}", f"/v1/users/{uid}"),
        _Question("sessions: live", "/console/sessions", "/v1/sessions"),
        _Question("sessions: live, deep", f"/console/sessions?below={deep}", f"/v1/sessions?below={deep}"),
        _Question("sessions: over too", "/console/sessions?live=all", "/v1/sessions?live=false"),
        _Question(
            "sessions: of a user", f"/console/sessions?user={uid}&live=all", f"/v1/sessions?user={uid}&live=false"
        ),
        _Question("sessions: of an app", "/console/sessions?app=game", "/v1/sessions?app=game"),
        _Question(
            "sessions: of an app, deep",
            f"/console/sessions?app=game&below={deep}",
            f"/v1/sessions?app=game&below={deep}",
        ),
        _Question("deliveries", "/console/webhooks/crm", "/v1/webhooks/crm/deliveries"),
        _Question(
            "deliveries: failed", "/console/webhooks/crm?status=failed", "/v1/webhooks/crm/deliveries?status=failed"
        ),
        _Question(
            "deliveries: waiting", "/console/webhooks/crm?status=waiting", "/v1/webhooks/crm/deliveries?status=waiting"
        ),
        _Question("audit", "", "/v1/audit"),
        _Question("audit: rare actor", "", "/v1/audit?actor=rare"),
        _Question("audit: rare action", "", "/v1/audit?action=operator.add"),
        _Question("audit: actor and rare action", "", "/v1/audit?actor=li&action=operator.add"),
        _Question("audit: of a user", "", f"/v1/audit?user={uid}"),
    ]


def measure_desk(directory: Path) -> Report:
    """Every list with every kind of filter, HTML and JSON, on both databases."""
    rows: list[list[str]] = []
    goals, notes = [], []
    with running_postgresql() as server, server.database() as postgresql:
        where = directory / "desk"
        where.mkdir()
        for kind, url in (("SQLite", sqlite_url(where)), ("PostgreSQL", postgresql)):
            began, now = time.perf_counter(), int(time.time())
            uvloop.run(fill_by(url, desk_statements(now)))
            os.sync()
            notes.append(f"{kind}: {ROWS:,} rows in each of 8 tables, made in {time.perf_counter() - began:.0f} s")
            found = uvloop.run(_ask_all(url, where, _questions(now)))
            for what, all_p99 in (
                ("page", [page[1] for _, page, _ in found]),
                ("answer of the API", [api[1] for _, _, api in found]),
            ):
                slowest = max(p99 for p99 in all_p99 if p99 is not None)
                goals.append(Goal(f"{kind}: p99 of the slowest {what}", slowest, _GOAL_MS, "ms", at_least=False))
            rows += [[f"{kind} {what}", *map(_ms, (*page, *api))] for what, page, api in found]
    head = ["", "page p50", "p99", "API p50", "p99"]
    title = f"j. An operator's lists over {ROWS:,} rows, ms, {_ASKS} times each"
    return Report(
        title, head, rows, goals, [*notes, f"{_AT_ONCE} at once, server and client in one process and on one core"]
    )


_Times = tuple[float | None, float | None]


async def _ask_all(url: str, directory: Path, questions: Sequence[_Question]) -> list[tuple[str, _Times, _Times]]:
    async with _desk(url, directory) as origin, aiohttp.ClientSession() as session:
        headers = {"cookie": f"{SESSION_COOKIE}=bench", "authorization": "Bearer bench"}

        async def times(path: str) -> _Times:
            if not path:
                return None, None
            took: list[float] = []

            async def some() -> None:
                while len(took) < _ASKS:
                    took.append(0.0)
                    place, began = len(took) - 1, time.perf_counter()
                    async with session.get(origin + path, headers=headers, allow_redirects=False) as answer:
                        await answer.read()
                        if answer.status not in (200, 204):
                            raise BenchFailed(f"{path} was answered {answer.status}")
                    took[place] = (time.perf_counter() - began) * 1000

            await asyncio.gather(*(some() for _ in range(_AT_ONCE)))
            took.sort()
            return took[len(took) // 2], took[len(took) * 99 // 100]

        return [(each.what, await times(each.page), await times(each.api)) for each in questions]


class _Signed:
    """Everybody is the owner."""

    async def visitor(self, _cookie: str) -> Principal | None:
        return Principal("bench", SCOPES_OF[Role.OWNER], "console")


@contextlib.asynccontextmanager
async def _desk(url: str, directory: Path) -> AsyncIterator[str]:
    """The console and the admin API of people and operations, without their node; its origin."""
    database = Database(url, create=False)
    records = SessionRecords(database, time.time)
    hook = WebhookRules("crm", "http://127.0.0.1:9/", Secret("bench"), ("login",))
    apps = {"shop": ("wechat", APPID), "game": ("qq", "qq1")}

    async def nothing(_name: str) -> Attempted:
        raise BenchFailed("nobody tests a webhook here")

    operating = operating_on(
        records, avatars_of(records, directory), bytes(32), lambda: apps, lambda: (hook,), nothing, directory / "keys"
    )
    everybody = _Signed()
    routes = [
        *admin_routes(operator_endpoints(operating), everybody.visitor),
        *console_routes(people_views(operating), everybody),
    ]
    try:
        async with serving(admin_app(dict, dict, dict, routes), "127.0.0.1", 0) as bound:
            yield bound.origin
    finally:
        await database.close()


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
