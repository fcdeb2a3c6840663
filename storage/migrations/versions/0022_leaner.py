"""Deliveries keep one index fewer, and on SQLite the number is the row's own: each costs time with every touchpoint."""

import sqlalchemy as sa
from alembic import op

revision = "0022_leaner"
down_revision = "0021_marked_and_storms"


def upgrade() -> None:
    op.drop_index("ix_deliveries_touchpoint_id", "deliveries")
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    with op.batch_alter_table("deliveries") as deliveries:
        deliveries.drop_constraint("uq_deliveries_connection_id_touchpoint_id", type_="unique")
        deliveries.create_unique_constraint("uq_deliveries_touchpoint_id", ["touchpoint_id", "connection_id"])
        if op.get_context().dialect.name == "sqlite":
            deliveries.alter_column("number", existing_type=sa.BigInteger(), type_=number, existing_nullable=False)
