"""Login states of kind ``reference``: an opaque id, and everything else stays on the server.

An id is 256 random bits. The database has its SHA-256 only: whoever reads it cannot log in with what is there, and
since the id cannot be guessed the hash needs no salt and no work factor. What an id stands for is kept in the worker,
as long as the worker knows which sessions were ended.
"""

from __future__ import annotations

import hmac
import re
from collections import OrderedDict
from functools import lru_cache
from hashlib import sha256

from menshen.errors import SessionInvalid
from menshen.sessions import base64url
from menshen.sessions.claims import RandomBytes, SessionClaims

__all__ = ["STALENESS", "References", "digest_of", "following_reference", "new_reference"]

STALENESS = 1.0
"""Seconds. Where the list of ended sessions is older than this, what is kept is not believed: the record is read."""

_KEPT = 200_000
_SENT_AGAIN = 4096
_LATE = 60
"""Seconds. Nobody who read a record before it changed puts it here later than this."""

_well_formed = re.compile(rb"[A-Za-z0-9_-]{43}").fullmatch


def new_reference(random: RandomBytes) -> str:
    """43 characters of base64url over 256 random bits."""
    return base64url.encode(random(32)).decode()


def following_reference(seed: str, generation: int) -> str:
    """The id of a session after so many refreshes. Who has one of them and not the seed can tell none of the others."""
    return base64url.encode(hmac.digest(seed.encode(), b"%d" % generation, "sha256")).decode()


def digest_of(state: bytes | str) -> str:
    """What the database knows an id by: SHA-256, in hex."""
    return sha256(state.encode() if isinstance(state, str) else state).hexdigest()


def _digest(state: bytes) -> str:
    if not _well_formed(state):
        raise SessionInvalid("not a reference")
    return digest_of(state)


class References:
    """What the ids that came lately stand for: at most ``kept``, the longest unused given up first."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._claims: OrderedDict[str, SessionClaims] = OrderedDict()
        self._digests: dict[str, str] = {}
        self._changed: dict[str, int] = {}
        self._heard = float("-inf")
        # A page of a mini program sends one id many times in a second. What can be none raises, and is not remembered.
        self._digest = lru_cache(_SENT_AGAIN)(_digest)

    def get(self, state: bytes, now: float) -> SessionClaims | None:
        """The claims behind an id; None where the record must be read (``now`` in Unix seconds).

        That is so for an id that is not kept, for claims past their ``exp`` (another worker may have carried the
        session on), and for any id while the list of ended sessions is not known to be complete. Raises
        ``SessionInvalid`` for a text that can be no id: nobody makes us ask the database with garbage.
        """
        digest = self._digest(state)
        if now - self._heard > STALENESS:
            return None
        claims = self._claims.get(digest)
        if claims is None or now >= claims.exp:
            return None
        self._claims.move_to_end(digest)
        return claims

    def put(self, digest: str, claims: SessionClaims) -> None:
        """Keep what a record said, or what a renewal made of it."""
        if claims.iat < self._changed.get(claims.sid, 0):
            return  # read just before it changed
        self._forget(claims.sid)
        self._claims[digest] = claims
        self._digests[claims.sid] = digest
        if len(self._claims) > self._kept:
            _, oldest = self._claims.popitem(last=False)
            self._digests.pop(oldest.sid, None)

    def changed(self, sid: str, since: int) -> None:
        """The record of a session is another since this Unix second: a refresh gave it a new id, say."""
        self._forget(sid)
        self._changed[sid] = since

    def heard(self, at: float) -> None:
        """The list of ended sessions was complete at this Unix time, taken before it was asked for."""
        self._heard = at
        if self._changed and min(self._changed.values()) < at - _LATE:
            self._changed = {sid: since for sid, since in self._changed.items() if since >= at - _LATE}

    def _forget(self, sid: str) -> None:
        digest = self._digests.pop(sid, None)
        if digest is not None:
            del self._claims[digest]
