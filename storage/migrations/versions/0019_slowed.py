"""How slowly a platform is asked after its trouble, by all replicas together."""

import sqlalchemy as sa
from alembic import op

revision = "0019_slowed"
down_revision = "0018_quotas"


def upgrade() -> None:
    op.add_column("quotas", sa.Column("slowed", sa.Text(), nullable=True))
