"""The brain: one pure function from a request to a decision.

It does no I/O, reads no clock and knows no server. A login cannot be decided without asking the platform, so for it
the answer is :class:`Exchange`, which ``login.py`` carries out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from menshen.config.snapshot import LoginPlugin, Route, Snapshot
from menshen.errors import CodeMalformed, Refusal, RouteStale, SessionInvalid, SessionMissing
from menshen.gateway.credentials import find_credentials
from menshen.gateway.decision import Allow, Decision, Deny, Exchange
from menshen.gateway.request import AuthRequest
from menshen.gateway.wire import stamp
from menshen.platforms.registry import PLATFORMS
from menshen.sessions.claims import SessionClaims

__all__ = ["OpenState", "RouteTable", "decide", "route_table"]

RouteTable = Mapping[str, Route]
"""Envoy's stamp ``id@checksum`` -> route, for every snapshot that Envoy may still be running."""

OpenState = Callable[[bytes, float], SessionClaims]
"""Opens a login state at a time; raises ``SessionInvalid`` or ``SessionExpired``."""


def route_table(snapshots: tuple[Snapshot, ...]) -> RouteTable:
    return {stamp(route.id, snapshot.checksum): route for snapshot in snapshots for route in snapshot.routes}


def decide(request: AuthRequest, routes: RouteTable, open_state: OpenState, now: float) -> Decision:
    """Allow, refuse, or say that a login is due. Never raises for anything a request contains."""
    route = routes.get(request.route)
    if route is None:
        # Unknown to this brain: another revision, or a caller that is not our Envoy. Never guess (attack class 18).
        return Deny(RouteStale())
    plugin = route.login
    if plugin is None:
        return Allow(route, None)
    try:
        credentials = find_credentials(request, plugin)
        if credentials.code is not None:
            return Exchange(route, _checked(credentials.code, plugin), request.received)
        if credentials.state is None:
            if route.access == "optional":
                return Allow(route, None)
            raise SessionMissing
        claims = open_state(credentials.state, now)
        _same_app(claims, plugin)
    except Refusal as refusal:
        return Deny(refusal, route)
    return Allow(route, claims)


def _same_app(claims: SessionClaims, plugin: LoginPlugin) -> None:
    """A state of one app is nothing at another's door, though the same keys made it (attack classes 20, 41)."""
    if claims.appid != plugin.app.appid or claims.platform != plugin.app.platform:
        raise SessionInvalid("of another app")


def _checked(code: str, plugin: LoginPlugin) -> str:
    if not PLATFORMS[plugin.app.platform].code_pattern.fullmatch(code):
        raise CodeMalformed(f"{len(code)} characters")
    return code
