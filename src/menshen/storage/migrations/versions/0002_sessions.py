"""Session records, revocations, the users' own claims."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_LONG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("users", sa.Column("claims", sa.Text, nullable=False, server_default="{}"))
    op.create_table(
        "sessions",
        sa.Column("id", _LONG_ID, autoincrement=True),
        sa.Column("sid", sa.String(26), nullable=False),
        sa.Column("uid", sa.String(40), nullable=False),
        sa.Column("platform", sa.String(40), nullable=False),
        sa.Column("appid", sa.String(120), nullable=False),
        sa.Column("plugin", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("openid", sa.String(128), nullable=False),
        sa.Column("unionid", sa.String(128), nullable=False),
        sa.Column("claims", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64)),
        sa.Column("auth", sa.BigInteger, nullable=False),
        sa.Column("state_issued_at", sa.BigInteger, nullable=False),
        sa.Column("state_expires_at", sa.BigInteger, nullable=False),
        sa.Column("state_end_at", sa.BigInteger, nullable=False),
        sa.Column("lifetime", sa.BigInteger, nullable=False),
        sa.Column("protect_until", sa.BigInteger, nullable=False),
        sa.Column("refresh_generation", sa.Integer, nullable=False),
        sa.Column("refreshed_at", sa.Double),
        sa.Column("refresh_expires_at", sa.BigInteger, nullable=False),
        sa.Column("last_seen_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("ip", sa.String(45), nullable=False),
        sa.Column("user_agent", sa.String(200), nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("ended_why", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("sid", name="uq_sessions_sid"),
    )
    given = sa.text("digest IS NOT NULL")
    op.create_index(
        "ix_sessions_digest", "sessions", ["digest"], unique=True, sqlite_where=given, postgresql_where=given
    )
    op.create_index("ix_sessions_uid", "sessions", ["uid"])
    op.create_index("ix_sessions_platform_appid_id", "sessions", ["platform", "appid", "id"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "revocations",
        sa.Column("id", _LONG_ID, autoincrement=True),
        sa.Column("sid", sa.String(26), nullable=False),
        sa.Column("platform", sa.String(40), nullable=False),
        sa.Column("appid", sa.String(120), nullable=False),
        sa.Column("before", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("bound", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_revocations"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_revocations_sid_before", "revocations", ["sid", "before"])
    op.create_index("ix_revocations_until", "revocations", ["until"])


def downgrade() -> None:
    for table in ("revocations", "sessions"):
        op.drop_table(table)
    op.drop_column("users", "claims")
