"""The access token of each app: one holder for the whole installation, and for the team's other services.

A platform's old token dies soon after the next one is made, so services that each fetch their own keep each other
locked out. Here a token rests, sealed, in the database; whichever process first finds it due claims the row and asks
the platform, the others go on with the old one, or wait if there is none.

A token that the platform refuses is not simply thrown away: the refusal may be the late answer to a call that began
before somebody else had the next token, and throwing that one away would start the same again (attack class 42). So
what is refused is compared with what there is, and only the very token that was refused is replaced.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from menshen.config.snapshot import App, Component
from menshen.errors import (
    DatabaseUnavailable,
    InternalFault,
    KeyRingInvalid,
    NotOffered,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformTimeout,
    Refusal,
)
from menshen.figures.counting import Counts
from menshen.gateway.component_tickets import ComponentTickets
from menshen.platforms.base import Flow, Platform, PlatformToken, TicketTokens, TokenRefused
from menshen.platforms.client import PlatformClient
from menshen.platforms.registry import adapter_of
from menshen.secret import Secret
from menshen.sessions.claims import RandomBytes
from menshen.storage.access_tokens import (
    TokenKey,
    TokenRow,
    claim_token,
    find_token,
    find_tokens,
    release_token,
    store_token,
)
from menshen.storage.database import Database
from menshen.storage.sealing import Sealer

__all__ = ["AHEAD", "LEASE", "AccessTokens", "as_app"]

T = TypeVar("T")

AHEAD: Final = 295.0
"""Seconds before its end that a token is due. WeChat gives the next one in the last five minutes, in which both are
good; a few seconds later than that, for the platform's clock decides."""

LEASE: Final = 6.5
"""Seconds that a process may take to fetch: two calls, and the writing. After that it counts as dead."""

_PATIENCE = 3.5
"""Seconds beyond the lease that a request waits: for a dead holder's successor to fetch."""

_HOLD_OFF = 10.0
"""Seconds between attempts to replace a token that is still good."""

_MOST_CALLS = 4
"""With the token in memory, with one that others stored, with a new one; and once more should they be at it too."""

_OF_COMPONENTS: Final = "wechat component"
"""In the place of a platform, whose name has no space: a package may bring any other."""

_FIRST_LOOK, _SLOWEST_LOOK = 0.005, 0.1


@dataclass(frozen=True, slots=True)
class _Held:
    """A token and its times (Unix seconds)."""

    token: Secret
    fetched_at: float
    expires_at: float

    @property
    def due_at(self) -> float:
        return _due_at(self.fetched_at, self.expires_at)

    def good(self, now: float, refused: Secret | None) -> bool:
        return now < self.expires_at and (refused is None or self.token != refused)


@dataclass(frozen=True, slots=True)
class _Found:
    """A token, and whether the platform has just given it: one that another process left may be old news."""

    held: _Held
    new: bool


def _due_at(fetched_at: float, expires_at: float) -> float:
    # A token that was short-lived from the start is used for half its life at least.
    return expires_at - min(AHEAD, (expires_at - fetched_at) / 2)


class AccessTokens:
    """``clock`` gives Unix seconds; ``lease`` is in seconds. Use in one event loop.

    The apps of one third-party platform (component) have its access token, for which ``tickets`` are needed.
    """

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        client: PlatformClient,
        clock: Callable[[], float],
        random: RandomBytes,
        *,
        lease: float = LEASE,
        counts: Counts | None = None,
        tickets: ComponentTickets | None = None,
    ) -> None:
        self._counts = counts or Counts()
        self._database = database
        self._sealer = sealer
        self._client = client
        self._clock = clock
        self._random = random
        self._lease = lease
        self._tickets = tickets
        # By :func:`_context`.
        self._held: dict[str, _Held] = {}
        self._hold_off: dict[str, float] = {}
        self._renewals: dict[tuple[str, Secret | None], asyncio.Task[_Found]] = {}

    @property
    def platforms(self) -> Mapping[str, Platform]:
        """The adapters, by platform."""
        return self._client.platforms

    async def run(self, app: App, flow_of: Callable[[Secret], Flow[T]], *, counted: bool = False) -> T:
        """The result of a flow that needs the app's token. ``counted``: who asks counts its calls already.

        A token that is refused is replaced, and the flow run again: with the one that another process has stored, if
        there is one, and once with one that the platform has just given. Raises what the flow raises,
        PlatformRefusedUs where that one is refused too, and what :meth:`token` raises.
        """
        found, errcode = _Found(await self._current(app), new=False), None
        for _ in range(_MOST_CALLS):
            try:
                flow = flow_of(found.held.token)
                return await (self._client.run(flow) if counted else self._called(app, flow))
            except TokenRefused as refused:
                errcode = refused.platform_errcode
            if found.new:
                break
            found = await self._other_than(app, found.held.token)
        raise PlatformRefusedUs("a token that the platform has just given is refused", platform_errcode=errcode)

    async def token(self, app: App) -> tuple[Secret, int]:
        """The app's token and the seconds it has left.

        Raises the platform refusals of ``menshen.errors``: PlatformRefusedUs, PlatformLimit, PlatformBusy and its
        kinds; PlatformTimeout also where another process does not come to an end; DatabaseUnavailable. NotOffered for
        an app of a component: that has no token of its own, and the component's would open every customer's app.
        """
        _has_own(app)
        return self._told(await self._current(app))

    async def newer(self, app: App, refused: Secret) -> tuple[Secret, int]:
        """A token other than this one, which the platform refused: what there is by now, or a new one.

        Raises as :meth:`token`, and PlatformLimit where the platform goes on giving the one that it refuses.
        """
        _has_own(app)
        return self._told((await self._other_than(app, refused)).held)

    async def refresh_ahead(self, apps: Iterable[App]) -> dict[str, Refusal]:
        """Replace the tokens that are due, of apps whose token has been asked for before. App name -> what failed."""
        async with self._database.reading() as connection:
            found = await find_tokens(connection)
        failed: dict[str, Refusal] = {}
        for app in apps:
            times = found.get(_key(app))
            if times is None or self._clock() < _due_at(*times):
                continue
            try:
                await self._renewed(app, None)
            except Refusal as refusal:
                failed[app.name] = refusal
        return failed

    def _told(self, held: _Held) -> tuple[Secret, int]:
        return held.token, max(0, int(held.expires_at - self._clock()))

    async def _current(self, app: App) -> _Held:
        key = _context(app)
        held, now = self._held.get(key), self._clock()
        if held is not None and now < held.due_at:
            return held
        alive = held is not None and held.good(now, None)
        if held is not None and alive and now < self._hold_off.get(key, 0.0):
            return held
        try:
            return (await self._renewed(app, None)).held
        except (Refusal, DatabaseUnavailable):
            if held is None or not alive:
                raise
        self._hold_off[key] = now + _HOLD_OFF
        return held

    async def _other_than(self, app: App, refused: Secret) -> _Found:
        held = self._held.get(_context(app))
        if held is not None and held.good(self._clock(), refused):
            return _Found(held, new=False)
        return await self._renewed(app, refused)

    async def _renewed(self, app: App, refused: Secret | None) -> _Found:
        """One renewal at a time in this process; who comes meanwhile shares it."""
        flight = (_context(app), refused)
        task = self._renewals.get(flight)
        if task is None:
            task = asyncio.create_task(self._renew(app, refused))
            self._renewals[flight] = task
            task.add_done_callback(lambda done: self._landed(flight, done))
        # Shielded: the client that set it off may hang up.
        return await asyncio.shield(task)

    def _landed(self, flight: tuple[str, Secret | None], done: asyncio.Task[_Found]) -> None:
        self._renewals.pop(flight, None)
        if not done.cancelled():
            done.exception()  # looked at here, for the case that every client has hung up

    async def _renew(self, app: App, refused: Secret | None) -> _Found:
        try:
            async with asyncio.timeout(self._lease + _PATIENCE):
                found = await self._through_database(app, refused)
        except TimeoutError:
            pass
        else:
            self._held[_context(app)] = found.held
            return found
        raise PlatformTimeout("another process did not finish fetching the access token")

    async def _through_database(self, app: App, refused: Secret | None) -> _Found:
        key, claim, pause = _key(app), self._random(16).hex(), _FIRST_LOOK
        while True:
            async with self._database.reading() as connection:
                row = await find_token(connection, key)
            held, now = self._unsealed(app, row), self._clock()
            good = held is not None and held.good(now, refused)
            if held is not None and good and now < held.due_at:
                return _Found(held, new=False)
            if row is None or row.claimed_until <= now:
                seen_at = row.fetched_at if row is not None else 0.0
                async with self._database.writing() as connection:
                    row = await claim_token(connection, key, claim, seen_at, now, now + self._lease)
                if row.claim == claim:
                    return _Found(await self._fetch(app, claim, refused), new=True)
                continue  # somebody was faster, or has stored another meanwhile
            if held is not None and good:
                return _Found(held, new=False)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _SLOWEST_LOOK)

    async def _fetch(self, app: App, claim: str, refused: Secret | None) -> _Held:
        key, now = _key(app), self._clock()  # from before the call: the token is no older than this
        try:
            got = await self._ask(app, refused)
        except Refusal:
            async with self._database.writing() as connection:
                await release_token(connection, key, claim)
            raise
        fetched = _Held(got.token, now, now + got.expires_in)
        sealed = self._sealer.seal(got.token, _context(app))
        async with self._database.writing() as connection:
            if await store_token(connection, key, claim, sealed, fetched.fetched_at, fetched.expires_at):
                return fetched
            row = await find_token(connection, key)
        # We took longer than the lease; what the successor has stored is what everybody else uses.
        stored = self._unsealed(app, row)
        return stored if stored is not None and stored.good(self._clock(), refused) else fetched

    async def _ask(self, app: App, refused: Secret | None) -> PlatformToken:
        flow = await self._asking(app)
        got = await self._called(app, flow(False))
        if refused is None or got.token != refused:
            return got
        # Only now: force kills a token that other holders may be using, and there are few of it a day.
        got = await self._called(app, flow(True))
        if got.token == refused:
            raise PlatformLimit("the platform goes on giving the access token that it refuses")
        return got

    async def _asking(self, app: App) -> Callable[[bool], Flow[PlatformToken]]:
        """How the platform is asked, with force or without. Raises ComponentTicketMissing."""
        platform = adapter_of(app, self.platforms)
        if not isinstance(platform, TicketTokens):
            return lambda force: platform.access_token(app, force)
        if app.component is None or self._tickets is None:
            raise InternalFault("a token by ticket without tickets")
        ticket = await self._tickets.newest(app.component)
        return lambda _: platform.access_token_by(app, ticket)

    async def _called(self, app: App, flow: Flow[T]) -> T:
        with self._counts.calling(app.platform, app.name):
            return await self._client.run(flow)

    def _unsealed(self, app: App, row: TokenRow | None) -> _Held | None:
        if row is None or not row.sealed_token:
            return None
        try:
            return _Held(self._sealer.unseal(row.sealed_token, _context(app)), row.fetched_at, row.expires_at)
        except KeyRingInvalid:
            return None  # of another master key, address or AppSecret; a token can be fetched again


def as_app(component: Component) -> App:
    """A component itself, to ask for its own access token."""
    return App(component.name, "wechat", component.appid, Secret(""), component.base_url, component=component)


def _has_own(app: App) -> None:
    if app.component is not None and app.component.appid != app.appid:
        raise NotOffered("an app of a component has no access token of its own here")


def _key(app: App) -> TokenKey:
    if app.component is not None:
        return TokenKey(_OF_COMPONENTS, app.component.appid)
    return TokenKey(app.platform, app.appid)


def _context(app: App) -> str:
    """Whose a token is, where it came from and for what: it is good for nothing else.

    An operator who does not know the AppSecret could otherwise write one that he has made up beside a ``base_url`` of
    his own, and be sent the token with the next call. Nor is a token that came for a wrong secret to outlive it.
    """
    key, secret = _key(app), app.secret if app.component is None else app.component.secret
    asked = hashlib.sha256(json.dumps([app.base_url, app.platform_key, secret.reveal()]).encode()).hexdigest()
    return f"{key.platform}/{key.appid}/{asked}"
