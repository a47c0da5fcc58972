"""The tables of whoever works at the console and the admin API. Times are Unix seconds."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from menshen.storage.tables import metadata

__all__ = ["api_tokens", "operator_sessions", "operators"]

operators = Table(
    "operators",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("shown", String(64), nullable=False),
    Column("role", String(10), nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("disabled", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("password_changed_at", BigInteger, nullable=False),
    Column("last_login_at", BigInteger, nullable=False),
)
"""``name`` is canonical, ``shown`` as it was written; ``password_hash`` is Argon2id. Rows are never deleted: the names
stand in the audit log, and must not be given to somebody else."""

operator_sessions = Table(
    "operator_sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("id", String(26), nullable=False),
    Column("operator", ForeignKey("operators.name"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("ip", String(45), nullable=False),
    Column("user_agent", String(200), nullable=False),
    UniqueConstraint("id"),
    Index("ix_operator_sessions_operator_created_at", "operator", "created_at"),
    Index("ix_operator_sessions_expires_at", "expires_at"),
    Index("ix_operator_sessions_last_seen_at", "last_seen_at"),
)
"""Who is logged in at the console. ``digest`` is SHA-256 of the cookie, which is nowhere; ``id`` is for lists."""

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("name", String(40), nullable=False),
    Column("owner", ForeignKey("operators.name"), nullable=False),
    Column("scopes", String(400), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger, nullable=False),
    UniqueConstraint("digest"),
    Index("ix_api_tokens_owner_created_at", "owner", "created_at"),
)
"""Tokens of the admin API. ``digest`` is SHA-256 of the token, which is nowhere; ``scopes`` are words with blanks
between; ``revoked_at`` 0: not revoked."""
