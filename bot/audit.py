"""The audit trail: who did what to which login or connection, each row bound to the one before it."""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from bot.connection import Json

BEGINNING = "0" * 64  # what the first row is bound to


@dataclass(frozen=True)
class Act:
    """One row. `what`: connect_link, consent_begun, consented, connected, reauthorized, wrong_account, declined, claimed,
    snoozed, guest_link, guest_used, guest_revoked, paused, resumed, removed, routed, settings, keys_rotated,
    webhook_disabled, blind or revoked_all. `subject` is an id of ours.
    """

    number: int
    at: datetime
    what: str
    who: str
    subject: str
    detail: Json
    before: str
    digest: str

    def true_digest(self) -> str:
        """What `digest` must be, over everything else in the row, `before` included."""
        told = [
            self.number,
            self.at.astimezone(UTC).isoformat(),
            self.what,
            self.who,
            self.subject,
            self.detail,
            self.before,
        ]
        canonical = json.dumps(told, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


class Audit(Protocol):
    def note(self, what: str, *, who: str, subject: str = "", **detail: str | int) -> None:
        """Add a row when this transaction commits, and only then."""

    def rows(self) -> AsyncIterator[Act]:
        """All of it, in order."""


@dataclass(frozen=True)
class Finding:
    """How many rows were found to be whole, the newest digest, and the first row that is not as it was written."""

    whole: int
    newest: str
    broken: int | None = None
    why: str = ""


async def verified(rows: AsyncIterator[Act]) -> Finding:
    """Walk the chain. That the newest rows are missing shows only beside a digest that was kept elsewhere."""
    whole, newest = 0, BEGINNING
    async for act in rows:
        if act.number != whole + 1:
            return Finding(whole, newest, whole + 1, "it is missing")
        if act.before != newest:
            return Finding(whole, newest, act.number, "it does not follow from the row before it")
        if act.digest != act.true_digest():
            return Finding(whole, newest, act.number, "it was changed after it was written")
        whole, newest = act.number, act.digest
    return Finding(whole, newest)


def item(act: Act) -> Json:
    """As it is exported: everything that is needed to check the chain without us."""
    return {
        "number": act.number,
        "at": act.at.astimezone(UTC).isoformat(),
        "what": act.what,
        "who": act.who,
        "subject": act.subject,
        "detail": act.detail,
        "before": act.before,
        "digest": act.digest,
    }
