"""The tables of logins, connections and outages; what is moved for them is in freight.py.

Postgres gets them from migrations/, as does an older SQLite file; a new one is made as it stands here. A test holds the two to
be the same.
"""

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    TextClause,
    UniqueConstraint,
    false,
    text,
)

from storage.columns import JsonText, UtcDateTime, Words

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def partial(name: str, where: TextClause, *columns: Column[Any], unique: bool = False) -> None:
    """An index of some rows only. For Postgres the migrations say so: to name it here would load its dialect with all of its
    drivers in a process that only speaks SQLite, at 2.3 MB.
    """
    Index(name, *columns, unique=unique, sqlite_where=where)


# One person's consent. `tokens` is sealed, `tokens_key` says under which key.
grants = Table(
    "grants",
    metadata,
    Column("id", Words, primary_key=True),
    Column("platform", Words, nullable=False),
    Column("identity_id", Words, nullable=False),
    Column("login", Words, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("tokens", Words),
    Column("tokens_key", Words, index=True),
    Column("refreshable", Boolean, nullable=False),
    Column("scopes", JsonText, nullable=False),
    Column("kept", JsonText, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("refresh_expires_at", UtcDateTime),
    Column("refreshed_at", UtcDateTime),
    Column("refresh_started_at", UtcDateTime),
    Column("lost_at", UtcDateTime),
    Column("next_refresh_at", UtcDateTime, index=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("authorized_by", Words, nullable=False, server_default=""),  # a Slack user
    Column("renewal_owner", Words),  # who has claimed the renewal that is due
    UniqueConstraint("platform", "identity_id"),
)

# Tokens that must still be revoked at their platform.
revocations = Table(
    "revocations",
    metadata,
    Column("id", Words, primary_key=True),
    Column("platform", Words, nullable=False),
    Column("token", Words, nullable=False),
    Column("token_key", Words, nullable=False, index=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False, index=True),
    Column("owner", Words),
)

# One account reached through a grant. `settled_before`: account days before it have complete cost. `removed_at`: a person
# took it out; the row stays, because cost, touchpoints and outages tell of it.
connections = Table(
    "connections",
    metadata,
    Column("id", Words, primary_key=True),
    Column("platform", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("account_id", Words, nullable=False),
    Column("account_name", Words, nullable=False),
    Column("currency", Words, nullable=False),
    Column("time_zone", Words, nullable=False),
    Column("parent", Words, nullable=False),
    Column("grant_id", ForeignKey("grants.id"), nullable=False, index=True),
    Column("enabled", Boolean, nullable=False),
    Column("authorized", Boolean, nullable=False),
    Column("autotagging", Boolean, nullable=False),
    Column("catching_up", Boolean, nullable=False),
    Column("utm", Words, nullable=False),
    Column("checked_at", UtcDateTime),
    Column("check_asked_at", UtcDateTime),
    Column("next_check_at", UtcDateTime, index=True),
    Column("last_good_at", UtcDateTime),
    Column("last_data_at", UtcDateTime),
    Column("settled_before", Date),
    Column("created_at", UtcDateTime, nullable=False),
    Column("removed_at", UtcDateTime),
    Column("removed_by", Words),
    Column("opted_in", Boolean, nullable=False, server_default=false()),
    Column("previewed_at", UtcDateTime),
    Column("check_owner", Words),  # who has claimed the check that is due
    UniqueConstraint("platform", "account_id"),
)

# One flow of one connection. `due_at` is when it may be claimed: while it is claimed, when the lease runs out.
# `asked_at`: somebody asked for it while it was claimed, so its release makes it due again.
transfers = Table(
    "transfers",
    metadata,
    Column("connection_id", ForeignKey("connections.id"), primary_key=True),
    Column("flow", Words, primary_key=True),
    Column("cursor", JsonText, nullable=False),
    Column("notes", JsonText, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", UtcDateTime, nullable=False, index=True),
    Column("asked_at", UtcDateTime),
    Column("owner", Words),
    Column("mark", JsonText),
    Column("mark_outage", ForeignKey("outages.id")),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("passed_at", UtcDateTime),
    Column("verified_at", UtcDateTime),
)

_HELD = text("owner IS NOT NULL")
_MARKED = text("mark_outage IS NOT NULL")
partial("ix_transfers_held", _HELD, transfers.c.owner)
partial("ix_transfers_marked", _MARKED, transfers.c.due_at)
# With those that are not marked in it too, SQLite would look for what is due among all of them.
partial("ix_transfers_mark_outage", _MARKED, transfers.c.mark_outage)

# `account_id` is the one connection of an outage that is about an account only.
outages = Table(
    "outages",
    metadata,
    Column("id", Words, primary_key=True),
    Column("platform", Words, nullable=False),
    Column("reach", Words, nullable=False),
    Column("grant_id", ForeignKey("grants.id"), nullable=False),
    Column("account_id", ForeignKey("connections.id")),
    Column("login", Words, nullable=False),
    Column("remedy", Words, nullable=False),
    Column("cause_code", Words, nullable=False),
    Column("cause_words", Words, nullable=False),
    Column("cause_cure", Words, nullable=False),
    Column("cause_vendor", Words, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("last_good_at", UtcDateTime),
    Column("alerted_at", UtcDateTime),
    Column("claimed_by", Words),
    Column("claimed_at", UtcDateTime),
    Column("snoozed_until", UtcDateTime),
    Column("reauthorized_at", UtcDateTime),
    Column("reauthorized_by", Words),
    Column("stalled_at", UtcDateTime),
    Column("caught_up_at", UtcDateTime),
    Column("closed_at", UtcDateTime),
    Column("recovered", JsonText, nullable=False),
    Column("lost", JsonText, nullable=False),
    Column("channel", Words, nullable=False),
    Column("ts", Words),
    Column("storm", Words),  # the outage whose message tells of this one too
)
# Only one outage may be open for a grant, and one for an account: the database itself says so.
_OPEN_GRANT = text("closed_at IS NULL AND reach = 'grant'")
_OPEN_ACCOUNT = text("closed_at IS NULL AND reach = 'account'")
_OPEN = text("closed_at IS NULL")
partial("uq_outages_open_grant", _OPEN_GRANT, outages.c.grant_id, unique=True)
partial("uq_outages_open_account", _OPEN_ACCOUNT, outages.c.account_id, unique=True)
partial("ix_outages_open", _OPEN, outages.c.opened_at)
partial("ix_outages_open_cause", _OPEN, outages.c.cause_code)
partial("ix_outages_storm", text("storm IS NOT NULL"), outages.c.storm, outages.c.opened_at, outages.c.id)

outage_connections = Table(
    "outage_connections",
    metadata,
    Column("outage_id", ForeignKey("outages.id"), primary_key=True),
    Column("connection_id", ForeignKey("connections.id"), primary_key=True, index=True),
    Column("place", Integer, nullable=False),
)

outage_events = Table(
    "outage_events",
    metadata,
    Column("outage_id", ForeignKey("outages.id"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("what", Words, nullable=False),
    Column("who", Words, nullable=False),
    Column("detail", Words, nullable=False),
)

# What is to be said in Slack. due_at, asked_at and owner as in transfers; due_at NULL: nothing to say now.
# `elsewhere_at`: what Slack has not taken by then is told elsewhere; `said_revision`: what it took last.
outbox = Table(
    "outbox",
    metadata,
    Column("key", Words, primary_key=True),
    Column("outage_id", ForeignKey("outages.id"), nullable=False, index=True),
    Column("kind", Words, nullable=False),
    Column("what", Words, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("detail", JsonText, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", UtcDateTime, index=True),
    Column("asked_at", UtcDateTime),
    Column("owner", Words),
    Column("started_at", UtcDateTime),
    Column("said_revision", Integer),
    Column("elsewhere_at", UtcDateTime, index=True),
    Column("elsewhere_revision", Integer),
)

partial("ix_outbox_held", _HELD, outbox.c.owner)

# Trips to a consent page that have begun. The state and the browser's cookie are here as hashes only.
consents = Table(
    "consents",
    metadata,
    Column("id", Words, primary_key=True),
    Column("platform", Words, nullable=False),
    Column("purpose", Words, nullable=False),
    Column("ref", Words, nullable=False),
    Column("verifier", Words),
    Column("verifier_key", Words, index=True),
    Column("state_hash", Words, nullable=False, unique=True),
    Column("browser_hash", Words, nullable=False),
    Column("started_by", Words, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

# One-time links that connect a new login.
links = Table(
    "links",
    metadata,
    Column("id", Words, primary_key=True),
    Column("platform", Words, nullable=False),
    Column("token_hash", Words, nullable=False, unique=True),
    Column("asked_by", Words, nullable=False),
    Column("grant_id", ForeignKey("grants.id")),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
)

# One that has left keeps its row for a while: its last beat is when somebody watched last.
# Links for somebody outside Slack, each for one outage. The token is here as a hash only.
guest_links = Table(
    "guest_links",
    metadata,
    Column("id", Words, primary_key=True),
    Column("outage_id", ForeignKey("outages.id"), nullable=False),
    Column("token_hash", Words, nullable=False, unique=True),
    Column("asked_by", Words, nullable=False),
    Column("same_login", Boolean, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("over_at", UtcDateTime),
)

# Workspaces that installed the app beside home. `tokens` is sealed; one that rests has none.
workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Words, primary_key=True),  # Slack's own id of it
    Column("name", Words, nullable=False),
    Column("channel", Words, nullable=False),
    Column("installer", Words, nullable=False),
    Column("tokens", Words),
    Column("tokens_key", Words, index=True),
    Column("generation", Integer, nullable=False),
    Column("installed_at", UtcDateTime, nullable=False),
    Column("rested_at", UtcDateTime),
)

replicas = Table(
    "replicas",
    metadata,
    Column("replica", Words, primary_key=True),
    Column("role", Words, nullable=False),
    Column("beat_at", UtcDateTime, nullable=False),
    Column("since", UtcDateTime),
    Column("left_at", UtcDateTime),
)

# When nobody watched. Who writes the row tells of it, so that it is told once.
blindness = Table(
    "blindness",
    metadata,
    Column("since", UtcDateTime, primary_key=True),
    Column("until", UtcDateTime, nullable=False),
)
