"""Messages that are about no outage: what ends soon."""

import sqlalchemy as sa
from alembic import op

revision = "0011_announcements"
down_revision = "0010_blind"


def upgrade() -> None:
    op.create_table(
        "announcements",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("owner", sa.Text()),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("changed_at", sa.DateTime(timezone=True)),
        sa.Column("ts", sa.Text()),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.Column("over", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_announcements"),
    )
    op.create_index("ix_announcements_due_at", "announcements", ["due_at"])
    op.create_index("ix_announcements_over", "announcements", ["over"])
