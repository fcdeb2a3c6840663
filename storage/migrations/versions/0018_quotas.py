"""Whose turn it is where a platform takes only so many calls."""

import sqlalchemy as sa
from alembic import op

revision = "0018_quotas"
down_revision = "0017_unread"


def upgrade() -> None:
    op.create_table(
        "quotas",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("turn_micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_quotas"),
    )
