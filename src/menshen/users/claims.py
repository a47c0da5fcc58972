"""What a user's own claims may be: they travel in headers, in login states and in assertions, so they are short."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from menshen.errors import ClaimInvalid

__all__ = ["MOST_BYTES", "MOST_CLAIMS", "changed_claims"]

MOST_CLAIMS = 16
MOST_BYTES = 840
"""Of a user's claims as JSON. A login state has a limit, and a user whose claims break it could not log in; there is
room beside them for the longest name of an account."""

_name = re.compile(r"[a-z][a-z0-9_]{0,31}").fullmatch
_value = re.compile(r"[ -~]{0,128}").fullmatch


def changed_claims(claims: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """The claims with the changes made; None takes a claim away. Raises ``ClaimInvalid``, with no value in it."""
    for name, value in changes.items():
        if not _name(name):
            raise ClaimInvalid(f"claim {name[:40]!r}: a name is a-z, then a-z, 0-9 and _, 32 at most")
        if value is not None and not _value(value):
            raise ClaimInvalid(f"claim {name}: a value is printable ASCII, 128 characters at most")
    changed = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    if len(changed) > MOST_CLAIMS:
        raise ClaimInvalid(f"a user has {MOST_CLAIMS} claims at most")
    if len(msgspec.json.encode(changed)) > MOST_BYTES:
        raise ClaimInvalid(f"the claims of a user are {MOST_BYTES} bytes of JSON at most")
    return changed
