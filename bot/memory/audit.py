"""The audit trail: who did what to which login or connection, each row bound to the one before it."""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from bot.words.connection import Json
from bot.words.progress import Seen, nobody_watches

BEGINNING = "0" * 64  # what the first row is bound to
FORGOTTEN = "forgotten"  # of a row that says up to which number, and with which digest, older rows went by a setting


@dataclass(frozen=True)
class Act:
    """One row. `what`: connect_link, consent_begun, consented, connected, reauthorized, wrong_account, declined, claimed,
    snoozed, guest_link, guest_used, guest_revoked, paused, resumed, removed, routed, settings, keys_rotated,
    webhook_disabled, signed_in, signed_out, blind, forgotten or revoked_all. `subject` is an id of ours.
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

    def rows(self, seen: Seen = nobody_watches) -> AsyncIterator[Act]:
        """All of it, in order."""


@dataclass(frozen=True)
class Finding:
    """How many rows were found to be whole, the newest digest, and the first row that is not as it was written.
    `first`: where the trail begins, later than with row 1 where older ones were forgotten by a setting.
    """

    whole: int
    newest: str
    broken: int | None = None
    why: str = ""
    first: int = 1


async def verified(rows: AsyncIterator[Act]) -> Finding:
    """Walk the chain. That the newest rows are missing shows only beside a digest that was kept elsewhere.

    It may begin later than with row 1 where a row in it says so: that one is bound in with all others.
    """
    first, number, newest = 1, 0, BEGINNING
    begins, told = (0, BEGINNING), {(0, BEGINNING)}
    async for act in rows:
        if number == 0 and act.number != 1:
            first, number, newest = act.number, act.number - 1, act.before
            begins = number, newest
        if why := _wrong(act, number, newest):
            return Finding(number - first + 1, newest, number + 1, why, first)
        if act.what == FORGOTTEN:
            told.add((int(act.detail["through"]), str(act.detail["digest"])))
        number, newest = act.number, act.digest
    if begins not in told:
        return Finding(0, newest, 1, "it is missing")
    return Finding(number - first + 1, newest, first=first)


def _wrong(act: Act, number: int, newest: str) -> str:
    """What is wrong with the row that comes after row `number`, whose digest was `newest`."""
    if act.number != number + 1:
        return "it is missing"
    if act.before != newest:
        return "it does not follow from the row before it"
    return "" if act.digest == act.true_digest() else "it was changed after it was written"


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
