"""Links that sign an operator in once, for who has started the node himself: ``menshen demo`` prints one.

The token is of this process alone and its digest is kept in memory. It is good once and for five minutes: a link stays
in the terminal's scrollback, and must be worth nothing there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from menshen.errors import AccountRefused, OperatorUnknown
from menshen.operators.accounts import Operators
from menshen.operators.bearing import digest_of, made
from menshen.operators.console_sessions import ConsoleSessions
from menshen.secret import Secret

__all__ = ["LINK_LIFETIME", "SignInLinks"]

LINK_LIFETIME: Final = 300
"""Seconds."""

_MOST: Final = 16
"""Links that wait to be used; beyond it the oldest are good no more."""


class SignInLinks:
    """``clock`` gives Unix seconds; ``random`` is OS randomness."""

    def __init__(
        self,
        accounts: Operators,
        sessions: ConsoleSessions,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._clock = clock
        self._random = random
        self._waiting: dict[str, tuple[str, float]] = {}

    async def make(self, name: str) -> Secret:
        """The token of a new link for this operator. Raises ``OperatorUnknown``."""
        row = await self._accounts.get(name)
        token = made(self._random)
        self._waiting[digest_of(token.reveal())] = (row.name, self._clock() + LINK_LIFETIME)
        while len(self._waiting) > _MOST:
            del self._waiting[next(iter(self._waiting))]
        return token

    async def use(self, token: str, *, ip: str, user_agent: str) -> Secret:
        """The cookie of a new session. Raises ``AccountRefused``: used, too old, unknown, or of who is disabled."""
        # Taken out before anything is waited for: of two that come at once, one finds it.
        name, until = self._waiting.pop(digest_of(token), ("", 0.0))
        if not name or self._clock() >= until:
            raise AccountRefused
        try:
            row = await self._accounts.get(name)
        except OperatorUnknown:
            raise AccountRefused from None
        if row.disabled:
            raise AccountRefused
        return await self._sessions.open(row, ip=ip, user_agent=user_agent)
