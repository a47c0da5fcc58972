"""Usernames: one spelling of each, so that a lock or a limit on one is not walked round with another (class 32).

Menshen's own accounts have names of plain ASCII, which have one spelling once they are in lower case. A team's verifier
takes whatever it takes, and may hold two spellings to be one; so tries are counted by the widest fold there is.
"""

from __future__ import annotations

import re
import unicodedata

from menshen.errors import CallMalformed

__all__ = ["canonical_name", "folded_name", "new_name", "presentable"]

_own = re.compile(r"[a-z0-9][a-z0-9._@+-]{2,63}").fullmatch
_LONGEST = 128


def canonical_name(username: str) -> str | None:
    """The name of an own account, None where there cannot be one of that name."""
    # Before lower-casing: the Kelvin sign is "k" in lower case, and not a letter that anybody has in his name.
    lowered = username.lower() if username.isascii() else ""
    return lowered if _own(lowered) else None


def new_name(username: str) -> str:
    """The same for an account that is to be made. Raises ``CallMalformed``."""
    name = canonical_name(username)
    if name is None:
        raise CallMalformed("a username is 3 to 64 of a-z, 0-9 and ._@+-, a letter or a digit first")
    return name


def folded_name(username: str) -> str:
    """What tries are counted by: the same for every two names that any system might hold to be one.

    Case, width, accents (MySQL's usual collations see none), blanks and what is invisible make no difference.
    """
    text = unicodedata.normalize("NFKD", username).casefold()
    text = unicodedata.normalize("NFKD", text)
    return "".join(c for c in text if c.isprintable() and not c.isspace() and not unicodedata.combining(c))


def presentable(username: str) -> bool:
    """Whether a verifier is asked about it: 1 to 128 characters, none of them a control or invisible."""
    return 0 < len(username) <= _LONGEST and username.isprintable() and username == username.strip()
