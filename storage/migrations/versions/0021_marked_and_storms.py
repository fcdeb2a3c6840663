"""Indexes of few rows instead of many: transfers that catch up, outages of a storm in its order, what is open by its cause."""

import sqlalchemy as sa
from alembic import op

revision = "0021_marked_and_storms"
down_revision = "0020_workspaces"


def upgrade() -> None:
    op.drop_index("ix_transfers_mark_outage", "transfers")
    op.drop_index("ix_outages_storm", "outages")
    some("ix_transfers_mark_outage", "transfers", ["mark_outage"], "mark_outage IS NOT NULL")
    some("ix_outages_storm", "outages", ["storm", "opened_at", "id"], "storm IS NOT NULL")
    some("ix_outages_open_cause", "outages", ["cause_code"], "closed_at IS NULL")


def some(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
