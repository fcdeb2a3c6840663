"""The tables of what is moved: costs, tags, and touchpoints on their way to a CRM."""

from sqlalchemy import BigInteger, Boolean, Column, Date, ForeignKey, Index, Integer, Table, UniqueConstraint, text

from storage.columns import JsonText, UtcDateTime, Words
from storage.tables import metadata, partial

costs = Table(
    "costs",
    metadata,
    Column("connection_id", ForeignKey("connections.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("campaign", Words, primary_key=True),
    Column("ad_group", Words, primary_key=True),
    Column("ad", Words, primary_key=True),
    Column("campaign_name", Words, nullable=False),
    Column("currency", Words, nullable=False),
    Column("cost_micros", BigInteger, nullable=False),
    Column("clicks", BigInteger, nullable=False),
    Column("impressions", BigInteger, nullable=False),
    Column("stored_at", UtcDateTime, nullable=False),
)

# Every ad we tagged, meant to tag, or left alone (`note`). before and wanted stay for good: they are the way back.
tags = Table(
    "tags",
    metadata,
    Column("connection_id", ForeignKey("connections.id"), primary_key=True),
    Column("ad", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("before", Words, nullable=False),
    Column("wanted", Words, nullable=False),
    Column("ad_created_at", UtcDateTime),
    Column("planned_at", UtcDateTime),
    Column("applied_at", UtcDateTime),
    Column("problem", Words, nullable=False),
    Column("note", Words, nullable=False),
    Column("noted_at", UtcDateTime),
    Index("ix_tags_connection_id_ad_created_at", "connection_id", "ad_created_at"),
)

HOMELESS = text("homeless")  # as its index says it: SQLite does not see that `homeless = 1` is the same
touchpoints = Table(
    "touchpoints",
    metadata,
    Column("id", Words, primary_key=True),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("email", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("fields", JsonText, nullable=False),
    Column("crm", Words),
    Column("accepted_at", UtcDateTime, nullable=False),
    Column("homeless", Boolean, nullable=False),
)
partial("ix_touchpoints_homeless", HOMELESS, touchpoints.c.accepted_at)

# One touchpoint on its way to one CRM connection. What its state means, sent.py says.
deliveries = Table(
    "deliveries",
    metadata,
    # On SQLite INTEGER, and only that, makes it the row's own number, which needs no index beside the table.
    Column("number", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
    Column("connection_id", ForeignKey("connections.id"), nullable=False),
    Column("touchpoint_id", ForeignKey("touchpoints.id"), nullable=False),
    Column("state", Words, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("reason", Words, nullable=False),
    Column("sent_at", UtcDateTime),
    # The touchpoint first: what asks for one connection's knows the touchpoint too, and what asks where one went does not.
    UniqueConstraint("touchpoint_id", "connection_id", name="uq_deliveries_touchpoint_id"),
    Index("ix_deliveries_connection_id_state_number", "connection_id", "state", "number"),
)

# All deliveries up to this number were sent by the end of this day (UTC), but for the exceptions: sent.py.
sent_through = Table(
    "sent_through",
    metadata,
    Column("connection_id", ForeignKey("connections.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

# The last number given to a delivery. One row, and its lock is what makes numbers appear in order (touchpoints.py).
counters = Table(
    "counters",
    metadata,
    Column("name", Words, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# CRM calls spent per UTC day.
credits_spent = Table(
    "credits_spent",
    metadata,
    Column("connection_id", ForeignKey("connections.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("calls", Integer, nullable=False),
)
