"""Every table, as SQLAlchemy Core. Times are Unix seconds; ``sealed_*`` columns hold texts of ``sealing.Sealer``."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

__all__ = ["active_revision", "codes", "identities", "metadata", "revisions", "revocations", "sessions", "users"]

_LongId = BigInteger().with_variant(Integer, "sqlite")
"""For tables with a row a login: 32 bits are used up some day. SQLite counts rows only in what it calls INTEGER."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

revisions = Table(
    "revisions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("created_at", Integer, nullable=False),
    Column("author", String(120), nullable=False),
    Column("comment", String(500), nullable=False),
    Column("document", Text, nullable=False),
    sqlite_autoincrement=True,
)
"""Every accepted document, as YAML with its AppSecrets sealed. Rows are never changed."""

active_revision = Table(
    "active_revision",
    metadata,
    Column("slot", Integer, primary_key=True),
    Column("revision", ForeignKey("revisions.id"), nullable=False),
    Column("activated_at", Integer, nullable=False),
    Column("author", String(120), nullable=False),
)
"""One row, slot 1: the revision that runs. Rollback moves it."""

users = Table(
    "users",
    metadata,
    Column("uid", String(40), primary_key=True),
    Column("created_at", Integer, nullable=False),
    Column("claims", Text, nullable=False, server_default="{}"),
)
"""``claims`` is a JSON object of texts: what the operator says of a user."""

identities = Table(
    "identities",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("uid", ForeignKey("users.uid"), nullable=False),
    Column("platform", String(40), nullable=False),
    Column("appid", String(120), nullable=False),
    Column("openid", String(128), nullable=False),
    Column("unionid", String(128), nullable=False),
    Column("sealed_session_key", Text, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("last_login_at", Integer, nullable=False),
    UniqueConstraint("platform", "appid", "openid"),
    Index("ix_identities_uid", "uid"),
    Index("ix_identities_unionid", "unionid"),
)
"""One (platform, appid, openid) that belongs to a user."""

codes = Table(
    "codes",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("claim", String(32), nullable=False),
    Column("claimed_at", Double, nullable=False),
    Column("done_at", Double),
    Column("sealed_outcome", Text),
    Index("ix_codes_claimed_at", "claimed_at"),
)
"""Login codes seen, so that each is exchanged once whichever process gets it. ``done_at`` None: being exchanged."""

sessions = Table(
    "sessions",
    metadata,
    Column("id", _LongId, primary_key=True, autoincrement=True),
    Column("sid", String(26), nullable=False),
    Column("uid", String(40), nullable=False),
    Column("platform", String(40), nullable=False),
    Column("appid", String(120), nullable=False),
    Column("plugin", String(64), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("openid", String(128), nullable=False),
    Column("unionid", String(128), nullable=False),
    Column("claims", Text, nullable=False),
    Column("digest", String(64)),
    Column("auth", BigInteger, nullable=False),
    Column("state_issued_at", BigInteger, nullable=False),
    Column("state_expires_at", BigInteger, nullable=False),
    Column("state_end_at", BigInteger, nullable=False),
    Column("lifetime", BigInteger, nullable=False),
    Column("protect_until", BigInteger, nullable=False),
    Column("refresh_generation", Integer, nullable=False),
    Column("refreshed_at", Double),
    Column("refresh_expires_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("ip", String(45), nullable=False),
    Column("user_agent", String(200), nullable=False),
    Column("ended_at", BigInteger),
    Column("ended_why", String(20), nullable=False),
    UniqueConstraint("sid"),
    Index(
        "ix_sessions_digest",
        "digest",
        unique=True,
        sqlite_where=text("digest IS NOT NULL"),
        postgresql_where=text("digest IS NOT NULL"),
    ),
    Index("ix_sessions_uid", "uid"),
    Index("ix_sessions_platform_appid_id", "platform", "appid", "id"),
    Index("ix_sessions_expires_at", "expires_at"),
)
"""One row a login. See :class:`menshen.storage.session_rows.SessionRow` for what the columns say."""

revocations = Table(
    "revocations",
    metadata,
    Column("id", _LongId, primary_key=True, autoincrement=True),
    Column("sid", String(26), nullable=False),
    Column("platform", String(40), nullable=False),
    Column("appid", String(120), nullable=False),
    Column("before", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("bound", BigInteger, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("created_at", Double, nullable=False),
    Index("ix_revocations_sid_before", "sid", "before"),
    Index("ix_revocations_until", "until"),
    sqlite_autoincrement=True,
)
"""What ended before its time. Others follow the table by ``id``, so an id is never given twice."""
