"""What we remember, by noun. storage/ implements all of it on SQLite and Postgres; the verbs only know this room.

Everything happens inside a transaction: `async with memory.begin() as tx:`. Either all of it is true afterwards or none,
and whatever became due (an outbox row, a transfer) wakes its workers after the commit, never before.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from bot.memory.announcements import Announcements
from bot.memory.audit import Audit
from bot.memory.entrances import Consents, Sessions
from bot.memory.forgetting import Forgetting
from bot.memory.freight import Costs, Tags, Touchpoints
from bot.memory.history import History
from bot.memory.installed import Workspaces
from bot.memory.notices import Clicks, Notices
from bot.memory.outages import Outages, Outbox
from bot.memory.quotas import Quotas
from bot.memory.replicas import Replicas
from bot.memory.routes import MadeRoutes
from bot.memory.storms import Storms
from bot.words.connection import (
    Account,
    Checked,
    Connection,
    DueCheck,
    Flow,
    Grant,
    Identity,
    Json,
    Kind,
    Secret,
    Status,
    TokenSet,
    Transfer,
)
from bot.words.facts import Taggable


class SealBroken(Exception):
    """A sealed value cannot be opened: its key is missing, or the row was tampered with."""


class Work(StrEnum):
    """The kinds of work rows can call for. Each has its own workers, so a long catch-up never delays an alert."""

    SAY = "say"
    ANNOUNCE = "announce"
    MOVE = "move"
    CHECK = "check"
    RENEW = "renew"
    REVOKE = "revoke"


class Agenda(Protocol):
    async def due(self, now: datetime) -> set[Work]:
        """The kinds of which anything may be due. One question, as claims of each kind, mostly in vain, would be six."""


class Grants(Protocol):
    async def get(self, grant_id: str) -> Grant | None: ...
    async def held(self, grant_id: str) -> Grant | None:
        """As get, and nobody else changes it until this transaction ends. Whoever holds outages too holds grants first."""

    async def all(self) -> list[Grant]: ...  # people's; the bot's own, at Slack, is not among them
    async def of_identity(self, platform: str, identity_id: str) -> Grant | None: ...
    async def living(self, platform: str, identity_id: str) -> Grant | None:
        """This person's grant, if it has tokens and is not known to be lost."""

    async def add(self, platform: str, identity: Identity, tokens: TokenSet, now: datetime) -> Grant: ...

    async def tokens(self, grant_id: str) -> TokenSet | None:
        """Unseal. None when there are none. Raises SealBroken when the key is missing or the row was tampered with."""

    async def opened(self, grant_ids: Sequence[str]) -> Mapping[str, tuple[Grant, TokenSet | SealBroken | None]]:
        """Many at once, as `get` and `tokens`; one that cannot be opened does not keep the others from it."""

    async def replace(
        self, grant: Grant, tokens: TokenSet, now: datetime, *, identity: Identity | None = None
    ) -> Grant:
        """Store new tokens if the generation is still `grant.generation`, else raise Fenced. Ends any refresh intent,
        clears lost_at, keeps the old refresh token, scopes and kept fields where the new set has none.
        """

    async def begin_refreshes(self, some: Sequence[Grant], now: datetime) -> set[str]:
        """Record the intents before the requests are sent. Of those that it gives no id of, the generation moved or another
        intent stands.
        """

    async def end_refreshes(self, some: Sequence[Grant]) -> None:
        """Forget the intents: the requests definitely changed nothing."""

    async def mark_lost(self, grant: Grant, now: datetime) -> bool:
        """True for exactly one caller per generation; False if it moved or was lost already. Ends any intent."""

    async def claim_renewals(self, now: datetime, limit: int, owner: str | None = None) -> list[Grant]:
        """Grants whose next_refresh_at has come; moves it 5 minutes on, so that nobody else takes them meanwhile."""

    async def authorized_by(self, grant_id: str, who: str) -> None:
        """This Slack user gave it."""

    async def renew_at(self, grant_id: str, at: datetime | None) -> None: ...

    async def forget(self, grant_id: str) -> None:
        """Wipe the tokens; the row stays for the history."""


class Revocations(Protocol):
    """Tokens that must still be revoked at their platform. `person` is the identity they were given to, where known."""

    async def add(self, platform: str, token: Secret, now: datetime, person: str = "") -> None: ...
    async def claim(self, now: datetime, limit: int, owner: str | None = None) -> list[tuple[str, str, Secret, str]]:
        """(id, platform, token, person) of due ones; moves each 5 minutes on."""

    async def waiting(self) -> int:
        """How many there are, due or not."""

    async def done(self, revocation_id: str) -> None: ...
    async def later(self, revocation_id: str, at: datetime) -> None: ...


class Connections(Protocol):
    async def get(self, connection_id: str) -> Connection | None: ...
    async def some(self, connection_ids: Sequence[str]) -> list[Connection]:
        """Those of these that there are, in this order."""

    async def all(self) -> list[Connection]: ...
    async def counted(self, taggable: Taggable = lambda *_: True) -> Mapping[Status, int]:
        """How many stand at each status."""

    async def of_grant(self, grant_id: str) -> list[Connection]: ...
    async def of_account(self, platform: str, account_id: str) -> Connection | None: ...

    async def add(
        self,
        grant: Grant,
        kind: Kind,
        account: Account,
        *,
        autotagging: bool,
        utm: str,
        flows: Sequence[Flow],
        now: datetime,
    ) -> Connection:
        """Add it with its transfers, all due now. For a CRM, adopt the touchpoints that wait for a first one."""

    async def move(self, connection_ids: Sequence[str], grant: Grant) -> None:
        """Let them be reached through this grant from now on; sets login too."""

    async def remove(self, connection_id: str, who: str, now: datetime) -> None:
        """Take it out: from now on only `get`, `some` and `of_account` find it, and nothing switches it on but `revive`.
        Running passes of its transfers are fenced off.
        """

    async def revive(self, connection_id: str, grant: Grant, account: Account, now: datetime) -> None:
        """Connected again, through this grant: everything goes on where it stood."""

    async def set_authorized(self, connection_ids: Sequence[str], authorized: bool) -> None: ...
    async def set_enabled(self, connection_id: str, enabled: bool) -> None: ...
    async def set_autotagging(self, connection_id: str, autotagging: bool) -> None: ...
    async def set_utm(self, connection_id: str, utm: str) -> None: ...
    async def set_opted_in(self, connection_id: str, opted_in: bool) -> None: ...
    async def previewed(self, connection_id: str, now: datetime) -> None:
        """Somebody has seen what tagging would do."""

    async def set_catching_up(self, connection_ids: Sequence[str], catching_up: bool) -> None: ...
    async def set_account(self, connection_id: str, account: Account) -> None: ...

    async def claim_checks(self, now: datetime, limit: int, owner: str | None = None) -> list[DueCheck]:
        """Enabled ones whose next_check_at has come, authorized ones and those with an outage that may heal by itself
        (remedy is not AuthorizationLost); moves next_check_at 5 minutes on.
        """

    async def checked(self, found: Sequence[Checked]) -> None:
        """Many at once. A check that was asked for after one of these ended is still to come."""

    async def unclaim_checks(self, connection_ids: Sequence[str], now: datetime) -> None:
        """Claimed, but not begun: due again now, for whoever comes."""

    async def moved(self, connection_id: str, now: datetime) -> None:
        """A transfer's pass ended well: last_data_at and last_good_at."""

    async def answers(self) -> Mapping[str, tuple[datetime | None, datetime | None]]:
        """Platform -> the newest good answer and the newest check among connections that are on and authorized."""

    async def ask_check(self, connection_ids: Sequence[str], now: datetime) -> None:
        """Make a check due now, and remember when it was asked: `checked_at` later than that is the answer."""


class Transfers(Protocol):
    async def of_connections(self, connection_ids: Sequence[str]) -> list[Transfer]: ...
    async def of_outage(self, outage_id: str) -> list[Transfer]:
        """Those with a mark from this outage."""

    async def claim(
        self, now: datetime, limit: int, owner: str, lease: timedelta, *, catch_ups: int | None = None, among: int = 1
    ) -> list[Transfer]:
        """Due ones of living connections: catch-ups first, at most so many, then the longest due. Adds 1 to the fence.

        `among`: how many processes have an equal share of what fell due just now and waits for nobody.
        """

    async def save(self, transfer: Transfer, now: datetime, lease: timedelta) -> None:
        """Store cursor, notes, done and total and renew the lease; raises Fenced if the claim was lost."""

    async def release(self, transfer: Transfer, due_at: datetime, *, attempts: int) -> None:
        """End the claim; the next pass is due then. Raises Fenced."""

    async def mark(self, outage_id: str, connection_id: str, flow: Flow, mark: Json, total: int) -> None:
        """Set where it must get to, clear passed_at, verified_at, done and attempts, and make it due now. Ends a running
        claim by adding 1 to the fence: a pass that began before the mark cannot count for it.
        """

    async def restart(self, connection_id: str, flow: Flow) -> None:
        """Forget the cursor: everything is looked at again, now. Ends a running claim."""

    async def passed(self, transfer: Transfer, now: datetime) -> None: ...
    async def verified(self, transfer: Transfer, now: datetime) -> None: ...
    async def unpass(self, transfer: Transfer, now: datetime) -> None:
        """The check against the source disagreed: store the transfer's cursor and mark, clear passed_at, due now. The claim
        goes on. Raises Fenced.
        """

    async def clear_marks(self, outage_id: str) -> None: ...
    async def hurry(self, connection_ids: Sequence[str], now: datetime) -> None: ...
    async def put_off_lost(self, now: datetime) -> None:
        """Due ones of lost and paused connections get out of the way of each claim, until their connections work again."""

    async def free(self, owners_alive: Sequence[str]) -> None:
        """Give up the leases of owners that are gone."""


class Tx(Protocol):
    """One transaction, all nouns."""

    agenda: Agenda
    grants: Grants
    revocations: Revocations
    connections: Connections
    transfers: Transfers
    outages: Outages
    outbox: Outbox
    announcements: Announcements
    costs: Costs
    tags: Tags
    touchpoints: Touchpoints
    consents: Consents
    sessions: Sessions
    replicas: Replicas
    notices: Notices
    clicks: Clicks
    quotas: Quotas
    history: History
    forgetting: Forgetting
    audit: Audit
    routes: MadeRoutes
    storms: Storms
    workspaces: Workspaces


class Memory(Protocol):
    def begin(self, *, lasting: bool = True) -> AbstractAsyncContextManager[Tx]:
        """A write transaction. `lasting` False: a power cut may undo it, never a kill. For what is simply done again then."""

    def read(self) -> AbstractAsyncContextManager[Tx]:
        """A consistent view; writing through it is an error."""

    def alone(self, name: str) -> AbstractAsyncContextManager[None]:
        """Only one holder of this name in the whole deployment, for as long as the block runs: no time-to-live.
        Postgres: a session advisory lock on a connection of its own. SQLite: one process, so a lock in it.
        """
