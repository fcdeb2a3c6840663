"""A connection can be removed; its row stays for the history."""

import sqlalchemy as sa
from alembic import op

revision = "0004_removed"
down_revision = "0003_slackfail"


def upgrade() -> None:
    op.add_column("connections", sa.Column("removed_at", sa.DateTime(timezone=True)))
    op.add_column("connections", sa.Column("removed_by", sa.Text()))
