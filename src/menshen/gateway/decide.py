"""The brain: one pure function from a request to a decision.

It does no I/O, reads no clock and knows no server. A login cannot be decided without asking the platform, so for it
the answer is :class:`Exchange`, which ``login.py`` carries out; a reference that is not at hand is :class:`Load`, and
:func:`admit` goes on when its record is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from menshen.config.login_rules import SessionKind
from menshen.config.snapshot import LoginPlugin, Route, Snapshot
from menshen.errors import CodeMalformed, Refusal, RouteStale, SessionInvalid, SessionMissing, SessionRevoked
from menshen.gateway.credentials import find_credentials
from menshen.gateway.decision import Allow, Decision, Deny, Exchange, Load
from menshen.gateway.request import AuthRequest
from menshen.gateway.wire import stamp
from menshen.platforms.base import Platform
from menshen.platforms.registry import PLATFORMS, adapter_of
from menshen.sessions.claims import SessionClaims
from menshen.sessions.lifetimes import renewed

__all__ = ["IsRevoked", "OpenState", "RouteTable", "admit", "decide", "route_table", "same_app"]

RouteTable = Mapping[str, Route]
"""Envoy's stamp ``id@checksum`` -> route, for every snapshot that Envoy may still be running."""

OpenState = Callable[[SessionKind, bytes, float], SessionClaims | None]
"""Opens a login state of a kind at a time; None where its record must be loaded. Raises as ``States.open`` does."""

IsRevoked = Callable[[SessionClaims], bool]


def route_table(snapshots: tuple[Snapshot, ...]) -> RouteTable:
    return {stamp(route.id, snapshot.checksum): route for snapshot in snapshots for route in snapshot.routes}


def decide(
    request: AuthRequest,
    routes: RouteTable,
    open_state: OpenState,
    is_revoked: IsRevoked,
    now: float,
    adapters: Mapping[str, Platform] = PLATFORMS,
) -> Decision:
    """Allow, refuse, or say what must be done first. Never raises for anything a request contains.

    ``adapters``: those of the platforms, which know what a code looks like.
    """
    route = routes.get(request.route)
    if route is None:
        # Unknown to this brain: another revision, or a caller that is not our Envoy. Never guess (attack class 18).
        return Deny(RouteStale())
    plugin = route.login
    if plugin is None:
        return Allow(route, None)
    try:
        credentials = find_credentials(request, plugin)
        state = credentials.state
        if credentials.code is not None:
            code = _checked(credentials.code, adapter_of(plugin.app, adapters))
            beside = (credentials.username, credentials.password, credentials.open_data)
            return Exchange(route, code, request.received, state, *beside)
        if state is None:
            if route.access == "optional":
                return Allow(route, None)
            raise SessionMissing
        claims = open_state(plugin.session.kind, state, now)
    except Refusal as refusal:
        return Deny(refusal, route)
    if claims is None:
        return Load(route, state)
    return admit(route, plugin, claims, state, is_revoked, now)


def admit(
    route: Route, plugin: LoginPlugin, claims: SessionClaims, state: bytes, is_revoked: IsRevoked, now: float
) -> Allow | Deny:
    """Whether a genuine state of nobody knows which app, perhaps revoked, is good on this route."""
    if not same_app(claims, plugin):
        return Deny(SessionInvalid("of another app"), route)
    if is_revoked(claims):
        return Deny(SessionRevoked(), route)
    return Allow(route, claims, state, renewed(claims, plugin.session, now))


def same_app(claims: SessionClaims, plugin: LoginPlugin) -> bool:
    """A state of one app is nothing at another's door, though the same keys made it (attack classes 20, 41)."""
    return claims.appid == plugin.app.appid and claims.platform == plugin.app.platform


def _checked(code: str, platform: Platform) -> str:
    if not platform.code_pattern.fullmatch(code):
        raise CodeMalformed(f"{len(code)} characters")
    return code
