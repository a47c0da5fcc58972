"""Which traces a TraceID has."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_LONG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "trace_links",
        sa.Column("id", _LONG_ID, autoincrement=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("value", sa.String(384), nullable=False),
        sa.Column("tag", sa.String(32), nullable=False),
        sa.Column("trace_id", sa.String(32), nullable=False),
        sa.Column("route", sa.String(121), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_trace_links"),
    )
    op.create_index("ix_trace_links_value_id", "trace_links", ["value", "id"])
    op.create_index("ix_trace_links_at", "trace_links", ["at"])


def downgrade() -> None:
    op.drop_table("trace_links")
