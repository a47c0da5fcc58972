"""Whose the things are that a batch of logins brings, as the tables have it and as the batch goes on to change it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.account_owners import AccountKey, find_account_owners
from menshen.storage.identities import (
    IdentityKey,
    KnownIdentity,
    SeenIdentity,
    Union,
    find_identities,
    find_unions,
    identity_name,
    union_name,
)
from menshen.storage.phones import find_phone_owners
from menshen.users.entering import Entry, Owners

__all__ = ["Owned", "look_up"]


@dataclass(slots=True)
class Owned:
    """``accounts`` and ``phones`` have "" or nothing for what is nobody's; ``unions`` is empty where none count.

    ``unknown`` are identities that are in no table: they are still so when the batch has given them an owner here.
    """

    identities: dict[IdentityKey, KnownIdentity]
    unions: dict[Union, set[str]]
    accounts: dict[AccountKey, str]
    phones: dict[str, str]
    unknown: frozenset[IdentityKey]

    def owners(self, entry: Entry) -> Owners:
        known = self.identities.get(entry.seen.key) if entry.seen is not None else None
        return Owners(
            identity=known.uid if known is not None else "",
            unionid=self.unions.get(_union(entry.seen), set()) if entry.seen is not None else set(),
            account=self.accounts.get(_account(entry), "") if entry.account is not None else "",
            phone=self.phones.get(entry.phone.digest, "") if entry.phone is not None else "",
            account_there=entry.account is not None and _account(entry) in self.accounts,
        )

    def take(self, entry: Entry, uid: str) -> None:
        """From here on the entry's things are this user's, where they were nobody's."""
        if entry.seen is not None:
            self.identities.setdefault(entry.seen.key, KnownIdentity(uid, entry.seen.unionid))
            if (union := _union(entry.seen)) in self.unions:
                self.unions[union].add(uid)
        if entry.account is not None:
            self.accounts[_account(entry)] = self.accounts.get(_account(entry)) or uid
        if entry.phone is not None:
            self.phones.setdefault(entry.phone.digest, uid)

    def unsettled(self, entry: Entry) -> Iterator[str]:
        """The names of what this entry may give an owner. A person who only comes back has none."""
        seen = entry.seen
        if seen is not None:
            known = self.identities.get(seen.key)
            if known is None:
                yield identity_name(seen.key)
            if (known is None or known.unionid != seen.unionid) and _union(seen) in self.unions:
                yield union_name(_union(seen))
        if entry.account is not None and not self.accounts.get(_account(entry)):
            yield "account/" + "/".join(_account(entry))
        if entry.phone is not None and entry.phone.digest not in self.phones:
            yield f"phone/{entry.phone.digest}"


async def look_up(connection: AsyncConnection, entries: Sequence[Entry], match_unionid: bool) -> Owned:
    """As few statements as the entries need; two for a batch of logins by code."""
    seen = [entry.seen for entry in entries if entry.seen is not None]
    unions = {_union(item) for item in seen if item.unionid and match_unionid}
    phones = sorted({entry.phone.digest for entry in entries if entry.phone is not None})
    identities = await find_identities(connection, {item.key for item in seen})
    return Owned(
        identities=identities,
        unions=await find_unions(connection, unions),
        accounts=await find_account_owners(connection, {_account(e) for e in entries if e.account is not None}),
        phones=await find_phone_owners(connection, phones),
        unknown=frozenset(item.key for item in seen if item.key not in identities),
    )


def _union(seen: SeenIdentity) -> Union:
    return seen.key.platform, seen.unionid


def _account(entry: Entry) -> AccountKey:
    if entry.account is None:
        raise ValueError("an entry without an account")
    return entry.account.source, entry.account.name
