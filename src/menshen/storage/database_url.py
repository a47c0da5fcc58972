"""Which database: a PostgreSQL that the environment names, or SQLite in the data directory.

The URL of a PostgreSQL holds a password, so it comes by the environment alone: a command line can be read by every user
of the machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from menshen.errors import DatabaseUnavailable
from menshen.storage.database import sqlite_url

__all__ = ["DATABASE_URL_VARIABLE", "database_url"]

DATABASE_URL_VARIABLE = "MENSHEN_DATABASE_URL"

_SCHEMES = ("postgresql://", "postgres://")


def database_url(data_dir: Path, env: Mapping[str, str]) -> str:
    """What ``Database`` takes. A variable that is empty counts as not set.

    Raises ``DatabaseUnavailable`` for a URL that is not PostgreSQL's; the error does not show it.
    """
    url = env.get(DATABASE_URL_VARIABLE, "").strip()
    if not url:
        return sqlite_url(data_dir)
    if not url.startswith(_SCHEMES):
        raise DatabaseUnavailable(f"{DATABASE_URL_VARIABLE}: must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    return url
