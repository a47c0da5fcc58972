"""Logging in: code -> platform -> user -> new session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.config.snapshot import App, LoginPlugin
from menshen.errors import SessionExpired, SessionInvalid
from menshen.gateway.codes import CodeBook, LoggedIn, Spend
from menshen.gateway.decide import same_app
from menshen.gateway.decision import Exchange
from menshen.platforms.base import PlatformIdentity
from menshen.secret import Secret
from menshen.sessions.claims import RandomBytes, new_id
from menshen.sessions.lifetimes import first_claims
from menshen.sessions.records import NewSession, SessionRecords
from menshen.sessions.reference import digest_of, new_reference
from menshen.sessions.states import States, kind_of
from menshen.storage.codes import finish_codes
from menshen.storage.identities import IdentityKey, SeenIdentity, SignedIn
from menshen.users.pool import UserPool

__all__ = ["Caller", "CodeExchange", "Login"]


class CodeExchange(Protocol):
    """Asks a platform who logged in. Raises the platform refusals of ``menshen.errors``."""

    async def code2session(self, app: App, code: str) -> PlatformIdentity: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a login came from, for the user's list of sessions. ``ip`` is what Envoy saw, not what a client said."""

    ip: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class _Pending:
    """A login that the platform has confirmed and the database does not know yet."""

    plugin: LoginPlugin
    found: PlatformIdentity
    caller: Caller
    replaces: str
    seen: SeenIdentity
    spend: Spend


class Login:
    """``clock`` gives Unix seconds, ``random`` OS randomness."""

    def __init__(
        self,
        platforms: CodeExchange,
        pool: UserPool,
        codes: CodeBook,
        records: SessionRecords,
        clock: Callable[[], float],
        random: RandomBytes,
    ) -> None:
        self._platforms = platforms
        self._pool = pool
        self._codes = codes
        self._records = records
        self._clock = clock
        self._random = random

    async def log_in(self, login: Exchange, states: States, caller: Caller) -> LoggedIn:
        """Exchange the code of a login decision. Raises a ``Refusal``."""
        plugin = login.route.login
        if plugin is None:
            raise ValueError(f"route {login.route.id} has no login plugin")
        app = plugin.app

        async def exchange(spend: Spend) -> LoggedIn:
            found = await self._platforms.code2session(app, login.code)
            replaces = await self._replaced(login, states, plugin)
            seen = self._pool.seen(
                IdentityKey(app.platform, app.appid, found.openid), found.unionid, found.session_key, self._clock()
            )
            pending = _Pending(plugin, found, caller, replaces, seen, spend)
            return await self._records.database.write(self._write_all, pending)

        logged_in = await self._codes.once(f"{app.platform}/{app.appid}", login.code, login.received, exchange)
        if logged_in.reference:
            states.references.put(digest_of(logged_in.reference.reveal()), logged_in.claims)
        return logged_in

    async def _write_all(self, connection: AsyncConnection, logins: Sequence[_Pending]) -> Sequence[LoggedIn]:
        """User, session and spent code of many logins in one transaction: a login is whole or did not happen."""
        users = await self._pool.sign_in_all(connection, [login.seen for login in logins])
        opened = [self._opened(login, user) for login, user in zip(logins, users, strict=True)]
        await self._records.open_all(connection, [new for _, new in opened])
        await finish_codes(connection, [each.spend(done) for each, (done, _) in zip(logins, opened, strict=True)])
        return [done for done, _ in opened]

    def _opened(self, login: _Pending, user: SignedIn) -> tuple[LoggedIn, NewSession]:
        app, rules, found = login.plugin.app, login.plugin.session, login.found
        claims = first_claims(
            rules,
            sub=user.uid,
            sid=new_id(self._random),
            platform=app.platform,
            appid=app.appid,
            openid=found.openid,
            unionid=found.unionid,
            claims={name: user.claims[name] for name in rules.claims if name in user.claims},
            now=login.seen.at,
        )
        by_reference = rules.kind == "reference"
        reference = new_reference(self._random) if by_reference else ""
        seed = new_reference(self._random) if by_reference and rules.refresh else ""
        new = NewSession(
            claims=claims,
            kind=rules.kind,
            plugin=login.plugin.name,
            digest=digest_of(reference) if reference else "",
            refresh_expires_at=claims.iat + rules.refresh.expires_in * 60 if rules.refresh else 0,
            max_sessions=rules.max_sessions,
            replaces=login.replaces,
            ip=login.caller.ip,
            user_agent=login.caller.user_agent,
        )
        return LoggedIn(claims, found.session_key, user.new_user, Secret(reference), Secret(seed)), new

    async def _replaced(self, login: Exchange, states: States, plugin: LoginPlugin) -> str:
        """The session whose state was presented, "" where there was none: it must not outlive this login.

        Otherwise who planted a state of his on another's phone would share the session that the login makes, or a
        state that leaked before a new login would go on being good (attack class 27).
        """
        state = login.presented
        if state is None:
            return ""
        try:
            kind = kind_of(state)
            if kind == "reference":
                record = await self._records.find(digest_of(state))
                ours = record is not None and (record.platform, record.appid) == (plugin.app.platform, plugin.app.appid)
                return record.sid if record is not None and ours else ""
            claims = states.open(kind, state, 0.0)  # of any age: its refresh token may be alive
        except (SessionInvalid, SessionExpired):
            return ""
        return claims.sid if claims is not None and same_app(claims, plugin) else ""
