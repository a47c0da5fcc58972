"""Letting a batch of logins into the user pool, within one transaction.

A round looks up whose everything is, decides, and writes; what another process was quicker with goes another round,
where the look-up finds it. Refusals are answers and not exceptions, so that one login never fails the others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.errors import AccountRefused, BrainUnavailable, Refusal
from menshen.storage.account_owners import AccountKey, AccountOwner, find_accounts_of, own_accounts
from menshen.storage.identities import IdentityKey, SeenIdentity, add_identities, claim_names, refresh_identities
from menshen.storage.phones import PhoneRow, find_phones, own_phones
from menshen.storage.profiles import change_profile
from menshen.storage.user_standings import add_users, count_logins, discard_users, lift_bans, lock_standings
from menshen.storage.vouched import set_vouched
from menshen.users.entering import Bound, Entered, Entry, Gains, Holdings, gains, whose
from menshen.users.owning import Owned, look_up
from menshen.users.profile import Profile, filled_profile, vouched_for

__all__ = ["Entrance"]

_ROUNDS = 4
"""In practice two: a user is closed, or an identity bound, by another process meanwhile."""


@dataclass(frozen=True, slots=True)
class _Person:
    """An entry and its user; ``new_user`` and ``new_identity``: to be written."""

    number: int
    entry: Entry
    uid: str
    new_user: bool
    new_identity: bool


@dataclass(frozen=True, slots=True)
class _Welcome:
    """A person who may come in, and what it brings the user."""

    person: _Person
    gains: Gains
    claims: Mapping[str, str]
    over_ban: bool


class Entrance:
    """For one batch. ``new_uid`` makes user ids that nobody can guess."""

    def __init__(
        self, connection: AsyncConnection, entries: Sequence[Entry], match_unionid: bool, new_uid: Callable[[], str]
    ) -> None:
        self._connection = connection
        self._entries = entries
        self._match_unionid = match_unionid
        self._new_uid = new_uid
        self._answers: dict[int, Entered | Refusal] = {}
        self._accounts: dict[str, AccountKey] = {}
        self._vouched: dict[str, Mapping[str, str]] = {}
        self._made: set[str] = set()

    async def answers(self) -> list[Entered | Refusal]:
        """An answer for each entry, in order."""
        for _ in range(_ROUNDS):
            waiting = [number for number in range(len(self._entries)) if number not in self._answers]
            if not waiting:
                break
            owned = await self._owned([self._entries[number] for number in waiting])
            persons = list(self._persons(waiting, owned))
            welcome = await self._welcome(persons, owned)
            lost = await self._write(welcome)
            await self._count([each for each in welcome if each.person.number not in lost])
        busy = BrainUnavailable("other logins of the same person were always quicker")
        return [self._answers.get(number, busy) for number in range(len(self._entries))]

    async def _owned(self, entries: Sequence[Entry]) -> Owned:
        owned = await look_up(self._connection, entries, self._match_unionid)
        unsettled = {name for entry in entries for name in owned.unsettled(entry)}
        # What was nobody's may have been given to somebody by a transaction that we had to wait for.
        if unsettled and await claim_names(self._connection, unsettled):
            return await look_up(self._connection, entries, self._match_unionid)
        return owned

    def _persons(self, numbers: Sequence[int], owned: Owned) -> Iterator[_Person]:
        """Whose each entry is. Later entries of the batch find what earlier ones brought."""
        new_users: set[str] = set()
        for number in numbers:
            entry = self._entries[number]
            uid = whose(entry, owned.owners(entry))
            if isinstance(uid, Refusal):
                self._answers[number] = uid
                continue
            if not uid:
                uid = self._new_uid()
                new_users.add(uid)
            new_identity = entry.seen is not None and entry.seen.key in owned.unknown
            owned.take(entry, uid)
            yield _Person(number, entry, uid, uid in new_users, new_identity)

    async def _welcome(self, persons: Sequence[_Person], owned: Owned) -> list[_Welcome]:
        """Who may come in. The user rows are locked from here on, so what is read of them stays true."""
        known = {person.uid for person in persons if not person.new_user}
        standings = await lock_standings(self._connection, known)
        moved = await self._moved([person for person in persons if not person.new_user])
        self._accounts |= await find_accounts_of(self._connection, known)
        self._vouched |= {uid: standing.vouched for uid, standing in standings.items()}
        with_phone = {person.uid for person in persons if person.entry.phone is not None}
        phones = {uid: row.digest for uid, row in (await self._phones(with_phone & known)).items()}
        welcome: list[_Welcome] = []
        for person in persons:
            entry, uid = person.entry, person.uid
            standing = standings.get(uid)
            if not person.new_user and (standing is None or standing.status == "closed"):
                if entry.uid:
                    self._answers[person.number] = AccountRefused(f"{uid} is closed")
                continue  # closed or merged while we waited for the row: what he had is free by now, or another's
            if person.number in moved:
                continue
            holdings = Holdings(account=self._accounts.get(uid), phone=phones.get(uid, ""))
            if standing is not None:
                holdings = Holdings(standing.status, standing.banned_until, holdings.account, holdings.phone)
            gained = gains(entry, uid, holdings, owned.owners(entry))
            if isinstance(gained, Refusal):
                self._answers[person.number] = gained
                continue
            if gained.account and entry.account is not None:
                self._accounts[uid] = (entry.account.source, entry.account.name)
            if gained.phone and entry.phone is not None:
                phones[uid] = entry.phone.digest
            claims = standing.claims if standing is not None else {}
            welcome.append(_Welcome(person, gained, claims, holdings.status == "banned"))
        return welcome

    async def _moved(self, persons: Sequence[_Person]) -> set[int]:
        """Those who are somebody else's by now: unbound, say, by a transaction that we had to wait for at the user row.

        Without it a session would be opened with what its user has just taken away. SQLite has one writer at a time.
        """
        if not persons or self._connection.dialect.name != "postgresql":
            return set()
        entries = [person.entry for person in persons]
        owned = await look_up(self._connection, entries, self._match_unionid)
        return {person.number for person in persons if whose(person.entry, owned.owners(person.entry)) != person.uid}

    async def _phones(self, uids: Collection[str]) -> Mapping[str, PhoneRow]:
        return await find_phones(self._connection, sorted(uids)) if uids else {}

    async def _write(self, welcome: Sequence[_Welcome]) -> set[int]:
        """Store what is new; the numbers of the entries that lost something to another process."""
        persons = [each.person for each in welcome]
        new_users = {person.uid: person.entry.at for person in persons if person.new_user}
        await add_users(self._connection, new_users)
        identities = await add_identities(self._connection, _new_identities(persons))
        accounts = await own_accounts(self._connection, list(_new_accounts(welcome)))
        phones = await self._own_phones(list(_new_phones(welcome)))
        lost: set[int] = set()
        for each in welcome:
            entry, uid, number = each.person.entry, each.person.uid, each.person.number
            if entry.seen is not None and identities.get(entry.seen.key, uid) != uid:
                lost.add(number)
            if each.gains.account and entry.account is not None:
                owner = accounts.get((entry.account.source, entry.account.name))
                if owner != uid:
                    lost.add(number)
                    self._accounts.pop(uid, None)
                if owner is None:
                    self._answers[number] = AccountRefused("deleted since its password was right")
            if each.gains.phone and entry.phone is not None and phones.get(entry.phone.digest) != uid:
                lost.add(number)
        somebody = {*identities.values(), *(person.uid for person in persons if person.number not in lost)}
        await discard_users(self._connection, new_users.keys() - somebody)
        self._made |= new_users.keys() & somebody
        return lost

    async def _own_phones(self, rows: Sequence[PhoneRow]) -> Mapping[str, str]:
        return await own_phones(self._connection, rows) if rows else {}

    async def _count(self, entered: Sequence[_Welcome]) -> None:
        """Write what every login brings, new or not, and answer."""
        logins: dict[str, tuple[int, int]] = {}
        vouched: dict[str, Mapping[str, str]] = {}
        added: set[IdentityKey] = set()
        for each in entered:
            person, entry = each.person, each.person.entry
            times, newest = logins.get(person.uid, (0, 0))
            logins[person.uid] = (times + 1, max(newest, entry.at))
            new_user = person.uid in self._made and not times
            bound: list[Bound] = ["account"] if each.gains.account else []
            bound += ["phone"] if each.gains.phone else []
            if entry.seen is not None and person.new_identity and entry.seen.key not in added:
                added.add(entry.seen.key)
                bound += ["identity"] if person.uid not in self._made else []
            source, account = self._accounts.get(person.uid, ("", ""))
            if entry.tells not in (None, source):
                # The names of one source are not those of another: somebody may have registered here, once, under
                # what is an employee's number at the team's verifier.
                account = ""
            before = self._vouched.get(person.uid, {})
            if entry.profile:
                await change_profile(self._connection, person.uid, partial(_filled, entry.profile))
                self._vouched[person.uid] = vouched_for(before, entry.profile)
            after = self._vouched.get(person.uid, {})
            if after != before:
                vouched[person.uid] = after
            self._answers[person.number] = Entered(person.uid, new_user, each.claims, account, tuple(bound), after)
        await set_vouched(self._connection, vouched)
        await count_logins(self._connection, logins)
        await refresh_identities(self._connection, [e.person.entry.seen for e in entered if e.person.entry.seen])
        over = [each.person for each in entered if each.over_ban]
        await lift_bans(self._connection, {person.uid for person in over}, max((p.entry.at for p in over), default=0))


def _new_identities(persons: Sequence[_Person]) -> list[tuple[str, SeenIdentity]]:
    seen = [(person.uid, person.entry.seen) for person in persons if person.new_identity and person.entry.seen]
    return list({item.key: (uid, item) for uid, item in seen}.values())


def _new_accounts(welcome: Sequence[_Welcome]) -> Iterator[AccountOwner]:
    for each in welcome:
        entry, account = each.person.entry, each.person.entry.account
        if each.gains.account and account is not None:
            yield AccountOwner(
                account.source, account.name, account.shown, each.person.uid, entry.at, entry.password_hash
            )


def _new_phones(welcome: Sequence[_Welcome]) -> Iterator[PhoneRow]:
    for each in welcome:
        phone = each.person.entry.phone
        if each.gains.phone and phone is not None:
            yield PhoneRow(phone.digest, each.person.uid, phone.sealed, phone.tail, each.person.entry.at)


def _filled(offered: Mapping[str, str], fields: Mapping[str, str]) -> Mapping[str, str]:
    return asdict(filled_profile(Profile(**fields), offered))
