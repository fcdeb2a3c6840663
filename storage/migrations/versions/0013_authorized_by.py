"""Who of Slack gave each login last, where that is known."""

import sqlalchemy as sa
from alembic import op

revision = "0013_authorized_by"
down_revision = "0012_routes"


def upgrade() -> None:
    op.add_column("grants", sa.Column("authorized_by", sa.Text(), nullable=False, server_default=""))
