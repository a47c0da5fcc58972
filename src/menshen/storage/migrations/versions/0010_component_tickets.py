"""The tickets that WeChat pushes to third-party platforms."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "component_tickets",
        sa.Column("appid", sa.String(120), primary_key=True),
        sa.Column("sealed_ticket", sa.Text, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("received_at", sa.Double, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("component_tickets")
