"""Columns that nobody read: who used or took back a guest link is told by the audit trail and the thread."""

from alembic import op

revision = "0017_unread"
down_revision = "0016_owners"


def upgrade() -> None:
    op.drop_column("outbox", "said_at")
    op.drop_column("guest_links", "used_by")
    op.drop_column("guest_links", "revoked_by")
