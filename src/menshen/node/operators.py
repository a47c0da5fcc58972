"""Who may operate a node: whoever has the token in its data directory, and the operators of its database."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from menshen.errors import KeyRingInvalid
from menshen.operators.service import OperatorService, operator_service
from menshen.secret import Secret
from menshen.storage.database import Database
from menshen.storage.private_file import read_private
from menshen.users.passwords import Passwords

__all__ = ["operators_of"]

_ADMIN_TOKEN = "admin.token"  # noqa: S105  (a file's name)
_SHORTEST_TOKEN = 32


def operators_of(data_dir: Path, database: Database, master_key: bytes) -> OperatorService:
    """Raises ``KeyRingInvalid``."""
    random = secrets.token_bytes
    token = _admin_token(data_dir)
    return operator_service(database, master_key, token, Passwords(random), time.time, time.monotonic, random)


def _admin_token(data_dir: Path) -> Secret:
    """The token of whoever owns the node, made at first start. Raises ``KeyRingInvalid``."""
    text = read_private(data_dir / _ADMIN_TOKEN, lambda: secrets.token_urlsafe(32).encode() + b"\n").strip()
    if len(text) < _SHORTEST_TOKEN:
        raise KeyRingInvalid(f"{_ADMIN_TOKEN}: shorter than {_SHORTEST_TOKEN} characters; remove it and start again")
    return Secret(text)
