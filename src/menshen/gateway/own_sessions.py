"""What clients do to their own sessions: a fresh state for a refresh token, logout, the list.

They are asked for at one place for every app, so the plugin is found by what was sent: a login state names its app, and
so does a refresh token. Nothing else in a request is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from menshen.config.snapshot import LoginPlugin
from menshen.config.user_rules import AccountSource
from menshen.errors import AmbiguousCredential, RefreshInvalid, RefreshReused, SessionExpired, SessionRevoked
from menshen.gateway.answer import handed
from menshen.gateway.bearers import Bearer
from menshen.gateway.credentials import cookie_value
from menshen.gateway.decide import IsRevoked, same_app
from menshen.gateway.request import AuthRequest
from menshen.gateway.returning import Handed
from menshen.sessions.claims import SessionClaims
from menshen.sessions.lifetimes import renewable
from menshen.sessions.loading import claims_of
from menshen.sessions.records import Record, RefreshRefused, RefreshTerms, SessionRecords
from menshen.sessions.reference import digest_of, following_reference
from menshen.sessions.refresh import RefreshClaims
from menshen.sessions.states import States

__all__ = ["OwnSessions", "refresh_token"]

_LISTED = 100


class OwnSessions:
    """``ended`` is told of every session that ends here, so that this process knows before it comes round."""

    def __init__(self, records: SessionRecords, is_revoked: IsRevoked, ended: Callable[[SessionClaims], None]) -> None:
        self._records = records
        self._is_revoked = is_revoked
        self._ended = ended

    async def refresh(
        self,
        token: RefreshClaims,
        plugins: Sequence[LoginPlugin],
        received: float,
        states: States,
        now: float,
        accounts: AccountSource,
    ) -> tuple[LoginPlugin, SessionClaims, Handed]:
        """The next state and token of a session, by the plugin that is responsible for it. ``accounts``: whose count.

        Raises ``RefreshInvalid``, ``RefreshReused``, ``SessionExpired``, ``SessionRevoked``.
        """
        plugin = _plugin_of(token, plugins)
        rules = plugin.session
        if rules.refresh is None:
            raise RefreshInvalid("the plugin has no refresh tokens")
        seed = (token.seed or states.refresh.new_seed()) if rules.kind == "reference" else ""
        reference = following_reference(seed, token.generation + 1) if seed else ""
        terms = RefreshTerms(
            expires_in=rules.expires_in * 60,
            idle=rules.idle * 60,
            renewable=renewable(rules),
            refresh_expires_in=rules.refresh.expires_in * 60,
            claims=rules.claims,
            digest=digest_of(reference) if reference else "",
            kind=rules.kind,
            account_source=accounts,
            tags=plugin.identity_tags,
        )
        rotation = await self._records.rotate(token.sid, token.generation, received, terms, now)
        if isinstance(rotation, RefreshRefused):
            if rotation.record is None:
                raise RefreshInvalid("of no session")
            if rotation.record.ended_at is None:
                raise SessionExpired
            self._ended(claims_of(rotation.record))
            raise RefreshReused(token.sid) if rotation.outcome == "reused" else SessionRevoked
        claims = claims_of(rotation.record)
        if self._is_revoked(claims) or not same_app(claims, plugin):
            raise SessionRevoked
        return plugin, claims, handed(plugin, claims, states, now, reference, seed, rotation.generation)

    async def end(self, claims: SessionClaims) -> int:
        """End the caller's session. How many ended."""
        ended = await self._records.end([claims.sid], "logout")
        self._ended(claims)
        return ended

    async def end_all(self, claims: SessionClaims) -> int:
        """End every session of the caller's."""
        ended = await self._records.end_user(claims.sub, "logout")
        self._ended(claims)
        return ended

    async def end_one(self, claims: SessionClaims, sid: str) -> int:
        """End one session of the caller's; another's is as unknown as none."""
        record = await self._records.get(sid)
        if record is None or record.uid != claims.sub:
            return 0
        ended = await self._records.end([sid], "logout")
        self._ended(claims_of(record))
        return ended

    async def listed(self, claims: SessionClaims) -> Sequence[Record]:
        """The newest live sessions of the caller."""
        return await self._records.list(uid=claims.sub, limit=_LISTED)

    async def plugin_of(self, bearer: Bearer) -> LoginPlugin:
        """The plugin that gave the session, where it still reads such states; else one that gives the same."""
        record = await self._records.get(bearer.claims.sid)
        for plugin in bearer.readers:
            if record is not None and plugin.name == record.plugin and plugin.session.kind == record.kind:
                return plugin
        return bearer.plugin


def refresh_token(request: AuthRequest, in_body: str, plugins: Sequence[LoginPlugin]) -> bytes:
    """The token of the body, or of the cookie that only this path gets.

    Raises ``RefreshInvalid`` where there is none, ``AmbiguousCredential`` for two different ones.
    """
    names = {plugin.session.refresh.name for plugin in plugins if plugin.session.refresh is not None}
    tokens = {value for name in sorted(names) if (value := cookie_value(request, name))}
    if in_body:
        tokens.add(in_body.encode("utf-8", "replace"))
    if len(tokens) > 1:
        raise AmbiguousCredential("two refresh tokens")
    if not tokens:
        raise RefreshInvalid("none")
    return tokens.pop()


def _plugin_of(token: RefreshClaims, plugins: Sequence[LoginPlugin]) -> LoginPlugin:
    """The plugin that gave the token, or another of the same app where that one is gone."""
    same = [p for p in plugins if (p.app.platform, p.app.appid) == (token.platform, token.appid)]
    same.sort(key=lambda plugin: (plugin.name != token.plugin, plugin.session.refresh is None))
    if not same:
        raise RefreshInvalid("of an app without a plugin here")
    return same[0]
