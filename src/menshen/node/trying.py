"""The "Try it" page of a node: its own gateway, and an end to the login states of whoever tried it."""

from __future__ import annotations

from collections.abc import Callable

import aiohttp

from menshen.config.snapshot import Endpoint, Snapshot
from menshen.storage.database import Database
from menshen.storage.identities import IdentityKey, find_identities
from menshen.users.ending import SessionEndings
from menshen.web.console.try_it.page import EndSessions, try_views
from menshen.web.console.view import View

__all__ = ["session_ending", "trying_views"]


def trying_views(
    snapshot: Callable[[], Snapshot],
    gateway: Endpoint,
    client: aiohttp.ClientSession,
    database: Database,
    endings: SessionEndings,
) -> list[View]:
    """``snapshot`` is the running revision's; ``gateway`` where Envoy listens; ``client`` that of ``calling``."""
    return try_views(snapshot, gateway, client, session_ending(database, endings))


def session_ending(database: Database, endings: SessionEndings) -> EndSessions:
    """Ends the sessions of whoever has an identity; written down, as whatever an operator does to a user."""

    async def end(key: IdentityKey, by: str) -> int:
        async with database.reading() as connection:
            found = (await find_identities(connection, [key])).get(key)
        return 0 if found is None else await endings.end_user(found.uid, by)

    return end
