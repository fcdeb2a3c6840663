"""Links for somebody outside Slack."""

import sqlalchemy as sa
from alembic import op

revision = "0014_guest_links"
down_revision = "0013_authorized_by"


def upgrade() -> None:
    op.create_table(
        "guest_links",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("outage_id", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("same_login", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("over_at", sa.DateTime(timezone=True)),
        sa.Column("used_by", sa.Text()),
        sa.Column("revoked_by", sa.Text()),
        sa.ForeignKeyConstraint(["outage_id"], ["outages.id"], name="fk_guest_links_outage_id"),
        sa.PrimaryKeyConstraint("id", name="pk_guest_links"),
        sa.UniqueConstraint("token_hash", name="uq_guest_links_token_hash"),
    )
    op.create_index("ix_guest_links_expires_at", "guest_links", ["expires_at"])
