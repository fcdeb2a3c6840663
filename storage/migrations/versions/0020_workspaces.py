"""Workspaces beside home."""

import sqlalchemy as sa
from alembic import op

revision = "0020_workspaces"
down_revision = "0019_slowed"


def upgrade() -> None:
    op.create_table(
        "workspaces",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("installer", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Text()),
        sa.Column("tokens_key", sa.Text()),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("installed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rested_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_workspaces"),
    )
    op.create_index("ix_workspaces_tokens_key", "workspaces", ["tokens_key"])
