"""Binding and unbinding: what a user who is logged in does with the ways in that he has.

Each is one transaction: what is refused has changed nothing. Its answer is a new session in place of the caller's, so
that what has changed is in the login state at once, and a state that leaked before is good no more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.config.snapshot import App, LoginPlugin, Snapshot
from menshen.config.user_rules import AccountRules
from menshen.errors import CodeMalformed, CodeUsed, Refusal, SessionRevoked, UserBanned
from menshen.gateway.bearers import Bearer
from menshen.gateway.codes import CodeBook, LoggedIn, Spend
from menshen.gateway.decide import same_app
from menshen.gateway.issue import Caller, Issuer
from menshen.gateway.proofs import CodeExchange
from menshen.platforms.base import Platform
from menshen.platforms.registry import PLATFORMS, adapter_of
from menshen.storage.account_owners import find_accounts_of
from menshen.storage.bindings import Bound, find_bound, session_stands
from menshen.storage.codes import finish_codes
from menshen.storage.database import Database
from menshen.storage.identities import IdentityKey, claim_names
from menshen.storage.revocations import in_order
from menshen.storage.session_rows import tags_of_login
from menshen.storage.user_rows import UserRow, find_user, lock_users
from menshen.users.binding import (
    Unbound,
    bind_account,
    bind_identity,
    bind_phone,
    names_of,
    unbind_account,
    unbind_identity,
    unbind_phone,
)
from menshen.users.entering import Bound as Thing
from menshen.users.entering import ProvenAccount, ProvenPhone
from menshen.users.outbox import UserEvent, emit
from menshen.users.pool import UserPool
from menshen.users.ways_in import DoorsOpen

__all__ = ["Asking", "Bindings", "doors_open"]


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks: the holder of a login state that has been checked, from where, under which rules."""

    bearer: Bearer
    caller: Caller
    rules: Snapshot

    @property
    def uid(self) -> str:
        return self.bearer.claims.sub


Act = Callable[[AsyncConnection], Awaitable[bool | Unbound]]
"""Binds or unbinds, with the user's row locked; whether that changed anything."""


@dataclass(frozen=True, slots=True)
class _Change:
    """``names`` are claimed before the user's row is locked. ``openid`` and ``unionid`` are for the new session."""

    asking: Asking
    thing: Thing
    act: Act
    at: float
    app: App
    openid: str
    unionid: str
    names: Sequence[str] = ()
    spend: Spend | None = None


class Bindings:
    """``clock`` gives Unix seconds."""

    def __init__(
        self,
        database: Database,
        platforms: CodeExchange,
        pool: UserPool,
        codes: CodeBook,
        issuer: Issuer,
        clock: Callable[[], float],
        *,
        adapters: Mapping[str, Platform] = PLATFORMS,
    ) -> None:
        self._database = database
        self._platforms = platforms
        self._adapters = adapters
        self._pool = pool
        self._codes = codes
        self._issuer = issuer
        self._clock = clock

    async def user(self, uid: str) -> tuple[UserRow, Bound]:
        """The user with all that is bound to him; for looking before something is spent that works only once.

        Raises ``UserBanned``, and ``SessionRevoked`` for a user who is no more.
        """
        async with self._database.reading() as connection:
            user = _present(await find_user(connection, uid), self._clock())
            return user, await find_bound(connection, uid)

    async def bind_identity(self, asking: Asking, plugin: LoginPlugin, code: str, received: float) -> LoggedIn:
        """Bind the identity behind this code of the plugin's app; ``received`` is when Envoy had the request.

        Raises what the exchange of a code raises, and ``IdentityConflict`` where it is another user's.
        """
        app, claims = plugin.app, asking.bearer.claims
        if not adapter_of(app, self._adapters).code_pattern.fullmatch(code):
            raise CodeMalformed(f"{len(code)} characters")
        await self.user(asking.uid)
        match_unionid = asking.rules.users.match_unionid

        async def exchange(spend: Spend) -> LoggedIn:
            found = await self._platforms.code2session(app, code)
            at = self._clock()
            key = IdentityKey(app.platform, app.appid, found.openid)
            seen = self._pool.seen(key, found.unionid, found.session_key, at)
            fills = not claims.openid and same_app(claims, plugin)
            change = _Change(
                asking,
                "identity",
                lambda connection: bind_identity(connection, asking.uid, seen, match_unionid),
                at,
                app,
                found.openid if fills else claims.openid,
                found.unionid if fills else claims.unionid,
                names_of(seen, match_unionid),
                spend,
            )
            return await self._make(change)

        bound = await self._codes.once(f"{app.platform}/{app.appid}", code, received, exchange)
        if bound.claims.sub != asking.uid or not same_app(bound.claims, asking.bearer.plugin):
            # The code went to a login at the same time, whose outcome is nothing to this caller.
            raise CodeUsed
        return bound

    async def bind_account(self, asking: Asking, proven: ProvenAccount) -> LoggedIn:
        """Bind an account whose password was right just now. Raises ``AccountTaken`` and ``AlreadyBound``."""
        at = int(self._clock())
        return await self._change(
            asking, "account", lambda connection: bind_account(connection, asking.uid, proven, at)
        )

    async def bind_phone(self, asking: Asking, proven: ProvenPhone) -> LoggedIn:
        """Bind a number that was shown just now. Raises ``PhoneTaken`` and ``AlreadyBound``."""
        at = int(self._clock())
        return await self._change(asking, "phone", lambda connection: bind_phone(connection, asking.uid, proven, at))

    async def unbind_identity(self, asking: Asking, id_: int) -> LoggedIn:
        """Raises ``NotBound`` and ``LastWayIn``, as the two below. Every session that carries it is over."""
        doors, now = doors_open(asking.rules, self._adapters), self._clock()
        return await self._change(
            asking, "identity", lambda connection: unbind_identity(connection, asking.uid, id_, doors, now)
        )

    async def unbind_account(self, asking: Asking) -> LoggedIn:
        doors, now = doors_open(asking.rules, self._adapters), self._clock()
        return await self._change(
            asking, "account", lambda connection: unbind_account(connection, asking.uid, doors, now)
        )

    async def unbind_phone(self, asking: Asking) -> LoggedIn:
        doors, now = doors_open(asking.rules, self._adapters), self._clock()
        return await self._change(asking, "phone", lambda connection: unbind_phone(connection, asking.uid, doors, now))

    async def _change(self, asking: Asking, thing: Thing, act: Act) -> LoggedIn:
        claims = asking.bearer.claims
        app = asking.bearer.plugin.app
        return await self._make(_Change(asking, thing, act, self._clock(), app, claims.openid, claims.unionid))

    async def _make(self, change: _Change) -> LoggedIn:
        answer = await self._database.write(self._make_all, change)
        if isinstance(answer, Refusal):
            raise answer
        return answer

    async def _make_all(self, connection: AsyncConnection, changes: Sequence[_Change]) -> Sequence[LoggedIn | Refusal]:
        """A refusal is an answer, so that it does not undo what others of the transaction have done."""
        await in_order(connection)
        await claim_names(connection, {name for change in changes for name in change.names})
        users = await lock_users(connection, {change.asking.uid for change in changes})
        answers: list[LoggedIn | Refusal] = []
        for change in changes:
            try:
                answers.append(await self._made(connection, change, users.get(change.asking.uid)))
            except Refusal as refusal:
                answers.append(refusal)
        return answers

    async def _made(self, connection: AsyncConnection, change: _Change, row: UserRow | None) -> LoggedIn:
        asking, claims = change.asking, change.asking.bearer.claims
        user = _present(row, change.at)
        if not await session_stands(connection, user.uid, claims.sid):
            # Ended since it was checked. What is ended must not live on in a session made of it (attack class 27).
            raise SessionRevoked
        done = await change.act(connection)
        gone = done.identity if isinstance(done, Unbound) else None
        carried = gone is not None and (gone.platform, gone.appid, gone.openid) == (
            claims.platform,
            claims.appid,
            claims.openid,
        )
        logged_in, new = self._issuer.opening(
            asking.bearer.plugin,
            uid=user.uid,
            claims=user.claims,
            account=await self._account(connection, user.uid, asking.rules.users.accounts),
            openid="" if carried else change.openid,
            unionid="" if carried else change.unionid,
            caller=asking.caller,
            replaces=claims.sid,
            at=int(change.at),
            # It is of the same login: who is new and binds a number is new still.
            tags={**user.vouched, **tags_of_login(claims.tags)},
        )
        await self._issuer.open_all(connection, [new])
        await self._tell(connection, change, done)
        if change.spend is not None:
            await finish_codes(connection, [change.spend(logged_in)])
        return logged_in

    @staticmethod
    async def _account(connection: AsyncConnection, uid: str, rules: AccountRules) -> str:
        """The user's account, where those of its source count."""
        source, name = (await find_accounts_of(connection, [uid])).get(uid, ("", ""))
        return name if source == rules.source else ""

    @staticmethod
    async def _tell(connection: AsyncConnection, change: _Change, done: bool | Unbound) -> None:
        if done is False:  # it was so before
            return
        app, platform = change.app.name, change.app.platform
        if isinstance(done, Unbound) and done.identity is not None:
            platform = done.identity.platform
            named = {(app.platform, app.appid): app.name for app in change.asking.rules.apps}
            app = named.get((platform, done.identity.appid), "")
        event = UserEvent(
            "unbind" if isinstance(done, Unbound) else "bind",
            change.asking.uid,
            int(change.at),
            app=app,
            platform=platform,
            request_id=change.asking.caller.request_id,
            reason=change.thing,
        )
        await emit(connection, [event], change.asking.rules.webhooks)


def doors_open(rules: Snapshot, adapters: Mapping[str, Platform]) -> DoorsOpen:
    """The ways in that these rules offer to whoever has them bound."""
    plugins = [route.login for route in rules.routes if route.login is not None]
    platforms = [adapter_of(plugin.app, adapters) for plugin in plugins]
    by_platform = rules.users.phone_owned == "sign_in" and any(p.phone_codes or p.phone_data for p in platforms)
    return DoorsOpen(
        apps=frozenset((plugin.app.platform, plugin.app.appid) for plugin in plugins),
        accounts=rules.users.accounts.source,
        phone=rules.users.sms is not None or by_platform,
    )


def _present(user: UserRow | None, now: float) -> UserRow:
    match user.standing(now) if user is not None else "closed":
        case "banned":
            raise UserBanned
        case "active" if user is not None:
            return user
    raise SessionRevoked("of no user")
