"""Fresh keys of every purpose, and what makes and opens states with them."""

from __future__ import annotations

import secrets

from joserfc.jwk import ECKey

from menshen.sessions.keys import SigningKey, SymmetricKey
from menshen.sessions.reference import References
from menshen.sessions.refresh import RefreshTokens
from menshen.sessions.sealed import SealedSessions
from menshen.sessions.signed import SignedSessions
from menshen.sessions.states import States

__all__ = ["new_states"]


def new_states(references: References | None = None) -> States:
    return States(
        sealed=SealedSessions([SymmetricKey("k1", secrets.token_bytes(32))], secrets.token_bytes),
        signed=SignedSessions([SigningKey("k2", "ES256", ECKey.generate_key("P-256", {"kid": "k2"}))]),
        references=references or References(),
        refresh=RefreshTokens([SymmetricKey("k3", secrets.token_bytes(32))], secrets.token_bytes),
    )
