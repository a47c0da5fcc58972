"""Phone numbers at rest: found by a keyed digest, read back only with the master key.

Who has a copy of the database alone has the last four digits of each number (attack class 36).
"""

from __future__ import annotations

from menshen.secret import Secret
from menshen.storage.digests import KeyedDigest
from menshen.storage.sealing import Sealer
from menshen.users.entering import ProvenPhone
from menshen.users.phone_number import PhoneNumber, parse_phone

__all__ = ["PhoneNumbers"]


class PhoneNumbers:
    """Numbers as the database holds them, under the master key (32 bytes)."""

    def __init__(self, master_key: bytes) -> None:
        self._digest = KeyedDigest(master_key, "phone-digest")
        self._sealer = Sealer(master_key, "phone-number")

    def digest(self, number: PhoneNumber) -> str:
        """64 hex digits; the same for the same number, and nothing to who has no key."""
        return self._digest.of(number.e164)

    def proven(self, number: PhoneNumber) -> ProvenPhone:
        """A number that its user has just shown to own, ready to be stored."""
        digest = self.digest(number)
        return ProvenPhone(digest, self._sealer.seal(Secret(number.e164), digest), number.tail)

    def reveal(self, sealed: str, digest: str) -> PhoneNumber:
        """The number of a row. Raises ``KeyRingInvalid`` where it was sealed for another row or with another key."""
        return parse_phone(self._sealer.unseal(sealed, digest).reveal())
