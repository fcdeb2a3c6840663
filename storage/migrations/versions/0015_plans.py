"""Indexes for what is asked all day long: who holds a claim, what is caught up first, where a touchpoint went."""

import sqlalchemy as sa
from alembic import op

revision = "0015_plans"
down_revision = "0014_guest_links"


def upgrade() -> None:
    for table in ("transfers", "outbox"):
        held = sa.text("owner IS NOT NULL")
        op.create_index(f"ix_{table}_held", table, ["owner"], sqlite_where=held, postgresql_where=held)
    marked = sa.text("mark_outage IS NOT NULL")
    op.create_index(
        "ix_transfers_marked", "transfers", ["due_at"], sqlite_where=marked, postgresql_where=marked
    )
    op.create_index("ix_deliveries_touchpoint_id", "deliveries", ["touchpoint_id"])
