"""Logins, connections, transfers, outages and what is said of them."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("verifier", sa.Text()),
        sa.Column("verifier_key", sa.Text()),
        sa.Column("state_hash", sa.Text(), nullable=False),
        sa.Column("browser_hash", sa.Text(), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
        sa.UniqueConstraint("state_hash", name="uq_consents_state_hash"),
    )
    op.create_index("ix_consents_expires_at", "consents", ["expires_at"])
    op.create_index("ix_consents_verifier_key", "consents", ["verifier_key"])
    op.create_table(
        "grants",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("identity_id", sa.Text(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.Text()),
        sa.Column("tokens_key", sa.Text()),
        sa.Column("refreshable", sa.Boolean(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("kept", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("refresh_expires_at", sa.DateTime(timezone=True)),
        sa.Column("refreshed_at", sa.DateTime(timezone=True)),
        sa.Column("refresh_started_at", sa.DateTime(timezone=True)),
        sa.Column("lost_at", sa.DateTime(timezone=True)),
        sa.Column("next_refresh_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_grants"),
        sa.UniqueConstraint("platform", "identity_id", name="uq_grants_platform_identity_id"),
    )
    op.create_index("ix_grants_next_refresh_at", "grants", ["next_refresh_at"])
    op.create_index("ix_grants_tokens_key", "grants", ["tokens_key"])
    op.create_table(
        "replicas",
        sa.Column("replica", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("replica", name="pk_replicas"),
    )
    op.create_table(
        "revocations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("token_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_revocations"),
    )
    op.create_index("ix_revocations_due_at", "revocations", ["due_at"])
    op.create_index("ix_revocations_token_key", "revocations", ["token_key"])
    op.create_table(
        "connections",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("account_name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("authorized", sa.Boolean(), nullable=False),
        sa.Column("autotagging", sa.Boolean(), nullable=False),
        sa.Column("catching_up", sa.Boolean(), nullable=False),
        sa.Column("utm", sa.Text(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True)),
        sa.Column("check_asked_at", sa.DateTime(timezone=True)),
        sa.Column("next_check_at", sa.DateTime(timezone=True)),
        sa.Column("last_good_at", sa.DateTime(timezone=True)),
        sa.Column("last_data_at", sa.DateTime(timezone=True)),
        sa.Column("settled_before", sa.Date()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name="fk_connections_grant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_connections"),
        sa.UniqueConstraint("platform", "account_id", name="uq_connections_platform_account_id"),
    )
    op.create_index("ix_connections_grant_id", "connections", ["grant_id"])
    op.create_index("ix_connections_next_check_at", "connections", ["next_check_at"])
    op.create_table(
        "links",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text()),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name="fk_links_grant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_links"),
        sa.UniqueConstraint("token_hash", name="uq_links_token_hash"),
    )
    op.create_index("ix_links_expires_at", "links", ["expires_at"])
    op.create_table(
        "outages",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("reach", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text()),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("cause_code", sa.Text(), nullable=False),
        sa.Column("cause_words", sa.Text(), nullable=False),
        sa.Column("cause_cure", sa.Text(), nullable=False),
        sa.Column("cause_vendor", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("last_good_at", sa.DateTime(timezone=True)),
        sa.Column("alerted_at", sa.DateTime(timezone=True)),
        sa.Column("claimed_by", sa.Text()),
        sa.Column("claimed_at", sa.DateTime(timezone=True)),
        sa.Column("snoozed_until", sa.DateTime(timezone=True)),
        sa.Column("reauthorized_at", sa.DateTime(timezone=True)),
        sa.Column("reauthorized_by", sa.Text()),
        sa.Column("stalled_at", sa.DateTime(timezone=True)),
        sa.Column("caught_up_at", sa.DateTime(timezone=True)),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("recovered", sa.Text(), nullable=False),
        sa.Column("lost", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("ts", sa.Text()),
        sa.ForeignKeyConstraint(["account_id"], ["connections.id"], name="fk_outages_account_id"),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name="fk_outages_grant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_outages"),
    )
    op.create_index(
        "ix_outages_open",
        "outages",
        ["opened_at"],
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("ix_outages_opened_at", "outages", ["opened_at"])
    op.create_index(
        "uq_outages_open_account",
        "outages",
        ["account_id"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL AND reach = 'account'"),
        postgresql_where=sa.text("closed_at IS NULL AND reach = 'account'"),
    )
    op.create_index(
        "uq_outages_open_grant",
        "outages",
        ["grant_id"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL AND reach = 'grant'"),
        postgresql_where=sa.text("closed_at IS NULL AND reach = 'grant'"),
    )
    op.create_table(
        "outage_connections",
        sa.Column("outage_id", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_outage_connections_connection_id"),
        sa.ForeignKeyConstraint(["outage_id"], ["outages.id"], name="fk_outage_connections_outage_id"),
        sa.PrimaryKeyConstraint("outage_id", "connection_id", name="pk_outage_connections"),
    )
    op.create_index("ix_outage_connections_connection_id", "outage_connections", ["connection_id"])
    op.create_table(
        "outage_events",
        sa.Column("outage_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["outage_id"], ["outages.id"], name="fk_outage_events_outage_id"),
        sa.PrimaryKeyConstraint("outage_id", "revision", name="pk_outage_events"),
    )
    op.create_table(
        "outbox",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("outage_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("asked_at", sa.DateTime(timezone=True)),
        sa.Column("owner", sa.Text()),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("said_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["outage_id"], ["outages.id"], name="fk_outbox_outage_id"),
        sa.PrimaryKeyConstraint("key", name="pk_outbox"),
    )
    op.create_index("ix_outbox_due_at", "outbox", ["due_at"])
    op.create_index("ix_outbox_outage_id", "outbox", ["outage_id"])
    op.create_table(
        "transfers",
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True)),
        sa.Column("owner", sa.Text()),
        sa.Column("mark", sa.Text()),
        sa.Column("mark_outage", sa.Text()),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("passed_at", sa.DateTime(timezone=True)),
        sa.Column("verified_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_transfers_connection_id"),
        sa.ForeignKeyConstraint(["mark_outage"], ["outages.id"], name="fk_transfers_mark_outage"),
        sa.PrimaryKeyConstraint("connection_id", "flow", name="pk_transfers"),
    )
    op.create_index("ix_transfers_due_at", "transfers", ["due_at"])
    op.create_index("ix_transfers_mark_outage", "transfers", ["mark_outage"])
