"""What went wrong in the database: whether it is away, whether trying again helps, and no word of what was stored.

Parameters are hidden by the engine already. PostgreSQL and its driver quote values besides, in the text of the error
("Key (openid)=(o6_b…) already exists"): errors are logged, and values are openids and digests of phone numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from menshen.errors import DatabaseUnavailable

__all__ = ["available", "passes"]

_QUOTING_CLASSES = ("", "22", "23")
"""SQLSTATE classes whose messages quote values: data exceptions, constraints, and what the driver itself refuses."""

_WRONG_CLASSES = ("22", "23", "42")
"""Data exceptions, constraints, syntax and names."""

_PASSING = frozenset({"40001", "40P01", "23505"})
"""Serialization failure, deadlock, and a unique key that another transaction has just taken."""


@contextmanager
def available() -> Iterator[None]:
    """Tell a database that is away (``DatabaseUnavailable``) from a statement that is wrong (as it comes)."""
    try:
        yield
    except DBAPIError as error:
        _hush(error)
        if _wrong(error) and error.statement is not None:
            raise
        raise DatabaseUnavailable(f"the database cannot be used: {_name(error)}") from error
    except (OSError, PoolTimeout) as error:
        raise DatabaseUnavailable(f"the database cannot be used: {type(error).__name__}") from error


def passes(error: Exception) -> bool:
    """Whether the same transaction, run again from its start, may well succeed."""
    cause = error.__cause__ if isinstance(error, DatabaseUnavailable) else error
    return isinstance(cause, DBAPIError) and _sqlstate(cause) in _PASSING


def _wrong(error: DBAPIError) -> bool:
    if isinstance(error, IntegrityError | ProgrammingError | DataError):
        return True
    # A ValueError is a value that asyncpg does not even send, such as a number too large for its column.
    return _sqlstate(error)[:2] in _WRONG_CLASSES or isinstance(_raised(error), ValueError)


def _hush(error: DBAPIError) -> None:
    raised = _raised(error)
    if isinstance(raised, OSError) or _sqlstate(error)[:2] not in _QUOTING_CLASSES:
        return
    if error.orig is raised:  # SQLite says which columns, never which values
        return
    said = " ".join(filter(None, (_name(error), getattr(raised, "constraint_name", None))))
    for each in (error, error.orig, raised):
        if each is not None:
            each.args = (said,)
    if raised is not None:
        raised.__dict__.update(detail=None, hint=None)
        raised.__cause__ = None
        raised.__suppress_context__ = True


def _raised(error: DBAPIError) -> BaseException | None:
    """What the driver raised, before SQLAlchemy gave it another name."""
    return error.orig if error.orig is None or error.orig.__cause__ is None else error.orig.__cause__


def _name(error: DBAPIError) -> str:
    return type(_raised(error) or error).__name__


def _sqlstate(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""
