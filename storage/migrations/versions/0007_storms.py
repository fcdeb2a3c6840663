"""Outages that drop alike are told by the message of one of them."""

import sqlalchemy as sa
from alembic import op

revision = "0007_storms"
down_revision = "0006_audit"


def upgrade() -> None:
    op.add_column("outages", sa.Column("storm", sa.Text()))
    op.create_index("ix_outages_storm", "outages", ["storm"])
