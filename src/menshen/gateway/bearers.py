"""Who calls the gateway itself: any login state that one of its plugins gives, and nothing else of the request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from menshen.config.snapshot import LoginPlugin
from menshen.errors import SessionInvalid, SessionRevoked
from menshen.gateway.credentials import find_any_state
from menshen.gateway.decide import IsRevoked, same_app
from menshen.gateway.request import AuthRequest
from menshen.sessions.claims import SessionClaims
from menshen.sessions.loading import ReferenceLoader
from menshen.sessions.states import States, kind_of

__all__ = ["Bearer", "Bearers", "Find"]

Find = Callable[[AuthRequest, Sequence[LoginPlugin]], tuple[tuple[LoginPlugin, ...], bytes]]
"""Finds the one login state of a request and the plugins that may have given it, as ``find_any_state`` does."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whose the login state is. ``readers`` are the plugins that read it where it was sent; ``plugin`` gives such."""

    claims: SessionClaims
    plugin: LoginPlugin
    readers: tuple[LoginPlugin, ...]


class Bearers:
    """The check of a login state for all the gateway's plugins at once."""

    def __init__(self, loader: ReferenceLoader, is_revoked: IsRevoked) -> None:
        self._loader = loader
        self._is_revoked = is_revoked

    async def valid(
        self,
        request: AuthRequest,
        plugins: Sequence[LoginPlugin],
        states: States,
        now: float,
        find: Find = find_any_state,
    ) -> Bearer:
        """Raises ``SessionMissing``, ``SessionInvalid``, ``SessionExpired``, ``SessionRevoked``, and
        ``AmbiguousCredential`` for two states."""
        bearer = await self.genuine(request, plugins, states, now, find)
        if self._is_revoked(bearer.claims):
            raise SessionRevoked
        return bearer

    async def genuine(
        self,
        request: AuthRequest,
        plugins: Sequence[LoginPlugin],
        states: States,
        now: float,
        find: Find = find_any_state,
    ) -> Bearer:
        """As :meth:`valid`, of a state that may be revoked; with ``now`` 0, of any age."""
        readers, state = find(request, plugins)
        kind = kind_of(state)
        claims = states.open(kind, state, now)
        if claims is None:
            claims = await self._loader.load(state, now)
        for plugin in readers:
            if plugin.session.kind == kind and same_app(claims, plugin):
                return Bearer(claims, plugin, readers)
        raise SessionInvalid("of an app without a plugin here")
