"""The node's own token, ``admin.token`` in the data directory: whoever can read that file owns the node anyway."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Final

from menshen.operators.roles import SCOPES_OF, Principal, Role
from menshen.secret import Secret

__all__ = ["BY_FILE", "token_file"]

BY_FILE: Final = Principal("admin", SCOPES_OF[Role.OWNER], "file")
"""Who holds the token, as the audit log has it."""


def token_file(token: Secret) -> Callable[[str], Awaitable[Principal | None]]:
    """Tells by a bearer token whether it is the file's."""
    expected = token.reveal().encode()

    async def identify(bearer: str) -> Principal | None:
        # Compared in constant time: a caller that measures must not find the token byte by byte.
        return BY_FILE if hmac.compare_digest(bearer.encode("utf-8", "surrogatepass"), expected) else None

    return identify
