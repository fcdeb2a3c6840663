"""What waits too long for Slack goes elsewhere; a click counts once."""

import sqlalchemy as sa
from alembic import op

revision = "0003_slackfail"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("said_revision", sa.Integer()))
    op.add_column("outbox", sa.Column("elsewhere_at", sa.DateTime(timezone=True)))
    op.add_column("outbox", sa.Column("elsewhere_revision", sa.Integer()))
    op.create_index("ix_outbox_elsewhere_at", "outbox", ["elsewhere_at"])
    op.create_table(
        "notices",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("outage_id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["outage_id"], ["outages.id"], name="fk_notices_outage_id"),
        sa.PrimaryKeyConstraint("key", name="pk_notices"),
    )
    op.create_index("ix_notices_due_at", "notices", ["due_at"])
    op.create_table(
        "clicks",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("clicked_micros", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_clicks"),
    )
    op.create_index("ix_clicks_at", "clicks", ["at"])
