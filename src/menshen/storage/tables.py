"""Every table, as SQLAlchemy Core. Times are Unix seconds; ``sealed_*`` columns hold texts of ``sealing.Sealer``."""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

__all__ = ["active_revision", "codes", "identities", "metadata", "revisions", "users"]

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
)

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
