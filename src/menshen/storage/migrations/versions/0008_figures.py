"""What each node did in each minute."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "figures",
        sa.Column("at", sa.BigInteger),
        sa.Column("node", sa.String(26)),
        sa.Column("counts", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("at", "node", name="pk_figures"),
    )


def downgrade() -> None:
    op.drop_table("figures")
