"""Binding a thing to a user, and unbinding it, within a transaction that has locked the user's row.

A thing has one owner: its table's key decides who was first, whoever asks at the same time. Whatever is refused here is
refused before anything is written, so that one refusal does not spoil the transaction for others.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.errors import AccountRefused, AccountTaken, AlreadyBound, IdentityConflict, LastWayIn, NotBound, PhoneTaken
from menshen.storage.account_owners import AccountOwner, find_account_owners, own_accounts
from menshen.storage.bindings import (
    Bound,
    IdentityRow,
    end_account_sessions,
    end_identity_sessions,
    end_phone_sessions,
    find_bound,
    free_account,
    free_identity,
)
from menshen.storage.identities import (
    SeenIdentity,
    add_identities,
    find_identities,
    find_unions,
    identity_name,
    refresh_identities,
    union_name,
)
from menshen.storage.phones import PhoneRow, find_phone_owners, find_phones, free_phone, own_phones
from menshen.users.entering import ProvenAccount, ProvenPhone
from menshen.users.ways_in import DoorsOpen, WaysIn

__all__ = [
    "Unbound",
    "bind_account",
    "bind_identity",
    "bind_phone",
    "names_of",
    "unbind_account",
    "unbind_identity",
    "unbind_phone",
    "ways_in",
]


@dataclass(frozen=True, slots=True)
class Unbound:
    """How many sessions ended with it; ``identity`` is what was unbound, where it was one."""

    ended: int
    identity: IdentityRow | None = None


def names_of(seen: SeenIdentity, match_unionid: bool) -> list[str]:
    """What to claim before an identity is bound: see ``claim_names``."""
    names = [identity_name(seen.key)]
    if seen.unionid and match_unionid:
        names.append(union_name((seen.key.platform, seen.unionid)))
    return names


async def bind_identity(connection: AsyncConnection, uid: str, seen: SeenIdentity, match_unionid: bool) -> bool:
    """Make the identity this user's, its names claimed before; False where it was already.

    Raises ``IdentityConflict`` where it is another's, or its unionid finds another: nothing is merged.
    """
    known = (await find_identities(connection, {seen.key})).get(seen.key)
    owners = {known.uid} if known else set()
    if seen.unionid and match_unionid:
        union = (seen.key.platform, seen.unionid)
        owners |= (await find_unions(connection, {union}))[union]
    if owners - {uid}:
        raise IdentityConflict(" ".join(sorted(owners | {uid})))
    owner = uid if known else (await add_identities(connection, [(uid, seen)]))[seen.key]
    if owner != uid:
        raise IdentityConflict(" ".join(sorted((uid, owner))))
    await refresh_identities(connection, [seen])
    return known is None


async def bind_account(connection: AsyncConnection, uid: str, proven: ProvenAccount, at: int) -> bool:
    """As above, with an account.

    Raises ``AlreadyBound``, ``AccountTaken`` where it is another's, ``AccountRefused`` where it is gone by now.
    """
    key = (proven.source, proven.name)
    account = (await find_bound(connection, uid)).account
    if account is not None:
        if (account.source, account.name) != key:
            raise AlreadyBound("another account")
        return False
    if (await find_account_owners(connection, [key])).get(key, "") not in ("", uid):
        raise AccountTaken
    owner = (await own_accounts(connection, [AccountOwner(*key, proven.shown, uid, at)])).get(key)
    if owner is None:
        raise AccountRefused("deleted since its password was right")
    if owner != uid:
        raise AccountTaken
    return True


async def bind_phone(connection: AsyncConnection, uid: str, proven: ProvenPhone, at: int) -> bool:
    """As above, with a number. Raises ``AlreadyBound``, and ``PhoneTaken`` where it is another's."""
    phone = (await find_phones(connection, [uid])).get(uid)
    if phone is not None:
        if phone.digest != proven.digest:
            raise AlreadyBound("another number")
        return False
    if (await find_phone_owners(connection, [proven.digest])).get(proven.digest, uid) != uid:
        raise PhoneTaken
    row = PhoneRow(proven.digest, uid, proven.sealed, proven.tail, at)
    if (await own_phones(connection, [row])).get(proven.digest) != uid:
        raise PhoneTaken
    return True


async def unbind_identity(connection: AsyncConnection, uid: str, id_: int, doors: DoorsOpen, now: float) -> Unbound:
    """Take this identity from the user and end what carries it. Raises ``NotBound`` and ``LastWayIn``.

    Where another of his identities has the same unionid, the next login with this one brings it back: it is the same
    person to the platform.
    """
    bound = await find_bound(connection, uid)
    identity = next((each for each in bound.identities if each.id == id_), None)
    if identity is None:
        raise NotBound("an identity")
    if not ways_in(bound).without(identity=id_).open(doors):
        raise LastWayIn
    await free_identity(connection, uid, id_)
    return Unbound(await end_identity_sessions(connection, uid, identity, now), identity)


async def unbind_account(connection: AsyncConnection, uid: str, doors: DoorsOpen, now: float) -> Unbound:
    """As above, with the account."""
    bound = await find_bound(connection, uid)
    if bound.account is None:
        raise NotBound("an account")
    if not ways_in(bound).without(account=True).open(doors):
        raise LastWayIn
    await free_account(connection, uid, int(now))
    return Unbound(await end_account_sessions(connection, uid, bound.account.name, now))


async def unbind_phone(connection: AsyncConnection, uid: str, doors: DoorsOpen, now: float) -> Unbound:
    """As above, with the number."""
    bound = await find_bound(connection, uid)
    if bound.phone is None:
        raise NotBound("a phone number")
    if not ways_in(bound).without(phone=True).open(doors):
        raise LastWayIn
    await free_phone(connection, uid, bound.phone.digest)
    return Unbound(await end_phone_sessions(connection, uid, now))


def ways_in(bound: Bound) -> WaysIn:
    return WaysIn(
        {each.id: (each.platform, each.appid) for each in bound.identities},
        bound.account.source if bound.account else "",
        bound.phone is not None,
    )
