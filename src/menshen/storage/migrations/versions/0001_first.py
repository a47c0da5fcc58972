"""Revisions, users, identities, codes."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "revisions",
        sa.Column("id", sa.Integer, autoincrement=True),
        sa.Column("created_at", sa.Integer, nullable=False),
        sa.Column("author", sa.String(120), nullable=False),
        sa.Column("comment", sa.String(500), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_revisions"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "active_revision",
        sa.Column("slot", sa.Integer),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("activated_at", sa.Integer, nullable=False),
        sa.Column("author", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("slot", name="pk_active_revision"),
        sa.ForeignKeyConstraint(["revision"], ["revisions.id"], name="fk_active_revision_revision"),
    )
    op.create_table(
        "users",
        sa.Column("uid", sa.String(40)),
        sa.Column("created_at", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("uid", name="pk_users"),
    )
    op.create_table(
        "identities",
        sa.Column("id", sa.Integer, autoincrement=True),
        sa.Column("uid", sa.String(40), nullable=False),
        sa.Column("platform", sa.String(40), nullable=False),
        sa.Column("appid", sa.String(120), nullable=False),
        sa.Column("openid", sa.String(128), nullable=False),
        sa.Column("unionid", sa.String(128), nullable=False),
        sa.Column("sealed_session_key", sa.Text, nullable=False),
        sa.Column("created_at", sa.Integer, nullable=False),
        sa.Column("last_login_at", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identities"),
        sa.ForeignKeyConstraint(["uid"], ["users.uid"], name="fk_identities_uid"),
        sa.UniqueConstraint("platform", "appid", "openid", name="uq_identities_platform_appid_openid"),
    )
    op.create_index("ix_identities_uid", "identities", ["uid"])
    op.create_index("ix_identities_unionid", "identities", ["unionid"])
    op.create_table(
        "codes",
        sa.Column("digest", sa.String(64)),
        sa.Column("claim", sa.String(32), nullable=False),
        sa.Column("claimed_at", sa.Double, nullable=False),
        sa.Column("done_at", sa.Double),
        sa.Column("sealed_outcome", sa.Text),
        sa.PrimaryKeyConstraint("digest", name="pk_codes"),
    )
    op.create_index("ix_codes_claimed_at", "codes", ["claimed_at"])


def downgrade() -> None:
    for table in ("codes", "identities", "users", "active_revision", "revisions"):
        op.drop_table(table)
