"""Making ads anew is opted in to per connection, after a preview."""

import sqlalchemy as sa
from alembic import op

revision = "0007_opt_in"
down_revision = "0006_audit"


def upgrade() -> None:
    op.add_column("connections", sa.Column("opted_in", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("connections", sa.Column("previewed_at", sa.DateTime(timezone=True)))
