"""Login states of kind ``sealed``: everything is in the state, and only we can read it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import msgspec

from menshen.errors import SessionExpired
from menshen.sessions.box import MAX_BYTES, Box
from menshen.sessions.claims import RandomBytes, SessionClaims
from menshen.sessions.keys import SymmetricKey

__all__ = ["MAX_STATE_BYTES", "SealedSessions"]

MAX_STATE_BYTES = MAX_BYTES
"""A longer text is refused unread. A WeChat identity takes under 512 bytes; the rest is for the user's own claims."""


class SealedSessions:
    """Seals with the first key of the ring, opens with any."""

    def __init__(self, keys: Iterable[SymmetricKey], random: RandomBytes) -> None:
        self._box = Box(keys, random, SessionClaims, write=_written)
        self._open = self._box.open

    def mint(self, claims: SessionClaims) -> str:
        """The login state for these claims. Raises ``ValueError`` where they are too long for one."""
        return self._box.seal(claims)

    def open(self, state: bytes, now: float) -> SessionClaims:
        """The claims of a login state.

        Raises ``SessionInvalid`` for anything this ring did not make, whatever is wrong with it, and ``SessionExpired``
        for a genuine state that is too old (``now`` in Unix seconds). An ``iat`` in the future is no reason to refuse:
        only we can have written it, and a clock that was set back must not end every session.
        """
        claims = self._open(state)
        if now >= claims.exp:
            raise SessionExpired
        if not claims.end:
            # Release 0.1 made states without these. A life of 0 keeps it from being renewed: ``exp`` is its end.
            return replace(claims, auth=claims.iat, end=claims.exp, life=0)
        return claims


def _written(claims: SessionClaims) -> bytes:
    """Without the members that most states leave empty: the client sends the text with every request."""
    members = msgspec.to_builtins(claims)
    for name in ("claims", "account", "tags"):
        if not members[name]:
            del members[name]
    return msgspec.json.encode(members)
