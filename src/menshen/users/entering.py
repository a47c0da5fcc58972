"""One login on its way into the user pool: what it has proven, whose it is, and what that user gains by it.

Everything here is pure; :class:`menshen.users.pool.UserPool` reads and writes the tables. What is proven is proven by
the platform, by a password or by a code that was sent to a phone. Nothing that the client merely says is here.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Literal

from menshen.config.user_rules import AccountSource, PhoneOwned
from menshen.errors import (
    AccountRefused,
    AccountTaken,
    AlreadyBound,
    IdentityConflict,
    PhoneTaken,
    Refusal,
    RegistrationClosed,
    UserBanned,
)
from menshen.storage.identities import SeenIdentity

__all__ = [
    "AccountSource",
    "Bound",
    "Entered",
    "Entry",
    "Gains",
    "Holdings",
    "Owners",
    "ProvenAccount",
    "ProvenPhone",
    "gains",
    "whose",
]

Bound = Literal["account", "phone", "identity"]


@dataclass(frozen=True, slots=True)
class ProvenAccount:
    """A business account whose password was right just now. ``name`` is canonical, ``shown`` as its owner writes it."""

    source: AccountSource
    name: str
    shown: str


@dataclass(frozen=True, slots=True)
class ProvenPhone:
    """A phone number that its owner has shown just now: keyed digest, sealed number, the last four digits."""

    digest: str
    sealed: str = field(repr=False)
    tail: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """A login. One of ``seen``, ``uid``, ``account`` and ``phone`` at least says who it is.

    ``seen`` is what the platform said, ``uid`` a user that is known already. An account finds its user, or is bound to
    the one whom the rest finds; so is a phone number, and ``phone_owned`` says what to do with one that another user
    owns. ``profile`` (verified open data: nickname, gender …) fills what is empty, and is what tags are made
    of. Who is unknown is refused unless ``registers``. With a ``password_hash`` the account is made by this login, and
    must not be there. ``tells`` is the source whose accounts are told to backends, None: of any. ``at`` in Unix
    seconds.
    """

    at: int
    seen: SeenIdentity | None = None
    uid: str = ""
    account: ProvenAccount | None = None
    phone: ProvenPhone | None = None
    phone_owned: PhoneOwned = "refuse"
    profile: Mapping[str, str] = field(default_factory=dict)
    registers: bool = True
    password_hash: str = field(default="", repr=False)
    tells: AccountSource | None = None


@dataclass(frozen=True, slots=True)
class Entered:
    """The user that a login is of. ``claims`` are the user's own, ``account`` the name of the business account or "".

    ``vouched`` is what platforms say of him, as values of tags.
    ``bound`` is what became the user's by this login; of a new user nothing but an account or a phone is told of.
    """

    uid: str
    new_user: bool
    claims: Mapping[str, str] = field(default_factory=dict)
    account: str = ""
    bound: tuple[Bound, ...] = ()
    vouched: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Owners:
    """Whose the things of an entry are, by uid; "" is nobody's. ``unionid`` has every user of that unionid.

    ``account_there``: there is such an account, of somebody or of nobody yet.
    """

    identity: str = ""
    unionid: Set[str] = frozenset()
    account: str = ""
    phone: str = ""
    account_there: bool = False


@dataclass(frozen=True, slots=True)
class Holdings:
    """A user as the tables have it. ``account`` is None, or the (source, name) of it; ``phone`` a digest or ""."""

    status: str = "active"
    banned_until: int = 0
    account: tuple[str, str] | None = None
    phone: str = ""

    def banned(self, now: int) -> bool:
        """An over-date ban is none. 0 is for ever."""
        return self.status == "banned" and (self.banned_until == 0 or now < self.banned_until)


@dataclass(frozen=True, slots=True)
class Gains:
    """What becomes the user's by this login."""

    account: bool = False
    phone: bool = False


def whose(entry: Entry, owners: Owners) -> str | Refusal:
    """The uid that an entry is of, "" for somebody new, or why it is nobody's.

    openid or unionid finds the user; where they find two, neither is right and nothing is merged. A person known by
    neither is known by a proven account. A phone number alone finds its owner; beside an identity of somebody else, or
    of nobody yet, ``phone_owned`` decides, for operators of networks give a number away again, and its next owner is
    not to walk into the account of the last one.
    """
    if entry.password_hash and owners.account_there:
        return AccountTaken("the username is taken")
    known = {uid for uid in (entry.uid, owners.identity, *owners.unionid) if uid}
    if len(known) > 1:
        return IdentityConflict(" ".join(sorted(known)))
    uid = next(iter(known), "") or owners.account
    if owners.account and owners.account != uid:
        return AccountTaken(f"{uid} is not {owners.account}")
    if owners.phone and owners.phone != uid:
        alone = entry.seen is None and not uid
        if not alone and (entry.phone_owned == "refuse" or entry.account is not None or entry.uid):
            return PhoneTaken(f"{uid or 'somebody new'} is not {owners.phone}")
        uid = owners.phone
    if not uid and not entry.registers:
        return RegistrationClosed()
    return uid


def gains(entry: Entry, uid: str, holdings: Holdings, owners: Owners) -> Gains | Refusal:
    """What this user gets by the entry that is theirs, or why they may not come in.

    Raises nothing: one login of a batch must not fail the others.
    """
    if holdings.banned(entry.at):
        return UserBanned(uid)
    if holdings.status == "closed":
        return AccountRefused(f"{uid} is closed")
    account = phone = False
    if entry.account is not None:
        mine = (entry.account.source, entry.account.name)
        if owners.account not in ("", uid):
            return AccountTaken(f"{uid} is not {owners.account}")
        if holdings.account not in (None, mine):
            return AlreadyBound(f"{uid} has another account")
        account = holdings.account is None
    if entry.phone is not None:
        # A number that a user has already is kept (Authing 5), whatever the platform says today.
        phone = not holdings.phone and owners.phone in ("", uid)
    return Gains(account, phone)
