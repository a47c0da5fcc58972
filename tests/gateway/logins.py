"""Logins with everything real but Envoy: platform and team are the emulator on loopback, the database is the test's."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Table, select

from menshen.callouts.calling import Callouts
from menshen.callouts.sms import SmsSender
from menshen.config.login_rules import SessionRules
from menshen.config.snapshot import App, LoginPlugin, Snapshot
from menshen.config.user_rules import UserRules
from menshen.emulator.asgi import emulator_app
from menshen.emulator.state import AppSettings, Emulator
from menshen.gateway.access_tokens import AccessTokens
from menshen.gateway.account_check import AccountCheck
from menshen.gateway.binding import Bindings
from menshen.gateway.codes import CodeBook, LoggedIn
from menshen.gateway.guard import LoginGuard
from menshen.gateway.hooks import Hook, Hooks
from menshen.gateway.issue import Caller, Issuer
from menshen.gateway.login import Login
from menshen.gateway.open_data import OpenData
from menshen.gateway.phone import PhoneFlows
from menshen.gateway.proofs import How, LoginChecks, Proofs
from menshen.platforms.client import PlatformClient
from menshen.secret import Secret
from menshen.sessions.claims import new_id
from menshen.sessions.records import SessionRecords
from menshen.sessions.states import States
from menshen.storage.database import Database
from menshen.storage.digests import KeyedDigest
from menshen.storage.sealing import Sealer
from menshen.users.accounts import OwnAccounts
from menshen.users.limits import Limits
from menshen.users.lockouts import Lockouts
from menshen.users.passwords import Passwords
from menshen.users.phones import PhoneNumbers
from menshen.users.pool import UserPool
from menshen.users.sms_codes import SmsCodes
from menshen.web.serving import serving
from tests.gateway.samples import plugin
from tests.sessions.rings import new_states
from tests.storage.conftest import opened

SECRET = "planted-app-secret-of-shop"
PASSWORD = "planted-Passw0rd-of-zhang"
CALLER = Caller("192.0.2.7", "wechatdevtools", "request-1")
KEY = b"k" * 32


@dataclass
class Desk:
    """One process's way of logging in, to the shop's mini program unless a plugin says otherwise."""

    database: Database
    login: Login
    records: SessionRecords
    accounts: OwnAccounts
    states: States
    emulator: Emulator
    plugin: LoginPlugin
    rules: Snapshot

    def code(self, person: str, app: App | None = None) -> str:
        """As ``wx.login`` on that person's phone."""
        app = app or self.plugin.app
        return self.emulator.login(app.platform, app.appid, person)

    async def enter(
        self,
        code: str = "",
        *,
        how: How = "code",
        username: str = "",
        password: str = "",
        presented: str = "",
        plugin: LoginPlugin | None = None,
        rules: Snapshot | None = None,
        **more: Any,
    ) -> LoggedIn:
        secrets_too = {"password": Secret(password), "username": username, **more}
        proofs = Proofs(how, time.time(), code, **secrets_too)
        state = presented.encode() or None
        return await self.login.enter(plugin or self.plugin, proofs, state, self.states, CALLER, rules or self.rules)

    def state(self, logged_in: LoggedIn) -> str:
        return self.states.mint(self.plugin, logged_in.claims, logged_in.reference.reveal())

    async def rows(self, table: Table) -> list[Any]:
        async with self.database.reading() as connection:
            return list(await connection.execute(select(table).order_by(*table.primary_key)))


def ruled(users: UserRules | None = None, **parts: Any) -> Snapshot:
    return Snapshot(users=users or UserRules(), **parts).sealed()


@contextlib.asynccontextmanager
async def desks(
    url: str,
    many: int = 1,
    *,
    hooks: Sequence[Hook] = (),
    rules: Snapshot | None = None,
    session: SessionRules | None = None,
) -> AsyncIterator[list[Desk]]:
    """As many processes as there are desks, on one database and one emulator."""
    emulator = Emulator()
    async with AsyncExitStack() as stack:
        bound = await stack.enter_async_context(serving(emulator_app(emulator), "127.0.0.1", 0, drain=0.1))
        client = await stack.enter_async_context(PlatformClient(timeout=60))
        login_plugin = plugin() if session is None else plugin(session=session)
        app = replace(login_plugin.app, secret=Secret(SECRET), base_url=f"{bound.origin}/wechat")
        emulator.add_app("wechat", app.appid, AppSettings(SECRET, unionid=True))
        made = []
        for _ in range(many):
            database = await stack.enter_async_context(opened(url))
            running = Hooks(hooks)
            stack.callback(running.close)
            made.append(_desk(database, client, running, emulator, replace(login_plugin, app=app), rules or ruled()))
        yield made


def _desk(
    database: Database,
    client: PlatformClient,
    hooks: Hooks,
    emulator: Emulator,
    login_plugin: LoginPlugin,
    rules: Snapshot,
) -> Desk:
    random, clock = secrets.token_bytes, time.time
    records, session_keys = SessionRecords(database, clock), Sealer(KEY, "session-key")
    codes = CodeBook(database, Sealer(KEY, "code-outcome"), clock, random)
    pool = UserPool(database, session_keys, lambda: f"u{new_id(random)}")
    issuer = Issuer(records, random)
    callouts, limits = Callouts(client, clock, random), Limits(database)
    accounts = OwnAccounts(database, Passwords(random), clock)
    open_data = OpenData(
        database, session_keys, AccessTokens(database, Sealer(KEY, "tokens"), client, clock, random), clock
    )
    sms = SmsCodes(database, KeyedDigest(KEY, "sms-code"), limits, SmsSender(callouts), random)
    bindings = Bindings(database, client, pool, codes, issuer, clock)
    checks = LoginChecks(
        guard=LoginGuard(limits, KeyedDigest(KEY, "login-limit"), callouts),
        accounts=AccountCheck(accounts, Lockouts(database, KeyedDigest(KEY, "failures")), callouts),
        open_data=open_data,
        phones=PhoneFlows(database, open_data, sms, PhoneNumbers(KEY), bindings, clock),
        hooks=hooks,
    )
    login = Login(client, pool, codes, issuer, records, checks, clock)
    return Desk(database, login, records, accounts, new_states(), emulator, login_plugin, rules)


def at_desk(url: str, work: Callable[[Desk], Awaitable[None]], **how: Any) -> None:
    async def main() -> None:
        async with desks(url, **how) as (desk,):
            await work(desk)

    asyncio.run(main())


def at_desks(url: str, many: int, work: Callable[[list[Desk]], Awaitable[None]], **how: Any) -> None:
    async def main() -> None:
        async with desks(url, many, **how) as them:
            await work(them)

    asyncio.run(main())
