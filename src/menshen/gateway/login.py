"""Logging in: code -> platform -> user -> new session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from menshen.config.snapshot import App
from menshen.gateway.codes import CodeBook, LoggedIn
from menshen.gateway.decision import Exchange
from menshen.platforms.base import PlatformIdentity
from menshen.sessions.claims import RandomBytes, SessionClaims, new_id
from menshen.storage.identities import IdentityKey
from menshen.users.pool import UserPool

__all__ = ["CodeExchange", "Login"]


class CodeExchange(Protocol):
    """Asks a platform who logged in. Raises the platform refusals of ``menshen.errors``."""

    async def code2session(self, app: App, code: str) -> PlatformIdentity: ...


class Login:
    """``clock`` gives Unix seconds, ``random`` OS randomness."""

    def __init__(
        self,
        platforms: CodeExchange,
        pool: UserPool,
        codes: CodeBook,
        clock: Callable[[], float],
        random: RandomBytes,
    ) -> None:
        self._platforms = platforms
        self._pool = pool
        self._codes = codes
        self._clock = clock
        self._random = random

    async def log_in(self, login: Exchange) -> LoggedIn:
        """Exchange the code of a login decision. Raises a ``Refusal``."""
        plugin = login.route.login
        if plugin is None:
            raise ValueError(f"route {login.route.id} has no login plugin")
        app, minutes = plugin.app, plugin.session.expires_in

        async def exchange() -> LoggedIn:
            found = await self._platforms.code2session(app, login.code)
            now = self._clock()
            key = IdentityKey(app.platform, app.appid, found.openid)
            signed_in = await self._pool.sign_in(key, found.unionid, found.session_key, now)
            claims = SessionClaims(
                sub=signed_in.uid,
                sid=new_id(self._random),
                platform=app.platform,
                appid=app.appid,
                openid=found.openid,
                unionid=found.unionid,
                iat=int(now),
                exp=int(now) + minutes * 60,
            )
            return LoggedIn(claims, found.session_key, signed_in.new_user)

        return await self._codes.once(f"{app.platform}/{app.appid}", login.code, login.received, exchange)
