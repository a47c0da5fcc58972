"""Whose a login is, and what it brings its user: the rules alone, without a table."""

from __future__ import annotations

from typing import Any

import pytest

from menshen.errors import (
    AccountTaken,
    AlreadyBound,
    IdentityConflict,
    PhoneTaken,
    Refusal,
    RegistrationClosed,
    UserBanned,
)
from menshen.storage.identities import IdentityKey, SeenIdentity
from menshen.users.entering import Entry, Gains, Holdings, Owners, ProvenAccount, ProvenPhone, gains, whose

SEEN = SeenIdentity(IdentityKey("wechat", "wx1", "o1"), "n1", "sealed", 100)
ACCOUNT = ProvenAccount("own", "zhang", "Zhang")
PHONE = ProvenPhone("digest", "sealed", "6666")


def entry(**parts: Any) -> Entry:
    return Entry(at=100, **parts)


@pytest.mark.parametrize(
    ("parts", "owners", "uid"),
    [
        ({"seen": SEEN}, Owners(), ""),
        ({"seen": SEEN}, Owners(identity="u1"), "u1"),
        ({"seen": SEEN}, Owners(unionid={"u1"}), "u1"),
        ({"seen": SEEN}, Owners(identity="u1", unionid={"u1"}), "u1"),
        ({"seen": SEEN, "account": ACCOUNT}, Owners(), ""),
        ({"seen": SEEN, "account": ACCOUNT}, Owners(account="u1"), "u1"),
        ({"seen": SEEN, "account": ACCOUNT}, Owners(identity="u1", account="u1"), "u1"),
        ({"seen": SEEN, "account": ACCOUNT}, Owners(identity="u1"), "u1"),
        ({"account": ACCOUNT}, Owners(account="u1"), "u1"),
        ({"account": ACCOUNT}, Owners(), ""),
        ({"phone": PHONE}, Owners(phone="u1"), "u1"),
        ({"phone": PHONE}, Owners(), ""),
        ({"seen": SEEN, "phone": PHONE}, Owners(), ""),
        ({"seen": SEEN, "phone": PHONE}, Owners(identity="u1"), "u1"),
        ({"seen": SEEN, "phone": PHONE}, Owners(identity="u1", phone="u1"), "u1"),
        ({"seen": SEEN, "phone": PHONE, "phone_owned": "sign_in"}, Owners(phone="u2"), "u2"),
        ({"seen": SEEN, "phone": PHONE, "phone_owned": "sign_in"}, Owners(identity="u1", phone="u2"), "u2"),
        ({"uid": "u1", "phone": PHONE}, Owners(), "u1"),
    ],
)
def test_whose_a_login_is(parts: dict[str, Any], owners: Owners, uid: str) -> None:
    assert whose(entry(**parts), owners) == uid


@pytest.mark.parametrize(
    ("parts", "owners", "refusal"),
    [
        ({"seen": SEEN}, Owners(identity="u1", unionid={"u2"}), IdentityConflict),
        ({"seen": SEEN}, Owners(identity="u1", unionid={"u1", "u2"}), IdentityConflict),
        ({"seen": SEEN}, Owners(unionid={"u1", "u2"}), IdentityConflict),
        ({"seen": SEEN, "uid": "u3"}, Owners(identity="u1"), IdentityConflict),
        ({"seen": SEEN, "account": ACCOUNT}, Owners(identity="u1", account="u2"), AccountTaken),
        ({"seen": SEEN, "account": ACCOUNT}, Owners(unionid={"u1"}, account="u2"), AccountTaken),
        ({"account": ACCOUNT, "password_hash": "$argon2id$"}, Owners(account_there=True), AccountTaken),
        ({"seen": SEEN, "phone": PHONE}, Owners(identity="u1", phone="u2"), PhoneTaken),
        ({"seen": SEEN, "phone": PHONE}, Owners(phone="u2"), PhoneTaken),
        ({"account": ACCOUNT, "phone": PHONE, "phone_owned": "sign_in"}, Owners(account="u1", phone="u2"), PhoneTaken),
        ({"uid": "u1", "phone": PHONE, "phone_owned": "sign_in"}, Owners(phone="u2"), PhoneTaken),
        ({"seen": SEEN, "registers": False}, Owners(), RegistrationClosed),
        ({"phone": PHONE, "registers": False}, Owners(), RegistrationClosed),
    ],
)
def test_whose_no_login_is(parts: dict[str, Any], owners: Owners, refusal: type[Refusal]) -> None:
    assert type(whose(entry(**parts), owners)) is refusal


def test_a_conflict_names_both_users_to_the_log_alone() -> None:
    conflict = whose(entry(seen=SEEN), Owners(identity="u1", unionid={"u2"}))
    assert isinstance(conflict, IdentityConflict)
    assert conflict.detail == "u1 u2"
    assert "u1" not in conflict.text()


@pytest.mark.parametrize(
    ("holdings", "refused"),
    [
        (Holdings("banned"), True),
        (Holdings("banned", banned_until=101), True),
        (Holdings("banned", banned_until=100), False),
        (Holdings("banned", banned_until=99), False),
        (Holdings("active", banned_until=101), False),
    ],
)
def test_a_ban_holds_until_its_date(holdings: Holdings, refused: bool) -> None:
    assert isinstance(gains(entry(seen=SEEN), "u1", holdings, Owners(identity="u1")), UserBanned) == refused


@pytest.mark.parametrize(
    ("parts", "holdings", "owners", "expected"),
    [
        ({"account": ACCOUNT}, Holdings(), Owners(), Gains(account=True)),
        ({"account": ACCOUNT}, Holdings(account=("own", "zhang")), Owners(account="u1"), Gains()),
        ({"phone": PHONE}, Holdings(), Owners(), Gains(phone=True)),
        ({"phone": PHONE}, Holdings(phone="another"), Owners(), Gains()),
        ({"phone": PHONE}, Holdings(phone="digest"), Owners(phone="u1"), Gains()),
        ({"phone": PHONE, "account": ACCOUNT}, Holdings(), Owners(), Gains(account=True, phone=True)),
    ],
)
def test_what_is_free_becomes_the_users_where_he_has_none(
    parts: dict[str, Any], holdings: Holdings, owners: Owners, expected: Gains
) -> None:
    assert gains(entry(**parts), "u1", holdings, owners) == expected


def test_a_user_has_one_account() -> None:
    held = Holdings(account=("own", "li"))
    assert isinstance(gains(entry(account=ACCOUNT), "u1", held, Owners()), AlreadyBound)
    assert isinstance(gains(entry(account=ACCOUNT), "u1", Holdings(), Owners(account="u2")), AccountTaken)


def test_nothing_secret_shows_in_an_entry() -> None:
    shown = repr(entry(seen=SEEN, account=ACCOUNT, phone=PHONE, password_hash="$argon2id$planted"))
    assert "planted" not in shown
    assert "sealed" not in shown
