"""The tables, as SQLAlchemy Core; those of operators are in ``operator_tables``, logs in ``log_tables``.

Times are Unix seconds; ``sealed_*`` columns hold texts of ``sealing.Sealer``.
"""

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

__all__ = [
    "LongId",
    "access_tokens",
    "account_failures",
    "accounts",
    "active_revision",
    "codes",
    "component_tickets",
    "counters",
    "identities",
    "metadata",
    "nonces",
    "phones",
    "revisions",
    "revocations",
    "sessions",
    "sms_codes",
    "unusual_index",
    "users",
]

LongId = BigInteger().with_variant(Integer, "sqlite")
"""For tables with a row a login: 32 bits are used up some day. SQLite counts rows only in what it calls INTEGER."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def unusual_index(name: str, *columns: str, unusual: str) -> Index:
    """An index of the few rows that are not as nearly all are, so that those cost nothing to write."""
    return Index(name, *columns, sqlite_where=text(unusual), postgresql_where=text(unusual))


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
"""Every accepted document with its AppSecrets sealed: JSON, or YAML in rows of earlier versions. Rows are never
changed."""

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
    Column("status", String(10), nullable=False, server_default="active"),
    Column("status_reason", String(200), nullable=False, server_default=""),
    Column("status_at", BigInteger, nullable=False, server_default="0"),
    Column("banned_until", BigInteger, nullable=False, server_default="0"),
    Column("merged_into", String(40), nullable=False, server_default=""),
    Column("nickname", String(64), nullable=False, server_default=""),
    Column("avatar", String(64), nullable=False, server_default=""),
    Column("profile", Text, nullable=False, server_default="{}"),
    Column("vouched", Text, nullable=False, server_default="{}"),
    Column("metadata", Text, nullable=False, server_default="{}"),
    Column("logins", BigInteger, nullable=False, server_default="0"),
    Column("last_login_at", BigInteger, nullable=False, server_default="0"),
    Index("ix_users_created_at_uid", "created_at", "uid"),
    unusual_index("ix_users_status_created_at_uid", "status", "created_at", "uid", unusual="status <> 'active'"),
    Index("ix_users_avatar", "avatar", sqlite_where=text("avatar <> ''"), postgresql_where=text("avatar <> ''")),
)
"""``claims`` is a JSON object of texts: what the operator says of a user to backends; ``metadata`` what the operator
keeps with the user; ``vouched`` what platforms say of the user, as values of tags. ``status`` is active, banned
(``banned_until`` 0: for ever) or closed. A closed user is the bare row: it keeps the uid from being given again."""

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

accounts = Table(
    "accounts",
    metadata,
    Column("source", String(10), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("uid", ForeignKey("users.uid")),
    Column("shown", String(128), nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    UniqueConstraint("uid"),
)
"""Business accounts. ``source`` is own or verifier; ``name`` is canonical, ``shown`` as it was written. ``uid`` None:
nobody has logged in with it yet. ``password_hash`` is Argon2id, "" for the verifier's."""

account_failures = Table(
    "account_failures",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("locked_until", BigInteger, nullable=False),
    Index("ix_account_failures_last_at", "last_at"),
)
"""Wrong passwords by name, whether there is such an account or not."""

phones = Table(
    "phones",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("uid", ForeignKey("users.uid"), nullable=False),
    Column("sealed_number", Text, nullable=False),
    Column("tail", String(4), nullable=False),
    Column("bound_at", BigInteger, nullable=False),
    UniqueConstraint("uid"),
    Index("ix_phones_tail", "tail"),
)
"""A phone number that a user has shown to own. One owner a number, one number a user. ``digest`` is keyed."""

sms_codes = Table(
    "sms_codes",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("code_digest", String(64), nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Index("ix_sms_codes_expires_at", "expires_at"),
)
"""The live code of a number and a purpose (``digest`` is keyed and of both)."""

counters = Table(
    "counters",
    metadata,
    Column("key", String(120), primary_key=True),
    Column("period", BigInteger, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_counters_expires_at", "expires_at"),
)
"""How often something was tried in a period (its start, Unix seconds)."""

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("platform", String(40), primary_key=True),
    Column("appid", String(120), primary_key=True),
    Column("sealed_token", Text, nullable=False),
    Column("fetched_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("claim", String(32), nullable=False),
    Column("claimed_until", Double, nullable=False),
)
"""The one access token of an app, and who is fetching the next."""

component_tickets = Table(
    "component_tickets",
    metadata,
    Column("appid", String(120), primary_key=True),
    Column("sealed_ticket", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("received_at", Double, nullable=False),
)
"""The newest ticket of a WeChat third-party platform: when WeChat made it, and when it came."""

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
    Column("id", LongId, primary_key=True, autoincrement=True),
    Column("sid", String(26), nullable=False),
    Column("uid", String(40), nullable=False),
    Column("platform", String(40), nullable=False),
    Column("appid", String(120), nullable=False),
    Column("plugin", String(64), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("openid", String(128), nullable=False),
    Column("unionid", String(128), nullable=False),
    Column("claims", Text, nullable=False),
    Column("account", String(128), nullable=False, server_default=""),
    Column("tags", Text, nullable=False, server_default="{}"),
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
    Column("id", LongId, primary_key=True, autoincrement=True),
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

nonces = Table(
    "nonces",
    metadata,
    Column("key_id", String(50), primary_key=True),
    Column("nonce", String(64), primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_nonces_expires_at", "expires_at"),
)
"""Nonces of calls that were signed with a key pair, each good once."""
