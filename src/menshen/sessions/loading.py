"""Reading the record behind a reference, for a process that does not have it at hand."""

from __future__ import annotations

from menshen.errors import SessionExpired, SessionInvalid, SessionRevoked
from menshen.sessions.claims import SessionClaims
from menshen.sessions.records import Record, SessionRecords
from menshen.sessions.reference import References, digest_of

__all__ = ["ReferenceLoader", "claims_of"]


class ReferenceLoader:
    """What is read is kept in ``references``, which asks again once it cannot know of every revocation."""

    def __init__(self, references: References, records: SessionRecords) -> None:
        self._references = references
        self._records = records

    async def load(self, state: bytes, now: float) -> SessionClaims:
        """The claims of a reference. Raises ``SessionInvalid``, ``SessionExpired``, ``SessionRevoked``."""
        digest = digest_of(state)
        record = await self._records.find(digest)
        if record is None:
            raise SessionInvalid("no such session")
        if record.ended_at is not None:
            raise SessionRevoked
        claims = claims_of(record)
        if now >= claims.exp:
            raise SessionExpired
        self._references.put(digest, claims)
        return claims


def claims_of(record: Record) -> SessionClaims:
    """What the record's newest state says."""
    return SessionClaims(
        sub=record.uid,
        sid=record.sid,
        platform=record.platform,
        appid=record.appid,
        openid=record.openid,
        unionid=record.unionid,
        iat=record.state_issued_at,
        exp=record.state_expires_at,
        auth=record.auth,
        end=record.state_end_at,
        life=record.lifetime,
        claims=record.claims,
        account=record.account,
        tags=record.tags,
    )
