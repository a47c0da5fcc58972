"""Menshen's own accounts: username and password, for a team that has no accounts yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.config.user_rules import AccountRules
from menshen.errors import AccountTaken, NotBound, RegistrationClosed
from menshen.secret import Secret
from menshen.storage.accounts import (
    AccountRow,
    NewPassword,
    add_accounts,
    find_account,
    find_account_of,
    set_password,
)
from menshen.storage.audit import write_audit
from menshen.storage.database import Database
from menshen.storage.revocations import in_order
from menshen.storage.session_endings import Ending, end_all
from menshen.storage.tables import sessions
from menshen.users.account_names import canonical_name, new_name
from menshen.users.audit import BY_USER, AuditAction, audited
from menshen.users.entering import ProvenAccount
from menshen.users.passwords import Passwords, check_policy

__all__ = ["OwnAccounts"]


class OwnAccounts:
    """``clock`` gives Unix seconds."""

    def __init__(self, database: Database, passwords: Passwords, clock: Callable[[], float]) -> None:
        self._database = database
        self._passwords = passwords
        self._clock = clock

    async def prove(self, username: str, password: Secret) -> ProvenAccount | None:
        """The account of this username and password, None where either is wrong: after the same work.

        Ask it through ``Lockouts`` only.
        """
        name = canonical_name(username) or ""
        async with self._database.reading() as connection:
            found = await find_account(connection, "own", name)
        right = await self._passwords.match(found.password_hash if found is not None else "", password)
        if found is None or not right:
            return None
        await self._renew_hash(found, password)
        return ProvenAccount("own", found.name, found.shown)

    async def prepared(self, rules: AccountRules, username: str, password: Secret) -> AccountRow:
        """An account that is nobody's yet, not stored. Raises ``CallMalformed`` (no name), ``PasswordWeak``.

        The name that its owner writes is kept beside the canonical one.
        """
        name = new_name(username)
        check_policy(password, name, rules.password_min_length)
        password_hash = await self._passwords.hashed(password)
        now = int(self._clock())
        return AccountRow("own", name, username, None, password_hash, now, now)

    async def asked_for(self, rules: AccountRules, username: str, password: Secret) -> AccountRow:
        """The account that somebody registers, for the transaction of his first login to store.

        That the name is free now is no promise: the table's key decides. Raises ``RegistrationClosed``,
        ``AccountTaken``, and what :meth:`prepared` does.
        """
        if not rules.registration or rules.verifier is not None:
            raise RegistrationClosed
        async with self._database.reading() as connection:
            if await find_account(connection, "own", new_name(username)) is not None:
                raise AccountTaken("the username is taken")
        return await self.prepared(rules, username, password)

    async def add(self, rules: AccountRules, username: str, password: Secret, by: str) -> ProvenAccount:
        """Make an account that nobody has logged in with. ``by`` is the operator who does, for the audit log.

        Raises ``AccountTaken``, and what :meth:`prepared` does.
        """
        row = await self.prepared(rules, username, password)
        async with self._database.writing() as connection:
            (added,) = await add_accounts(connection, [row])
            if not added:
                raise AccountTaken("the username is taken")
            await write_audit(connection, [audited(AuditAction.ACCOUNT_ADD, "", by, row.created_at)])
        return ProvenAccount("own", row.name, row.shown)

    async def of(self, uid: str) -> AccountRow:
        """A user's own account. Raises ``NotBound``."""
        async with self._database.reading() as connection:
            found = await find_account_of(connection, uid)
        if found is None or found.source != "own":
            raise NotBound("no own account")
        return found

    async def find(self, username: str) -> AccountRow:
        """The own account of this name. Raises ``NotBound``."""
        async with self._database.reading() as connection:
            found = await find_account(connection, "own", canonical_name(username) or "")
        if found is None:
            raise NotBound("no such account")
        return found

    async def set_password(
        self, rules: AccountRules, account: AccountRow, password: Secret, *, keep_sid: str = "", by: str = BY_USER
    ) -> int:
        """Give an account a new password and end its user's sessions, all but ``keep_sid``; how many were ended.

        Who knew the old password may hold one of them. ``by`` is who does it, for the audit log. Raises
        ``PasswordWeak``, ``NotBound`` where the account is gone.
        """
        check_policy(password, account.name, rules.password_min_length)
        now = self._clock()
        new = NewPassword(account.name, await self._passwords.hashed(password), int(now))
        async with self._database.writing() as connection:
            await in_order(connection)
            uid = await set_password(connection, new)
            if uid is None:
                raise NotBound("no such account")
            await write_audit(connection, [audited(AuditAction.ACCOUNT_PASSWORD, uid, by, now)])
            if not uid:
                return 0
            sids = [sid for sid in await _sids_of(connection, uid) if sid != keep_sid]
            return sum(await end_all(connection, [Ending("revoked", now, sids=sids)]))

    async def _renew_hash(self, account: AccountRow, password: Secret) -> None:
        """Take over parameters that have grown, now that the password is at hand."""
        if self._passwords.outdated(account.password_hash):
            new = NewPassword(
                account.name,
                await self._passwords.hashed(password),
                account.changed_at,
                instead_of=account.password_hash,
            )
            async with self._database.writing() as connection:
                await set_password(connection, new)


async def _sids_of(connection: AsyncConnection, uid: str) -> Sequence[str]:
    which = (sessions.c.uid == uid, sessions.c.ended_at.is_(None))
    return (await connection.execute(select(sessions.c.sid).where(*which))).scalars().all()
