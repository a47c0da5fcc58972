"""Users of one gateway of several processes, before an emulated WeChat and QQ, and the phones that get its messages."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Table, select

from menshen.callouts.calling import Callouts
from menshen.config.snapshot import App, LoginPlugin, Snapshot
from menshen.config.user_rules import EVENTS, Callout, SmsRules, UserRules, WebhookRules
from menshen.emulator.asgi import emulator_app
from menshen.emulator.state import AppSettings, Emulator
from menshen.gateway.access_tokens import AccessTokens
from menshen.gateway.account_binding import AccountBinding
from menshen.gateway.account_check import AccountCheck
from menshen.gateway.bearers import Bearer
from menshen.gateway.binding import Asking, Bindings
from menshen.gateway.codes import CodeBook, LoggedIn
from menshen.gateway.guard import LoginGuard
from menshen.gateway.hooks import Hooks
from menshen.gateway.issue import Caller, Issuer
from menshen.gateway.login import Login
from menshen.gateway.open_data import OpenData
from menshen.gateway.password_reset import PasswordReset
from menshen.gateway.phone import PhoneFlows
from menshen.gateway.phone_telling import PhoneTelling
from menshen.gateway.proofs import LoginChecks, Proofs
from menshen.platforms.client import PlatformClient
from menshen.secret import Secret
from menshen.sessions.claims import new_id
from menshen.sessions.records import SessionRecords
from menshen.storage.database import Database
from menshen.storage.digests import KeyedDigest
from menshen.storage.log_tables import webhook_deliveries
from menshen.storage.sealing import Sealer
from menshen.users.accounts import OwnAccounts
from menshen.users.life import Doer, UserLife
from menshen.users.limits import Limits
from menshen.users.lockouts import Lockouts
from menshen.users.passwords import Passwords
from menshen.users.phone_number import PhoneNumber
from menshen.users.phones import PhoneNumbers
from menshen.users.pool import UserPool
from menshen.users.sms_codes import SmsCodes, SmsPurpose
from menshen.web.serving import serving
from tests.gateway.samples import plugin, route
from tests.sessions.rings import new_states
from tests.storage.conftest import opened

APPIDS = {"shop": "wx1", "mall": "wx2", "qq": "1100000001"}
SECRET = "0123456789abcdef0123456789abcdef"
CALLER = Caller("192.0.2.7", "test", "request-1")
HOOK = WebhookRules("crm", "http://127.0.0.1:9/hook", Secret("planted-webhook-secret"), EVENTS)
DOER = Doer("test", (HOOK,), "request-2")


class Texts:
    """Where text messages arrive: the last code of each number."""

    def __init__(self) -> None:
        self.codes: dict[str, str] = {}

    async def __call__(self, sender: Callout, phone: PhoneNumber, code: Secret, purpose: str, expires_in: int) -> None:
        self.codes[phone.e164] = code.reveal()


@dataclass(frozen=True)
class Process:
    """One worker's parts, over a database connection of its own."""

    database: Database
    records: SessionRecords
    login: Login
    bindings: Bindings
    account_binding: AccountBinding
    accounts: OwnAccounts
    phones: PhoneFlows
    telling: PhoneTelling
    sms: SmsCodes
    resets: PasswordReset
    life: UserLife


@dataclass
class Crowd:
    """``processes`` share a database. ``rules`` may be replaced by a test."""

    emulator: Emulator
    rules: Snapshot
    texts: Texts
    client: PlatformClient
    processes: Sequence[Process] = ()
    numbers: PhoneNumbers = field(default_factory=lambda: PhoneNumbers(b"m" * 32))
    states: Any = field(default_factory=new_states)

    @property
    def database(self) -> Database:
        return self.processes[0].database

    @property
    def bindings(self) -> Bindings:
        return self.processes[0].bindings

    @property
    def phones(self) -> PhoneFlows:
        return self.processes[0].phones

    def plugin(self, app: str = "shop") -> LoginPlugin:
        return next(r.login for r in self.rules.routes if r.login is not None and r.login.app.name == app)

    def users_rules(self, **changes: Any) -> None:
        self.rules = replace(self.rules, users=replace(self.rules.users, **changes)).sealed()

    def code(self, who: str, app: str = "shop") -> str:
        made = self.plugin(app).app
        return self.emulator.login(made.platform, made.appid, who)

    async def openid(self, who: str, app: str = "shop") -> str:
        """As the platform tells whoever has a code."""
        return (await self.client.code2session(self.plugin(app).app, self.code(who, app))).openid

    def phone_code(self, who: str, number: str = "13580006666", app: str = "shop") -> str:
        made = self.plugin(app).app
        return self.emulator.phone(made.platform, made.appid, who, number)

    async def sms_code(self, number: PhoneNumber, purpose: SmsPurpose) -> Secret:
        rules = self.rules.users.sms
        assert rules is not None
        await self.processes[0].sms.send(rules, number, purpose, CALLER.ip, time.time())
        return Secret(self.texts.codes[number.e164])

    async def enters(self, app: str = "shop", *, process: int = 0, **proofs: Any) -> Asking:
        """Log in by these proofs; who asks with the state that came of it."""
        made = Proofs(**{"how": "code", "received": time.time(), **proofs})
        entering = self.processes[process].login.enter(self.plugin(app), made, None, self.states, CALLER, self.rules)
        return self.asking(await entering, app)

    async def comes(self, who: str, app: str = "shop", **proofs: Any) -> Asking:
        """``who`` logs in by code."""
        return await self.enters(app, code=self.code(who, app), **proofs)

    def asking(self, logged_in: LoggedIn, app: str = "shop") -> Asking:
        made = self.plugin(app)
        return Asking(Bearer(logged_in.claims, made, (made,)), CALLER, self.rules)

    async def session(self, sid: str) -> Any:
        return await self.processes[0].records.get(sid)

    async def live(self, uid: str) -> set[str]:
        return {record.sid for record in await self.processes[0].records.list(uid=uid)}

    async def rows(self, table: Table, **which: Any) -> list[Any]:
        query = select(table).order_by(*table.primary_key)
        for name, value in which.items():
            query = query.where(table.c[name] == value)
        async with self.database.reading() as connection:
            return list((await connection.execute(query)).all())

    async def told(self, *kinds: str) -> list[Any]:
        rows = await self.rows(webhook_deliveries)
        return [row for row in rows if not kinds or row.event in kinds]


@contextlib.asynccontextmanager
async def crowd_at(url: str, processes: int = 1) -> AsyncIterator[Crowd]:
    emulator = Emulator()
    for app, appid in APPIDS.items():
        emulator.add_app("qq" if app == "qq" else "wechat", appid, AppSettings(SECRET, unionid=app != "qq"))
    async with (
        serving(emulator_app(emulator), "127.0.0.1", 0, drain=0.1) as bound,
        PlatformClient(timeout=60.0) as client,
        contextlib.AsyncExitStack() as stack,
    ):
        crowd = Crowd(emulator, _rules(bound.origin), Texts(), client)
        crowd.processes = [
            _process(await stack.enter_async_context(opened(url)), client, crowd.texts) for _ in range(processes)
        ]
        yield crowd


def on_crowd(url: str, work: Callable[[Crowd], Awaitable[None]], processes: int = 1) -> None:
    async def main() -> None:
        async with crowd_at(url, processes) as crowd:
            await work(crowd)

    asyncio.run(main())


def _rules(origin: str) -> Snapshot:
    routes, apps = [], []
    for name, appid in APPIDS.items():
        platform = "qq" if name == "qq" else "wechat"
        app = App(name, platform, appid, Secret(SECRET), f"{origin}/{platform}")
        apps.append(app)
        routes.append(route(name, plugin(name=f"{name}-login", app=app)))
    sender = SmsRules(Callout("http://127.0.0.1:9/sms", Secret("planted-sms-secret")))
    return Snapshot(routes=tuple(routes), apps=tuple(apps), users=UserRules(sms=sender), webhooks=(HOOK,)).sealed()


def _process(database: Database, client: PlatformClient, texts: Texts) -> Process:
    key = b"m" * 32
    records = SessionRecords(database, time.time)
    codes = CodeBook(database, Sealer(key, "code-outcome"), time.time, secrets.token_bytes)
    session_keys = Sealer(key, "session-key")
    pool = UserPool(database, session_keys, lambda: f"u{new_id(secrets.token_bytes)}")
    issuer = Issuer(records, secrets.token_bytes)
    bindings = Bindings(database, client, pool, codes, issuer, time.time)
    callouts = Callouts(client, time.time, secrets.token_bytes)
    limits = Limits(database)
    guard = LoginGuard(limits, KeyedDigest(key, "login-limit"), callouts)
    accounts = OwnAccounts(database, Passwords(secrets.token_bytes, time_cost=1, memory_kib=64), time.time)
    checks = AccountCheck(accounts, Lockouts(database, KeyedDigest(key, "account-failures")), callouts)
    tokens = AccessTokens(database, Sealer(key, "access-token"), client, time.time, secrets.token_bytes)
    open_data = OpenData(database, session_keys, tokens, time.time)
    sms = SmsCodes(database, KeyedDigest(key, "sms-code"), limits, texts, secrets.token_bytes)
    flows = PhoneFlows(database, open_data, sms, PhoneNumbers(key), bindings, time.time)
    asked = LoginChecks(guard, checks, open_data, flows, Hooks([]))
    login = Login(client, pool, codes, issuer, records, asked, time.time)
    return Process(
        database=database,
        records=records,
        login=login,
        bindings=bindings,
        account_binding=AccountBinding(bindings, checks, guard, time.time),
        accounts=accounts,
        phones=flows,
        telling=PhoneTelling(client, codes, guard, flows, login, time.time),
        sms=sms,
        resets=PasswordReset(database, PhoneNumbers(key), sms, accounts, checks, bindings),
        life=UserLife(database, time.time, _nothing_to_erase),
    )


async def _nothing_to_erase(name: str) -> None:
    assert not name
