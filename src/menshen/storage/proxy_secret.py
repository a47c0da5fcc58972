"""The secret that the proxies of an installation and its nodes share."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Final

from menshen.errors import KeyRingInvalid
from menshen.secret import Secret
from menshen.storage.sealing import derived_key

__all__ = ["PROXY_SECRET_VARIABLE", "proxy_secret"]

PROXY_SECRET_VARIABLE: Final = "MENSHEN_VERIFY_SECRET"  # noqa: S105  (a variable's name)

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{32,256}")
"""Nothing that any proxy's configuration would read in a way of its own; and too long to be guessed."""


def proxy_secret(master_key: bytes, env: Mapping[str, str]) -> Secret:
    """``MENSHEN_VERIFY_SECRET``, or one of the master key's own. Raises ``KeyRingInvalid``."""
    text = env.get(PROXY_SECRET_VARIABLE)
    if text is None:
        return Secret(base64.urlsafe_b64encode(derived_key(master_key, "forward-auth")).rstrip(b"=").decode())
    if not _PLAIN.fullmatch(text):
        raise KeyRingInvalid(f"{PROXY_SECRET_VARIABLE}: must be 32 to 256 letters, digits, - and _")
    return Secret(text)
