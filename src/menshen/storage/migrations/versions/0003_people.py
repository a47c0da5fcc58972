"""Accounts, phones, profiles, the login log, audit, webhooks, access tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_LONG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _user_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("status", sa.String(10), nullable=False, server_default="active"),
        sa.Column("status_reason", sa.String(200), nullable=False, server_default=""),
        sa.Column("status_at", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("banned_until", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("merged_into", sa.String(40), nullable=False, server_default=""),
        sa.Column("nickname", sa.String(64), nullable=False, server_default=""),
        sa.Column("avatar", sa.String(64), nullable=False, server_default=""),
        sa.Column("profile", sa.Text, nullable=False, server_default="{}"),
        sa.Column("metadata", sa.Text, nullable=False, server_default="{}"),
        sa.Column("logins", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("last_login_at", sa.BigInteger, nullable=False, server_default="0"),
    ]


def upgrade() -> None:
    for column in _user_columns():
        op.add_column("users", column)
    op.create_index("ix_users_created_at_uid", "users", ["created_at", "uid"])
    set_one = sa.text("avatar <> ''")
    op.create_index("ix_users_avatar", "users", ["avatar"], sqlite_where=set_one, postgresql_where=set_one)
    op.add_column("sessions", sa.Column("account", sa.String(128), nullable=False, server_default=""))
    op.create_table(
        "accounts",
        sa.Column("source", sa.String(10)),
        sa.Column("name", sa.String(128)),
        sa.Column("uid", sa.String(40), sa.ForeignKey("users.uid", name="fk_accounts_uid_users")),
        sa.Column("shown", sa.String(128), nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("uid", name="uq_accounts_uid"),
        sa.PrimaryKeyConstraint("source", "name", name="pk_accounts"),
    )
    op.create_table(
        "account_failures",
        sa.Column("digest", sa.String(64)),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("locked_until", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_account_failures"),
    )
    op.create_index("ix_account_failures_last_at", "account_failures", ["last_at"])
    op.create_table(
        "phones",
        sa.Column("digest", sa.String(64)),
        sa.Column("uid", sa.String(40), sa.ForeignKey("users.uid", name="fk_phones_uid_users"), nullable=False),
        sa.Column("sealed_number", sa.Text, nullable=False),
        sa.Column("tail", sa.String(4), nullable=False),
        sa.Column("bound_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("uid", name="uq_phones_uid"),
        sa.PrimaryKeyConstraint("digest", name="pk_phones"),
    )
    op.create_index("ix_phones_tail", "phones", ["tail"])
    op.create_table(
        "sms_codes",
        sa.Column("digest", sa.String(64)),
        sa.Column("code_digest", sa.String(64), nullable=False),
        sa.Column("sent_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_sms_codes"),
    )
    op.create_index("ix_sms_codes_expires_at", "sms_codes", ["expires_at"])
    op.create_table(
        "counters",
        sa.Column("key", sa.String(120)),
        sa.Column("period", sa.BigInteger),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key", "period", name="pk_counters"),
    )
    op.create_index("ix_counters_expires_at", "counters", ["expires_at"])
    op.create_table(
        "login_log",
        sa.Column("id", _LONG_ID, autoincrement=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("how", sa.String(10), nullable=False),
        sa.Column("uid", sa.String(40), nullable=False),
        sa.Column("new_user", sa.Integer, nullable=False),
        sa.Column("platform", sa.String(40), nullable=False),
        sa.Column("app", sa.String(60), nullable=False),
        sa.Column("ip", sa.String(45), nullable=False),
        sa.Column("user_agent", sa.String(200), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("detail", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_login_log"),
    )
    op.create_index("ix_login_log_at", "login_log", ["at"])
    op.create_index("ix_login_log_uid_id", "login_log", ["uid", "id"])
    op.create_index("ix_login_log_ip_id", "login_log", ["ip", "id"])
    op.create_table(
        "audit",
        sa.Column("id", _LONG_ID, autoincrement=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("uid", sa.String(40), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_uid_id", "audit", ["uid", "id"])
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", _LONG_ID, autoincrement=True),
        sa.Column("delivery", sa.String(26), nullable=False),
        sa.Column("webhook", sa.String(60), nullable=False),
        sa.Column("event", sa.String(20), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.Double),
        sa.Column("response_status", sa.Integer, nullable=False),
        sa.Column("error", sa.String(200), nullable=False),
        sa.Column("finished_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("delivery", name="uq_webhook_deliveries_delivery"),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
    )
    due = sa.text("next_at IS NOT NULL")
    op.create_index(
        "ix_webhook_deliveries_webhook_next_at",
        "webhook_deliveries",
        ["webhook", "next_at"],
        sqlite_where=due,
        postgresql_where=due,
    )
    op.create_index("ix_webhook_deliveries_webhook_id", "webhook_deliveries", ["webhook", "id"])
    op.create_table(
        "access_tokens",
        sa.Column("platform", sa.String(40)),
        sa.Column("appid", sa.String(120)),
        sa.Column("sealed_token", sa.Text, nullable=False),
        sa.Column("fetched_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("claim", sa.String(32), nullable=False),
        sa.Column("claimed_until", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("platform", "appid", name="pk_access_tokens"),
    )


def downgrade() -> None:
    for table in (
        "access_tokens",
        "webhook_deliveries",
        "audit",
        "login_log",
        "counters",
        "sms_codes",
        "phones",
        "account_failures",
        "accounts",
    ):
        op.drop_table(table)
    op.drop_column("sessions", "account")
    op.drop_index("ix_users_avatar", "users")
    op.drop_index("ix_users_created_at_uid", "users")
    for column in _user_columns():
        op.drop_column("users", column.name)
