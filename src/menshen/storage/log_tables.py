"""The tables of what happened: rows are added, and go when they are old. Times are Unix seconds."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from menshen.storage.tables import LongId, metadata, unusual_index

__all__ = ["audit", "figures", "login_log", "trace_links", "webhook_deliveries"]

login_log = Table(
    "login_log",
    metadata,
    Column("id", LongId, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("outcome", String(40), nullable=False),
    Column("how", String(10), nullable=False),
    Column("uid", String(40), nullable=False),
    Column("new_user", Integer, nullable=False),
    Column("platform", String(40), nullable=False),
    Column("app", String(60), nullable=False),
    Column("ip", String(45), nullable=False),
    Column("user_agent", String(200), nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("detail", String(200), nullable=False),
    Index("ix_login_log_at", "at"),
    Index("ix_login_log_uid_id", "uid", "id"),
    Index("ix_login_log_ip_id", "ip", "id"),
    Index("ix_login_log_app_id", "app", "id"),
    unusual_index("ix_login_log_id", "id", unusual="outcome <> 'ok'"),
    unusual_index("ix_login_log_outcome_id", "outcome", "id", unusual="outcome <> 'ok'"),
    unusual_index("ix_login_log_how_id", "how", "id", unusual="how <> 'code'"),
)
"""Every login that was tried. ``outcome`` is ok or the reason of the refusal, ``how`` code, password, phone or sms."""

audit = Table(
    "audit",
    metadata,
    Column("id", LongId, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(120), nullable=False),
    Column("action", String(40), nullable=False),
    Column("uid", String(40), nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_audit_uid_id", "uid", "id"),
    Index("ix_audit_actor_id", "actor", "id"),
    Index("ix_audit_action_id", "action", "id"),
)
"""What was done, and by whom. ``detail`` is JSON without personal data."""

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", LongId, primary_key=True, autoincrement=True),
    Column("delivery", String(26), nullable=False),
    Column("webhook", String(60), nullable=False),
    Column("event", String(20), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("status", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Double),
    Column("response_status", Integer, nullable=False),
    Column("error", String(200), nullable=False),
    Column("finished_at", BigInteger, nullable=False),
    UniqueConstraint("delivery"),
    Index(
        "ix_webhook_deliveries_webhook_next_at",
        "webhook",
        "next_at",
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
    Index("ix_webhook_deliveries_webhook_id", "webhook", "id"),
    unusual_index("ix_webhook_deliveries_webhook_id_failed", "webhook", "id", unusual="status = 'failed'"),
)
"""What webhooks were, or are to be, told. ``status`` is waiting, delivered or failed; ``next_at`` None: done with."""

trace_links = Table(
    "trace_links",
    metadata,
    Column("id", LongId, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("value", String(384), nullable=False),
    Column("tag", String(32), nullable=False),
    Column("trace_id", String(32), nullable=False),
    Column("route", String(121), nullable=False),
    Column("status", Integer, nullable=False),
    Column("request_id", String(64), nullable=False),
    Index("ix_trace_links_value_id", "value", "id"),
    Index("ix_trace_links_at", "at"),
)
"""A trace of a TraceID. ``value`` is percent-encoded, as it stands in headers; ``at`` is when the request came."""

figures = Table(
    "figures",
    metadata,
    Column("at", BigInteger, primary_key=True),
    Column("node", String(26), primary_key=True),
    Column("counts", Text, nullable=False),
)
"""What a node did in the minute that began ``at``, as JSON. A node that was started again is another one."""
