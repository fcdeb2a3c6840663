"""Routes that people make in Slack."""

import sqlalchemy as sa
from alembic import op

revision = "0012_routes"
down_revision = "0011_announcements"


def upgrade() -> None:
    op.create_table(
        "routes",
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("owners", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("platform", "connection", name="pk_routes"),
    )
