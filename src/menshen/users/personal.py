"""Personal data in full, for an operator who may see it: each time it is shown is in the audit log."""

from __future__ import annotations

from collections.abc import Callable

from menshen.errors import UserUnknown
from menshen.storage.audit import write_audit
from menshen.storage.database import Database
from menshen.storage.phones import find_phones
from menshen.storage.user_rows import find_user
from menshen.users.audit import AuditAction, audited
from menshen.users.phones import PhoneNumbers

__all__ = ["PersonalData"]


class PersonalData:
    """``clock`` gives Unix seconds."""

    def __init__(self, database: Database, numbers: PhoneNumbers, clock: Callable[[], float]) -> None:
        self._database = database
        self._numbers = numbers
        self._clock = clock

    async def phone(self, uid: str, actor: str) -> str | None:
        """The user's phone number (E.164), which ``actor`` is about to see; None for a user without one.

        It is written down before it is read: nobody has seen what could not be written. Raises ``UserUnknown``, and
        ``KeyRingInvalid`` where the number was sealed with another master key.
        """
        async with self._database.writing() as connection:
            if await find_user(connection, uid) is None:
                raise UserUnknown(f"there is no user {uid[:40]}")
            row = (await find_phones(connection, [uid])).get(uid)
            if row is None:
                return None
            await write_audit(connection, [audited(AuditAction.PHONE_SHOWN, uid, actor, self._clock())])
        return self._numbers.reveal(row.sealed_number, row.digest).e164
