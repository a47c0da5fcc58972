"""Taking a person out of the database: what is left is a uid that says nothing, and that it was there once."""

from __future__ import annotations

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.login_log import erase_logins
from menshen.storage.tables import accounts, identities, phones, sessions, users

__all__ = ["erase_profile", "erase_user"]


async def erase_user(connection: AsyncConnection, uid: str) -> None:
    """Free the identities, the account and the phone number, and empty what tells of the person.

    Session records stay until they are tidied away, so that their states are still known as ended; a reference is
    found by its digest, which says nothing of the person.
    """
    for table in (identities, accounts, phones):
        await connection.execute(delete(table).where(table.c.uid == uid))
    blank = {"openid": "", "unionid": "", "claims": "{}", "account": "", "tags": "{}", "ip": "", "user_agent": ""}
    await connection.execute(update(sessions).where(sessions.c.uid == uid).values(blank))
    await erase_logins(connection, uid)
    await erase_profile(connection, uid)


async def erase_profile(connection: AsyncConnection, uid: str) -> None:
    """Empty the user's own row of what he, the platforms and operators have said of him."""
    blank = {"nickname": "", "avatar": "", "profile": "{}", "vouched": "{}", "claims": "{}", "metadata": "{}"}
    await connection.execute(update(users).where(users.c.uid == uid).values(blank))
