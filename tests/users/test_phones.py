"""Phone numbers at rest."""

from __future__ import annotations

import secrets

import pytest

from menshen.errors import KeyRingInvalid
from menshen.users.phone_number import parse_phone
from menshen.users.phones import PhoneNumbers

NUMBER, OTHER = parse_phone("13580006666"), parse_phone("13580006667")
NUMBERS = PhoneNumbers(secrets.token_bytes(32))


def test_a_number_is_found_by_its_digest_and_read_back() -> None:
    proven, again = NUMBERS.proven(NUMBER), NUMBERS.proven(NUMBER)
    assert proven.digest == again.digest == NUMBERS.digest(NUMBER)
    assert proven.sealed != again.sealed
    assert proven.tail == "6666"
    assert NUMBERS.reveal(proven.sealed, proven.digest) == NUMBER


def test_two_numbers_and_two_keys_have_nothing_in_common() -> None:
    assert NUMBERS.digest(NUMBER) != NUMBERS.digest(OTHER)
    assert NUMBERS.digest(NUMBER) != PhoneNumbers(secrets.token_bytes(32)).digest(NUMBER)


def test_a_sealed_number_opens_in_its_own_row_only() -> None:
    proven, other = NUMBERS.proven(NUMBER), NUMBERS.proven(OTHER)
    with pytest.raises(KeyRingInvalid):
        NUMBERS.reveal(proven.sealed, other.digest)
    with pytest.raises(KeyRingInvalid):
        PhoneNumbers(secrets.token_bytes(32)).reveal(proven.sealed, proven.digest)


def test_nothing_of_the_number_but_its_tail_is_in_what_is_stored() -> None:
    proven = NUMBERS.proven(NUMBER)
    stored = f"{proven.digest} {proven.sealed} {proven.tail}"
    assert not any(part in stored for part in (NUMBER.national, NUMBER.national[:7], NUMBER.e164))
