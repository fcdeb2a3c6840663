"""Replicas: since when each runs, and on Postgres the wake-ups between them (Procrastinate's tables)."""

import sqlalchemy as sa
from alembic import op

revision = "0005_replicas"
down_revision = "0004_removed"


def upgrade() -> None:
    op.add_column("replicas", sa.Column("since", sa.DateTime(timezone=True)))
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        from procrastinate.schema import SchemaManager

        # As it stands in the library; when a newer one changes it, a migration of ours carries out its SQL.
        bind.exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))
