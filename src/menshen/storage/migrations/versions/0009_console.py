"""What the console asks of users, logins and deliveries has an index each, or is of few rows."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_UNUSUAL = (
    ("ix_login_log_id", "login_log", ["id"], "outcome <> 'ok'"),
    ("ix_login_log_outcome_id", "login_log", ["outcome", "id"], "outcome <> 'ok'"),
    ("ix_login_log_how_id", "login_log", ["how", "id"], "how <> 'code'"),
    ("ix_users_status_created_at_uid", "users", ["status", "created_at", "uid"], "status <> 'active'"),
    ("ix_webhook_deliveries_webhook_id_failed", "webhook_deliveries", ["webhook", "id"], "status = 'failed'"),
)


def upgrade() -> None:
    op.create_index("ix_login_log_app_id", "login_log", ["app", "id"])
    for name, table, columns, where in _UNUSUAL:
        op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    for name, table, _, _ in reversed(_UNUSUAL):
        op.drop_index(name, table)
    op.drop_index("ix_login_log_app_id", "login_log")
