"""Sessions of people on the pages can be ended before their time."""

import sqlalchemy as sa
from alembic import op

revision = "0024_ended_sessions"
down_revision = "0023_sent_through"


def upgrade() -> None:
    op.create_table(
        "ended_sessions",
        sa.Column("whose", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("whose", name="pk_ended_sessions"),
    )
    op.create_index("ix_ended_sessions_at", "ended_sessions", ["at"])
