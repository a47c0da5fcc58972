"""What platforms vouch for of users, and the tags of sessions that come of it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("users", sa.Column("vouched", sa.Text, nullable=False, server_default="{}"))
    op.add_column("sessions", sa.Column("tags", sa.Text, nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("sessions", "tags")
    op.drop_column("users", "vouched")
