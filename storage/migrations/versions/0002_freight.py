"""What is moved: costs, tags, and touchpoints on their way to a CRM."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "counters",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    op.create_table(
        "touchpoints",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("crm", sa.Text()),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("homeless", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_touchpoints"),
    )
    op.create_index(
        "ix_touchpoints_homeless",
        "touchpoints",
        ["accepted_at"],
        sqlite_where=sa.text("homeless"),
        postgresql_where=sa.text("homeless"),
    )
    op.create_table(
        "costs",
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("ad_group", sa.Text(), nullable=False),
        sa.Column("ad", sa.Text(), nullable=False),
        sa.Column("campaign_name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False),
        sa.Column("impressions", sa.BigInteger(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_costs_connection_id"),
        sa.PrimaryKeyConstraint("connection_id", "day", "campaign", "ad_group", "ad", name="pk_costs"),
    )
    op.create_table(
        "credits_spent",
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_credits_spent_connection_id"),
        sa.PrimaryKeyConstraint("connection_id", "day", name="pk_credits_spent"),
    )
    op.create_table(
        "deliveries",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("touchpoint_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_deliveries_connection_id"),
        sa.ForeignKeyConstraint(["touchpoint_id"], ["touchpoints.id"], name="fk_deliveries_touchpoint_id"),
        sa.PrimaryKeyConstraint("number", name="pk_deliveries"),
        sa.UniqueConstraint("connection_id", "touchpoint_id", name="uq_deliveries_connection_id_touchpoint_id"),
    )
    op.create_index("ix_deliveries_connection_id_state_number", "deliveries", ["connection_id", "state", "number"])
    op.create_table(
        "tags",
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("ad", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("ad_created_at", sa.DateTime(timezone=True)),
        sa.Column("planned_at", sa.DateTime(timezone=True)),
        sa.Column("applied_at", sa.DateTime(timezone=True)),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_tags_connection_id"),
        sa.PrimaryKeyConstraint("connection_id", "ad", name="pk_tags"),
    )
    op.create_index("ix_tags_connection_id_ad_created_at", "tags", ["connection_id", "ad_created_at"])
    counters = sa.table("counters", sa.column("name", sa.Text()), sa.column("value", sa.BigInteger()))
    op.bulk_insert(counters, [{"name": "deliveries", "value": 0}])
