"""Operators, their sessions at the console and their API tokens; the audit log is found by actor and by action."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "operators",
        sa.Column("name", sa.String(64)),
        sa.Column("shown", sa.String(64), nullable=False),
        sa.Column("role", sa.String(10), nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("disabled", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("password_changed_at", sa.BigInteger, nullable=False),
        sa.Column("last_login_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_operators"),
    )
    op.create_table(
        "operator_sessions",
        sa.Column("digest", sa.String(64)),
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("operator", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("last_seen_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("ip", sa.String(45), nullable=False),
        sa.Column("user_agent", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(["operator"], ["operators.name"], name="fk_operator_sessions_operator_operators"),
        sa.UniqueConstraint("id", name="uq_operator_sessions_id"),
        sa.PrimaryKeyConstraint("digest", name="pk_operator_sessions"),
    )
    op.create_index("ix_operator_sessions_operator_created_at", "operator_sessions", ["operator", "created_at"])
    op.create_index("ix_operator_sessions_expires_at", "operator_sessions", ["expires_at"])
    op.create_index("ix_operator_sessions_last_seen_at", "operator_sessions", ["last_seen_at"])
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.String(26)),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("scopes", sa.String(400), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("last_used_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["owner"], ["operators.name"], name="fk_api_tokens_owner_operators"),
        sa.UniqueConstraint("digest", name="uq_api_tokens_digest"),
        sa.PrimaryKeyConstraint("id", name="pk_api_tokens"),
    )
    op.create_index("ix_api_tokens_owner_created_at", "api_tokens", ["owner", "created_at"])
    op.create_index("ix_audit_actor_id", "audit", ["actor", "id"])
    op.create_index("ix_audit_action_id", "audit", ["action", "id"])


def downgrade() -> None:
    op.drop_index("ix_audit_action_id", "audit")
    op.drop_index("ix_audit_actor_id", "audit")
    for table in ("api_tokens", "operator_sessions", "operators"):
        op.drop_table(table)
