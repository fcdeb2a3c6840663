"""Who holds the claim of a check, a renewal, a revocation or a notice: what a dead process held is free at once."""

import sqlalchemy as sa
from alembic import op

revision = "0016_owners"
down_revision = "0015_plans"


def upgrade() -> None:
    op.add_column("connections", sa.Column("check_owner", sa.Text()))
    op.add_column("grants", sa.Column("renewal_owner", sa.Text()))
    op.add_column("revocations", sa.Column("owner", sa.Text()))
    op.add_column("notices", sa.Column("owner", sa.Text()))
