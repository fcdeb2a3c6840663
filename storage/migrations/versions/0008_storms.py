"""Outages that drop alike are told by the message of one of them."""

import sqlalchemy as sa
from alembic import op

revision = "0008_storms"
down_revision = "0007_opt_in"


def upgrade() -> None:
    op.add_column("outages", sa.Column("storm", sa.Text()))
    op.create_index("ix_outages_storm", "outages", ["storm"])
