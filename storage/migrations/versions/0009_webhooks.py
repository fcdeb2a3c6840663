"""Webhooks: what is told to other programs stands beside what Slack did not take, and endpoints can be switched off."""

import sqlalchemy as sa
from alembic import op

revision = "0009_webhooks"
down_revision = "0008_storms"


def upgrade() -> None:
    with op.batch_alter_table("notices") as notices:
        notices.alter_column("outage_id", existing_type=sa.Text(), nullable=True)
        notices.add_column(sa.Column("endpoint", sa.Text(), nullable=False, server_default="fallback"))
    op.create_table(
        "endpoints",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True)),
        sa.Column("disabled_at", sa.DateTime(timezone=True)),
        sa.Column("why", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("name", name="pk_endpoints"),
    )
