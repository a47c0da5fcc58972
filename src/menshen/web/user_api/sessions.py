"""``token``, ``logout``, ``sessions``: what a client does to its own sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from menshen.errors import (
    CallMalformed,
    RefreshInvalid,
    RefreshReused,
    SessionExpired,
    SessionRevoked,
)
from menshen.gateway.answer import Answer, answer_json
from menshen.gateway.bearers import Bearers
from menshen.gateway.own_sessions import OwnSessions, refresh_token
from menshen.gateway.returning import cleared
from menshen.sessions.records import Record
from menshen.web.user_api.call import Body, Call
from menshen.web.user_api.endpoint import Endpoint
from menshen.web.user_api.given import Given, given_answer

__all__ = ["session_endpoints"]


class TokenBody(Body, frozen=True):
    """``refresh_token`` is left out where it lies in its cookie."""

    refresh_token: Annotated[str, msgspec.Meta(max_length=7000)] = ""


class LogoutBody(Body, frozen=True):
    """Nothing: this session. ``session`` is the id of one of the user's, ``all`` is each of them."""

    session: Annotated[str, msgspec.Meta(max_length=1024)] | msgspec.UnsetType = msgspec.UNSET
    all: bool | msgspec.UnsetType = msgspec.UNSET


class SessionsEnded(msgspec.Struct, frozen=True):
    """How many sessions ended."""

    ended: int


class ListedSession(msgspec.Struct, frozen=True):
    """A live session of the user. Times in Unix seconds."""

    id: str
    app: str
    platform: str
    created_at: int
    last_seen_at: int
    expires_at: int
    ip: str
    user_agent: str
    current: bool


class Listed(msgspec.Struct, frozen=True):
    """The newest first."""

    sessions: list[ListedSession]


def session_endpoints(own: OwnSessions, bearers: Bearers) -> tuple[Endpoint, ...]:
    async def token(call: Call, body: TokenBody) -> Answer:
        sent = refresh_token(call.request, body.refresh_token, call.plugins)
        claims = call.states.refresh.open(sent, call.now)
        accounts = call.snapshot.users.accounts.source
        given = await own.refresh(claims, call.plugins, call.request.received, call.states, call.now, accounts)
        return given_answer(*given)

    async def logout(call: Call, body: LogoutBody) -> Answer:
        match body.session, body.all:
            case msgspec.UNSET, msgspec.UNSET:
                return await end_own(call)
            case msgspec.UNSET, True:
                bearer = await bearers.valid(call.request, call.plugins, call.states, call.now)
                return answer_json(SessionsEnded(await own.end_all(bearer.claims)), cleared(bearer.readers))
            case str() as sid, msgspec.UNSET:
                bearer = await bearers.valid(call.request, call.plugins, call.states, call.now)
                ended = await own.end_one(bearer.claims, sid)
                return answer_json(SessionsEnded(ended), cleared(bearer.readers) if sid == bearer.claims.sid else [])
        raise CallMalformed("logout takes session or all")

    async def end_own(call: Call) -> Answer:
        """Logging out never fails for a state of ours: too old or ended already, it is as gone as it should be."""
        try:
            bearer = await bearers.genuine(call.request, call.plugins, call.states, 0.0)
        except SessionRevoked:
            return answer_json(SessionsEnded(0), cleared(call.plugins))
        return answer_json(SessionsEnded(await own.end(bearer.claims)), cleared(bearer.readers))

    async def sessions(call: Call, _: None) -> Answer:
        claims = call.bearer.claims
        names = {(plugin.app.platform, plugin.app.appid): plugin.app.name for plugin in call.plugins}
        records = await own.listed(claims)
        return answer_json(Listed([_shown(record, names, claims.sid) for record in records]), [])

    return (
        Endpoint(
            "POST",
            "token",
            "A fresh login state for a refresh token",
            token,
            "nothing",
            TokenBody,
            Given,
            (RefreshInvalid, RefreshReused, SessionExpired, SessionRevoked),
        ),
        Endpoint(
            "POST", "logout", "End this session, or others of the user", logout, "any state", LogoutBody, SessionsEnded
        ),
        Endpoint("GET", "sessions", "The user's live sessions", sessions, "state", None, Listed),
    )


def _shown(record: Record, names: Mapping[tuple[str, str], str], current: str) -> ListedSession:
    return ListedSession(
        id=record.sid,
        app=names.get((record.platform, record.appid), record.appid),
        platform=record.platform,
        created_at=record.auth,
        last_seen_at=record.last_seen_at,
        expires_at=record.expires_at,
        ip=record.ip,
        user_agent=record.user_agent,
        current=record.sid == current,
    )
