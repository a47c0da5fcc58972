"""Logging in: what a client brings is proven, then the person enters the pool and a session is opened.

The order is that of what a try costs. What cannot be right is refused for nothing; limits and captcha are asked before
anything is compared, a password is compared before the code beside it is spent, the hooks speak before a phone code,
which is paid for, is spent last.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from menshen.config.snapshot import App, LoginPlugin, Snapshot
from menshen.errors import (
    AccountRefused,
    CallMalformed,
    CodeMalformed,
    CodeUsed,
    DatabaseUnavailable,
    PlatformTimeout,
    PlatformUnreachable,
    Refusal,
    SessionExpired,
    SessionInvalid,
)
from menshen.figures.counting import Counts
from menshen.gateway.codes import CodeBook, LoggedIn, Spend
from menshen.gateway.decide import same_app
from menshen.gateway.decision import Exchange
from menshen.gateway.guard import Attempt
from menshen.gateway.hooks import LoginAttempt, LoginDone
from menshen.gateway.issue import Caller, Issuer
from menshen.gateway.login_reports import failure_row
from menshen.gateway.opening import Opener, Proven
from menshen.gateway.proofs import CodeExchange, How, LoginChecks, Proofs
from menshen.gateway.traced import note_refusal
from menshen.platforms.base import Platform, PlatformIdentity
from menshen.platforms.registry import PLATFORMS, adapter_of
from menshen.sessions.claims import SessionClaims
from menshen.sessions.records import SessionRecords
from menshen.sessions.reference import digest_of
from menshen.sessions.states import States, kind_of
from menshen.spans import NO_SPANS, Spans
from menshen.storage.identities import IdentityKey
from menshen.storage.login_log import write_logins
from menshen.users.entering import Entry, ProvenAccount
from menshen.users.phone_number import parse_phone
from menshen.users.pool import UserPool

__all__ = ["Login"]

log = logging.getLogger("menshen.login")


@dataclass(frozen=True, slots=True)
class _Try:
    """One login on its way. ``presented`` is the login state that came with it."""

    plugin: LoginPlugin
    proofs: Proofs
    presented: bytes | None = field(repr=False)
    states: States
    caller: Caller
    rules: Snapshot

    @property
    def app(self) -> App:
        return self.plugin.app


@dataclass(frozen=True, slots=True)
class _Account:
    """An account whose password was right, or, with a ``password_hash``, one that this login is to make."""

    proven: ProvenAccount
    password_hash: str = field(default="", repr=False)


class Login:
    """``clock`` gives Unix seconds."""

    def __init__(
        self,
        platforms: CodeExchange,
        pool: UserPool,
        codes: CodeBook,
        issuer: Issuer,
        records: SessionRecords,
        checks: LoginChecks,
        clock: Callable[[], float],
        spans: Spans = NO_SPANS,
        counts: Counts | None = None,
        *,
        adapters: Mapping[str, Platform] = PLATFORMS,
    ) -> None:
        self._counts = counts or Counts()
        self._platforms = platforms
        self._adapters = adapters
        self._pool = pool
        self._codes = codes
        self._records = records
        self._opener = Opener(pool, issuer)
        self._checks = checks
        self._clock = clock
        self._spans = spans

    async def log_in(self, login: Exchange, states: States, caller: Caller, rules: Snapshot) -> LoggedIn:
        """Exchange the code of a login decision. Raises as :meth:`enter`."""
        plugin = login.route.login
        if plugin is None:
            raise ValueError(f"route {login.route.id} has no login plugin")
        sent = login.open_data
        beside = (login.username, login.password, sent.encrypted_data, sent.iv, sent.raw_data, sent.signature)
        proofs = Proofs("code", login.received, login.code, *beside)
        return await self.enter(plugin, proofs, login.presented, states, caller, rules)

    async def enter(
        self,
        plugin: LoginPlugin,
        proofs: Proofs,
        presented: bytes | None,
        states: States,
        caller: Caller,
        rules: Snapshot,
    ) -> LoggedIn:
        """Log in by whatever the proofs prove; ``presented`` is the login state that came with them.

        Every try is in the login log. Raises a ``Refusal``, or ``DatabaseUnavailable``.
        """
        login = _Try(plugin, proofs, presented, states, caller, rules)
        with self._spans.within("login") as span:
            span.note("menshen.app", plugin.app.name)
            span.note("menshen.platform", plugin.app.platform)
            span.note("menshen.how", proofs.how)
            try:
                attempt = self._attempt(login)
                try:
                    logged_in = await self._run(login, attempt)
                except Refusal as refusal:
                    await self._checks.guard.failed(rules.users, attempt, refusal)
                    raise
                await self._checks.guard.succeeded(rules.users, attempt)
            except Refusal as refusal:
                note_refusal(span, refusal)
                await self.refused(plugin, refusal, caller, proofs.how)
                raise
            span.note("menshen.new_user", logged_in.new_user)
        self._counts.login(plugin.app.name)
        return Issuer.known(states, logged_in)

    async def refused(self, plugin: LoginPlugin, refusal: Refusal, caller: Caller, how: How = "code") -> None:
        """Keep a login that came to nothing. That it did is the answer, whether or not it can be written down."""
        self._counts.login(plugin.app.name, refusal.reason)
        row = failure_row(plugin.app, caller, how, int(self._clock()), refusal)
        try:
            await self._pool.database.write(write_logins, row)
        except DatabaseUnavailable as error:
            log.warning("login_not_logged", extra={"request_id": caller.request_id, "why": str(error)})

    async def take_back(self, claims: SessionClaims) -> None:
        """End the session of a login that something else refuses: it has been opened, and must open nothing."""
        await self._records.end([claims.sid], "revoked")

    def _attempt(self, login: _Try) -> Attempt:
        """What is about to be tried. Raises what is wrong with the proofs before anybody is asked about them."""
        proofs, app = login.proofs, login.app
        if proofs.code and not adapter_of(app, self._adapters).code_pattern.fullmatch(proofs.code):
            raise CodeMalformed(f"{len(proofs.code)} characters")
        if proofs.how in ("code", "phone") and not proofs.code:
            raise CallMalformed("a login by code without a code")
        if proofs.how == "password" and not proofs.username:
            raise CallMalformed("a login by password without a username")
        if proofs.how != "phone":
            self._checks.open_data.check(app, proofs)
        if proofs.how in ("phone", "sms"):
            self._checks.phones.check(app, proofs)
        return Attempt(
            app=app,
            ip=login.caller.ip,
            request_id=login.caller.request_id,
            how=proofs.how,
            now=self._clock(),
            username=parse_phone(proofs.phone).e164 if proofs.how == "sms" else proofs.username,
            captcha=proofs.captcha,
        )

    async def _run(self, login: _Try, attempt: Attempt) -> LoggedIn:
        await self._checks.guard.before(login.rules.users, attempt)
        proofs, account = login.proofs, await self._account(login)
        if proofs.code:
            return await self._by_code(login, account)
        entry = await self._by_message(login) if proofs.how == "sms" else await self._by_password(login, account)
        return await self._open(login, Proven(login.plugin, login.rules, login.caller, proofs.how, entry))

    async def _account(self, login: _Try) -> _Account | None:
        proofs, rules = login.proofs, login.rules.users.accounts
        if proofs.new_account:
            row = await self._checks.accounts.new_account(rules, proofs.username, proofs.password)
            return _Account(ProvenAccount("own", row.name, row.shown), row.password_hash)
        if not proofs.username and not proofs.password:
            return None
        checked = self._checks.accounts.check(rules, proofs.username, proofs.password, login.app, self._clock())
        return _Account(await checked)

    async def _by_code(self, login: _Try, account: _Account | None) -> LoggedIn:
        app = login.app

        async def exchange(spend: Spend) -> LoggedIn:
            found = await self._platforms.code2session(app, login.proofs.code)
            try:
                entry = await self._identified(login, account, found)
            except PlatformUnreachable as refusal:
                # It was the second call that could not be made: the code is spent, and must not be given back.
                raise PlatformTimeout(refusal.detail) from None
            proven = Proven(
                plugin=login.plugin,
                rules=login.rules,
                caller=login.caller,
                how=login.proofs.how,
                entry=entry,
                openid=found.openid,
                unionid=found.unionid,
                session_key=found.session_key,
                spend=spend,
            )
            return await self._open(login, proven)

        app_key, received = f"{app.platform}/{app.appid}", login.proofs.received
        logged_in = await self._codes.once(app_key, login.proofs.code, received, exchange)
        if not same_app(logged_in.claims, login.plugin):
            raise CodeUsed("by a user of another app who bound it")  # the session that came of it is not for here
        return logged_in

    async def _identified(self, login: _Try, account: _Account | None, found: PlatformIdentity) -> Entry:
        """The entry of a person whom the platform has named."""
        app, proofs, users = login.app, login.proofs, login.rules.users
        key = IdentityKey(app.platform, app.appid, found.openid)
        await self._checks.guard.identified(users, f"{key.platform}/{key.appid}/{key.openid}", self._clock())
        profile = await self._checks.open_data.profile(app, found, proofs)
        await self._before(login, account, found.openid, found.unionid)
        phone = None
        if proofs.how == "phone":
            phone = await self._checks.phones.of_identity(users, app, found, proofs)
        now = self._clock()
        return Entry(
            at=int(now),
            seen=self._pool.seen(key, found.unionid, found.session_key, now),
            account=account.proven if account is not None else None,
            password_hash=account.password_hash if account is not None else "",
            phone=phone,
            phone_owned=users.phone_owned,
            profile=profile,
            registers=proofs.registers,
            tells=users.accounts.source,
        )

    async def _by_password(self, login: _Try, account: _Account | None) -> Entry:
        if account is None:
            raise AccountRefused
        await self._checks.guard.identified(
            login.rules.users, f"account/{account.proven.source}/{account.proven.name}", self._clock()
        )
        await self._before(login, account)
        return Entry(
            at=int(self._clock()),
            account=account.proven,
            password_hash=account.password_hash,
            registers=login.proofs.registers,
            tells=login.rules.users.accounts.source,
        )

    async def _by_message(self, login: _Try) -> Entry:
        """The hooks speak first: the code of a text message is good once."""
        await self._before(login, None)
        phone = await self._checks.phones.of_message(login.rules.users, login.app, login.proofs, self._clock())
        await self._checks.guard.identified(login.rules.users, f"phone/{phone.digest}", self._clock())
        tells = login.rules.users.accounts.source
        return Entry(int(self._clock()), phone=phone, registers=login.proofs.registers, tells=tells)

    async def _open(self, login: _Try, proven: Proven) -> LoggedIn:
        proven = replace(proven, replaces=await self._replaced(login))
        if not self._checks.hooks.after_login:
            return await self._opener.open(proven)
        user = await self._opener.enter(proven)
        attempt = _told(login, proven.openid, proven.unionid, user.account)
        done = LoginDone(attempt, user.uid, user.new_user, user.account, user.claims)
        claims = await self._checks.hooks.after(login.rules.users.hooks, done)
        return await self._opener.open_for(proven, user, claims)

    async def _before(self, login: _Try, account: _Account | None, openid: str = "", unionid: str = "") -> None:
        attempt = _told(login, openid, unionid, account.proven.name if account is not None else "")
        await self._checks.hooks.before(login.rules.users.hooks, attempt)

    async def _replaced(self, login: _Try) -> str:
        """The session whose state was presented, "" where there was none: it must not outlive this login.

        Otherwise who planted a state of his on another's phone would share the session that the login makes, or a
        state that leaked before a new login would go on being good (attack class 27).
        """
        state, app = login.presented, login.app
        if state is None:
            return ""
        try:
            kind = kind_of(state)
            if kind == "reference":
                record = await self._records.find(digest_of(state))
                ours = record is not None and (record.platform, record.appid) == (app.platform, app.appid)
                return record.sid if record is not None and ours else ""
            claims = login.states.open(kind, state, 0.0)  # of any age: its refresh token may be alive
        except (SessionInvalid, SessionExpired):
            return ""
        return claims.sid if claims is not None and same_app(claims, login.plugin) else ""


def _told(login: _Try, openid: str, unionid: str, account: str) -> LoginAttempt:
    """What hooks are told of a login."""
    app, caller = login.app, login.caller
    return LoginAttempt(
        app=app.name,
        platform=app.platform,
        appid=app.appid,
        how=login.proofs.how,
        openid=openid,
        unionid=unionid,
        account=account,
        ip=caller.ip,
        user_agent=caller.user_agent,
        request_id=caller.request_id,
    )
