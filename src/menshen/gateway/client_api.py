"""What a client may ask the gateway itself: a fresh state for a refresh token, logout, the list of its sessions.

They are answered for every app at one place, so the plugin is found by what was sent: a login state names its app, and
so does a refresh token. Nothing else in a request is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from menshen.config.snapshot import LoginPlugin, Snapshot
from menshen.errors import (
    AmbiguousCredential,
    CallMalformed,
    RefreshInvalid,
    RefreshReused,
    SessionExpired,
    SessionInvalid,
    SessionRevoked,
)
from menshen.gateway.answer import Answer, answer_json, handed
from menshen.gateway.credentials import body_fields, cookie_value, find_any_state
from menshen.gateway.decide import IsRevoked, same_app
from menshen.gateway.request import AuthRequest
from menshen.gateway.returning import cleared, returned
from menshen.gateway.wire import CLIENT_API, ClientCall, stamp
from menshen.sessions.claims import SessionClaims
from menshen.sessions.lifetimes import renewable
from menshen.sessions.loading import ReferenceLoader, claims_of
from menshen.sessions.records import RefreshRefused, RefreshTerms, SessionRecords
from menshen.sessions.reference import digest_of, following_reference
from menshen.sessions.refresh import RefreshClaims
from menshen.sessions.states import States, kind_of

__all__ = ["ClientApi", "ClientRoute", "client_table"]

_LISTED = 100


@dataclass(frozen=True, slots=True)
class ClientRoute:
    """One endpoint in one revision, with the plugins whose clients may call it."""

    call: ClientCall
    plugins: tuple[LoginPlugin, ...]


def client_table(snapshots: Sequence[Snapshot]) -> Mapping[str, ClientRoute]:
    """Envoy's stamp -> endpoint, for every snapshot that Envoy may still be running."""
    table = {}
    for snapshot in snapshots:
        plugins = {route.login.name: route.login for route in snapshot.routes if route.login is not None}
        for call in CLIENT_API:
            table[stamp(f"~{call}", snapshot.checksum)] = ClientRoute(call, tuple(plugins.values()))
    return table


class ClientApi:
    """``ended`` is told of every session that ends here, so that this process knows before it comes round."""

    def __init__(
        self,
        records: SessionRecords,
        loader: ReferenceLoader,
        is_revoked: IsRevoked,
        ended: Callable[[SessionClaims], None],
    ) -> None:
        self._records = records
        self._loader = loader
        self._is_revoked = is_revoked
        self._ended = ended

    async def answer(self, route: ClientRoute, request: AuthRequest, states: States, now: float) -> Answer:
        """Raises a ``Refusal``."""
        match route.call:
            case "token":
                return await self._token(route, request, states, now)
            case "logout":
                return await self._logout(route, request, states, now)
            case "sessions":
                return await self._sessions(route, request, states, now)

    async def _token(self, route: ClientRoute, request: AuthRequest, states: States, now: float) -> Answer:
        token = states.refresh.open(_refresh_token(route, request), now)
        plugin = _plugin_of(token, route.plugins)
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
        )
        rotation = await self._records.rotate(token.sid, token.generation, request.received, terms, now)
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
        given = handed(plugin, claims, states, now, reference, seed, rotation.generation)
        body = {
            rules.name: given.state,
            "expires_in": given.expires_in,
            "refresh_token": given.refresh_token,
            "refresh_expires_in": given.refresh_expires_in,
            "uid": claims.sub,
        }
        return answer_json(body, returned(plugin, given))

    async def _logout(self, route: ClientRoute, request: AuthRequest, states: States, now: float) -> Answer:
        """Ends the caller's session, however old its state; with ``session`` or ``all`` others of the same user."""
        readers, state = find_any_state(request, route.plugins)
        match body_fields(request) or []:
            case []:
                return await self._end_own(readers, state, states)
            case [("all", True)]:
                claims = await self._valid(readers, state, states, now)
                ended = await self._records.end_user(claims.sub, "logout")
                self._ended(claims)
                return answer_json({"ended": ended}, cleared(readers))
            case [("session", str() as sid)]:
                claims = await self._valid(readers, state, states, now)
                record = await self._records.get(sid)
                if record is None or record.uid != claims.sub:
                    return answer_json({"ended": 0}, [])  # another's session is as unknown as none
                ended = await self._records.end([sid], "logout")
                self._ended(claims_of(record))
                return answer_json({"ended": ended}, cleared(readers) if sid == claims.sid else [])
        raise CallMalformed("logout takes session or all")

    async def _end_own(self, readers: Sequence[LoginPlugin], state: bytes, states: States) -> Answer:
        """Logging out never fails for a state of ours: too old or ended already, it is as gone as it should be."""
        try:
            claims = await self._genuine(readers, state, states, 0.0)
        except SessionRevoked:
            return answer_json({"ended": 0}, cleared(readers))
        ended = await self._records.end([claims.sid], "logout")
        self._ended(claims)
        return answer_json({"ended": ended}, cleared(readers))

    async def _sessions(self, route: ClientRoute, request: AuthRequest, states: States, now: float) -> Answer:
        readers, state = find_any_state(request, route.plugins)
        claims = await self._valid(readers, state, states, now)
        names = {(p.app.platform, p.app.appid): p.app.name for p in route.plugins}
        listed = [
            {
                "id": record.sid,
                "app": names.get((record.platform, record.appid), record.appid),
                "platform": record.platform,
                "created_at": record.auth,
                "last_seen_at": record.last_seen_at,
                "expires_at": record.expires_at,
                "ip": record.ip,
                "user_agent": record.user_agent,
                "current": record.sid == claims.sid,
            }
            for record in await self._records.list(uid=claims.sub, limit=_LISTED)
        ]
        return answer_json({"sessions": listed}, [])

    async def _valid(self, plugins: Sequence[LoginPlugin], state: bytes, states: States, now: float) -> SessionClaims:
        claims = await self._genuine(plugins, state, states, now)
        if self._is_revoked(claims):
            raise SessionRevoked
        return claims

    async def _genuine(self, plugins: Sequence[LoginPlugin], state: bytes, states: States, now: float) -> SessionClaims:
        """The claims of a state that one of these plugins gives. Raises ``SessionInvalid``, ``SessionExpired``."""
        kind = kind_of(state)
        claims = states.open(kind, state, now)
        if claims is None:
            claims = await self._loader.load(state, now)
        if not any(plugin.session.kind == kind and same_app(claims, plugin) for plugin in plugins):
            raise SessionInvalid("of an app without a plugin here")
        return claims


def _refresh_token(route: ClientRoute, request: AuthRequest) -> bytes:
    """The token of the body, or of the cookie that only this path gets. Two different ones are a 400, as two states."""
    in_body: list[Any] = [value for key, value in body_fields(request) or () if key == "refresh_token"]
    if not all(isinstance(value, str) for value in in_body):
        raise RefreshInvalid("not a string")
    names = {plugin.session.refresh.name for plugin in route.plugins if plugin.session.refresh is not None}
    in_cookies = [value for name in sorted(names) if (value := cookie_value(request, name))]
    tokens: set[bytes] = {*(value.encode("utf-8", "replace") for value in in_body), *in_cookies}
    if len(tokens) > 1 or len(in_body) > 1:
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
