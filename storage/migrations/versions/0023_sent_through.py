"""What was sent of a connection's touchpoints is one number a day, and a row is touched only where it is an exception."""

import sqlalchemy as sa
from alembic import op

revision = "0023_sent_through"
down_revision = "0022_leaner"


def upgrade() -> None:
    op.create_table(
        "sent_through",
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_sent_through_connection_id"),
        sa.PrimaryKeyConstraint("connection_id", "day", name="pk_sent_through"),
    )
