"""The "Try it" page of a node: its own gateway, and an end to the login states of whoever tried it."""

from __future__ import annotations

import time
from collections.abc import Callable

import aiohttp

from menshen.config.snapshot import Endpoint, Snapshot
from menshen.sessions.records import SessionRecords
from menshen.storage.audit import write_audit
from menshen.storage.identities import IdentityKey, find_identities
from menshen.users.audit import AuditAction, audited
from menshen.web.console.try_it.page import EndSessions, try_views
from menshen.web.console.view import View

__all__ = ["session_ending", "trying_views"]


def trying_views(
    snapshot: Callable[[], Snapshot], gateway: Endpoint, client: aiohttp.ClientSession, records: SessionRecords
) -> list[View]:
    """``snapshot`` is the running revision's; ``gateway`` where Envoy listens; ``client`` that of ``calling``."""
    return try_views(snapshot, gateway, client, session_ending(records, time.time))


def session_ending(records: SessionRecords, clock: Callable[[], float]) -> EndSessions:
    """Ends the sessions of whoever has an identity; written down, as whatever an operator does to a user."""

    async def end(key: IdentityKey, by: str) -> int:
        async with records.database.reading() as connection:
            found = (await find_identities(connection, [key])).get(key)
        if found is None:
            return 0
        async with records.database.writing() as connection:
            await write_audit(connection, [audited(AuditAction.SESSIONS_END, found.uid, by, clock())])
        return await records.end_user(found.uid, "revoked")

    return end
