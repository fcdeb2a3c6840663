"""Replicas that have left are remembered by their last beat, and the times when nobody watched."""

import sqlalchemy as sa
from alembic import op

revision = "0010_blind"
down_revision = "0009_webhooks"


def upgrade() -> None:
    op.add_column("replicas", sa.Column("left_at", sa.DateTime(timezone=True)))
    op.create_table(
        "blindness",
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("since", name="pk_blindness"),
    )
