"""Who is calling: by the node's own token, by an API token, by a cookie of the console.

What the database said is believed for a second, so that a page or a monitor that polls asks it once; a revocation or a
disabled operator counts within that second, and at once in the process that did it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from menshen.operators.bearing import digest_of
from menshen.operators.changes import Changes
from menshen.operators.console_sessions import ConsoleSessions, Visitor
from menshen.operators.roles import Principal
from menshen.operators.token_file import token_file
from menshen.operators.tokens import ApiTokens
from menshen.secret import Secret

__all__ = ["BELIEVED_SECONDS", "Access"]

BELIEVED_SECONDS: Final = 1.0

_MOST = 1_000
"""Answers kept: whoever sends rubbish must not fill the memory."""

_LONGEST = 512

Answer = TypeVar("Answer")


class Access:
    """``token`` is the node's own; ``steady`` a clock that never goes back, in seconds."""

    def __init__(
        self,
        token: Secret,
        tokens: ApiTokens,
        sessions: ConsoleSessions,
        changes: Changes,
        steady: Callable[[], float],
    ) -> None:
        self._node = token_file(token)
        self._bearers = _Believed(tokens.principal, changes, steady)
        self._visits = _Believed(sessions.visit, changes, steady)

    async def principal_of_bearer(self, text: str) -> Principal | None:
        """Who shows this behind ``Bearer``; None: nobody. Raises ``DatabaseUnavailable``, not for the node's token."""
        return await self._node(text) or await self._bearers.answer(text)

    async def visit(self, cookie: str) -> Visitor | None:
        """Who comes with this cookie, and in which session; None: nobody. Raises ``DatabaseUnavailable``."""
        return await self._visits.answer(cookie)

    async def visitor(self, cookie: str) -> Principal | None:
        """Who that is."""
        found = await self.visit(cookie)
        return None if found is None else found.principal


@dataclass(frozen=True, slots=True)
class _Belief(Generic[Answer]):
    """What the database said. Good until a moment, while nothing has changed here."""

    answer: Answer | None
    until: float
    changes: int


class _Believed(Generic[Answer]):
    """Answers by the digest of what was shown."""

    def __init__(
        self, ask: Callable[[str], Awaitable[Answer | None]], changes: Changes, steady: Callable[[], float]
    ) -> None:
        self._ask = ask
        self._changes = changes
        self._steady = steady
        self._beliefs: dict[str, _Belief[Answer]] = {}

    async def answer(self, text: str) -> Answer | None:
        if not text or len(text) > _LONGEST:
            return None
        # Both from before the question: what the database says may be as old as that.
        key, now, changes = digest_of(text), self._steady(), self._changes.number
        known = self._beliefs.get(key)
        if known is not None and now < known.until and known.changes == changes:
            return known.answer
        found = await self._ask(text)
        if len(self._beliefs) >= _MOST:
            self._beliefs.clear()
        self._beliefs[key] = _Belief(found, now + BELIEVED_SECONDS, changes)
        return found
