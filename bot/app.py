"""Puts the parts together; the only file that knows them all."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import platforms
from bot.alert.alert import Alert
from bot.alert.order import AT_ONCE, SAY_LEASE, Order
from bot.alert.remind import Remind
from bot.announce.announce import Announce, Announcer, Teller
from bot.announce.digest import KIND as DIGEST
from bot.announce.digest import Digest
from bot.announce.endings import KIND as ENDING
from bot.announce.endings import Endings
from bot.announce.leavers import KIND as LEAVER
from bot.announce.leavers import Leavers
from bot.catch_up.cost import CostCarrier
from bot.catch_up.opt_in import OptIn
from bot.catch_up.tag_settings import TagSettings
from bot.catch_up.tagging import TagCarrier
from bot.catch_up.touchpoints import TouchpointCarrier
from bot.catch_up.transfer import LEASE, Carrier, Every, Mover
from bot.catch_up.undo import Undo
from bot.chosen import digest_channel_of, keep_of, quiet_of, routes_of, weekly_of
from bot.confirm.confirm import Confirm
from bot.desk.desk import FrontDesk
from bot.desk.gallery import PageFacts
from bot.desk.ledger import Intake
from bot.logins.bot_token import KIND as MUTED
from bot.logins.bot_token import BotToken, Muted
from bot.logins.refresh import Refresher
from bot.logins.revoke import Revoke
from bot.memory.announcements import Announcement
from bot.memory.memory import Work
from bot.memory.storms import StormRule
from bot.outages.calling import Presence
from bot.outages.gathering import Facts
from bot.outages.meter import last_days
from bot.people.members import SESSION_LASTS
from bot.reauthorize.borrowed import KIND as BORROWED
from bot.reauthorize.borrowed import Borrowed
from bot.reauthorize.connect import Connect
from bot.reauthorize.door import Doorway
from bot.reauthorize.guests import Guests
from bot.reauthorize.reauthorize import Consents, Reauthorize
from bot.reauthorize.restore import Restore
from bot.reauthorize.signin import SlackSignIns
from bot.settings.settings import Settings
from bot.settings.webhooks import subscriptions
from bot.watch.platform_down import KIND as PLATFORM_DOWN
from bot.watch.platform_down import PlatformDown
from bot.watch.watch import Watch
from bot.webhooks.courier import KIND as WEBHOOK
from bot.webhooks.courier import SwitchedOff
from bot.words.connection import SLACK, Flow, Grant, Transfer
from bot.words.interfaces import Clock
from bot.words.pace import Pace
from bot.words.voice import Voice
from bot.work.blind import KIND as BLIND
from bot.work.blind import Blind
from bot.work.dispatch import Dispatcher, Embedded, Shared, Worker
from bot.work.retention import Retention
from bot.work.schedule import Tick
from bot.work.takeover import Takeover
from storage import SqlMemory, open_memory

MOVES = 8  # transfers at once
CATCH_UPS = 6  # of these at most, so that a long catch-up, or many, leave the everyday ones their turns
PLATFORM_DOWN_EVERY = timedelta(seconds=30)
ENDINGS_EVERY = timedelta(minutes=5)  # a step is a matter of days
DIGEST_EVERY = timedelta(minutes=1)
ANNOUNCED_EVERY = timedelta(seconds=20)  # how soon a message says that what it announced is taken care of
CLICKS_KEPT = timedelta(days=7)  # far longer than Slack takes to deliver one


def utc_now() -> datetime:
    return datetime.now(UTC)


class App:
    """Everything wired. Commands use the desk, the door and the ledger; `redkey run` serves."""

    def __init__(
        self, settings: Settings, memory: SqlMemory, gateways: platforms.Gateways, role: str, now: Clock
    ) -> None:
        self.role = role
        self.settings = settings
        self.memory = memory
        self.gateways = gateways
        self.now = now
        self.replica = f"rep_{secrets.token_hex(6)}"
        timing = settings.timing
        self.pace = Pace(timing.check_every, timing.retry_max)
        self.routes = routes_of(settings)
        self.blind = Blind(memory, self.replica, role, timing.blind_after, self.routes.default_channel, now)
        self.takeover = Takeover(memory, self.replica, self.blind, now, only_one=memory.only_one)
        # A command does not beat, so nobody may take for dead what it has claimed: that runs out by itself.
        self.owner = self.replica if role != "command" else None
        self.refresher = Refresher(
            memory, gateways, now, request_timeout=timing.request_timeout, refresh_ahead=timing.refresh_ahead
        )
        self._storms = StormRule(timing.storm_after, timing.storm_window)
        self.watch = Watch(memory, gateways, self.refresher, self.routes, self.pace, now, self._storms, self.owner)
        self.facts = Facts(memory, gateways, self.routes, settings.web.public_url, now)
        self._wire_what_speaks()
        self._wire_what_moves()
        self._wire_what_people_use()
        self.dispatcher: Dispatcher = Embedded({})

    def _wire_what_speaks(self) -> None:
        """Reminders, and what is told without an outage."""
        settings, memory, gateways, now = self.settings, self.memory, self.gateways, self.now
        timing, url, quiet = settings.timing, settings.web.public_url, quiet_of(settings)
        self.remind = Remind(
            memory,
            self.routes,
            timing.remind_after,
            timing.claim_for,
            quiet,
            now,
            lambda tx, outages: last_days(tx, gateways, outages, now()),
        )
        self.endings = Endings(memory, gateways, self.routes, url, quiet, now)
        self.leavers = Leavers(memory, gateways, self.routes, url, now)
        self.digest = Digest(memory, gateways, weekly_of(settings), digest_channel_of(settings), url, now)
        self.platform_down = PlatformDown(memory, gateways, self.routes, timing.platform_down_after, now)
        self.tellers: dict[str, Teller] = {
            ENDING: self.endings,
            BLIND: self.blind,
            WEBHOOK: SwitchedOff([each.name for each in settings.webhooks]),
            LEAVER: self.leavers,
            DIGEST: self.digest,
            PLATFORM_DOWN: self.platform_down,
            BORROWED: Borrowed(gateways),
            MUTED: Muted(),
        }

    def _wire_what_moves(self) -> None:
        memory, gateways, now, timing = self.memory, self.gateways, self.now, self.settings.timing
        self.confirm = Confirm(memory, gateways, now)
        self.retention = Retention(memory, keep_of(self.settings), now)
        self.revoke = Revoke(memory, gateways, self.pace, now, self.owner)
        self.undo = Undo(memory, gateways, self.watch, now)
        self.opt_in = OptIn(memory, gateways, self.watch, self.undo, self._domains(), now)
        every = Every(timing.cost_every, timing.tagging_every, timing.push_every)
        self.mover = Mover(memory, gateways, self.watch, self._carriers(), self.confirm, every, self.pace, now)

    def _wire_what_people_use(self) -> None:
        memory, gateways, now, timing = self.memory, self.gateways, self.now, self.settings.timing
        url, tenant = self.settings.web.public_url, self.settings.tenant
        consents = Consents(memory, gateways, tenant, now)
        restore = Restore(memory, gateways, now, timing.refresh_ahead, self._storms)
        reauthorize = Reauthorize(memory, gateways, self.facts, consents, restore, now)
        tags = {key: bool(getattr(g.platform.settings, "autotagging", True)) for key, g in gateways.items()}
        connect = Connect(memory, gateways, consents, restore, self.refresher, self.routes, url, tags, now)
        self.guests = guests = Guests(memory, gateways, consents, url, now)
        self.desk = FrontDesk(memory, gateways, self.facts, self.watch, connect, self.routes, self.leavers, guests, now)
        self.door = Doorway(gateways, consents, reauthorize, connect, guests)
        self.gallery = PageFacts(memory, gateways, self.facts, self.routes, now)
        self.tag_settings = TagSettings(memory, gateways, self.watch, now)
        self.signins = SlackSignIns(memory, memory.envelope(tenant.own("session")), tenant, now)
        self.ledger = Intake(memory, gateways, timing.cost_every, now)

    def _carriers(self) -> dict[Flow, Carrier]:
        own = {key: gateway.platform.settings for key, gateway in self.gateways.items()}
        restate = {key: days for key, s in own.items() if (days := getattr(s, "restate_days", None)) is not None}
        return {
            Flow.COST: CostCarrier(self.settings.timing.cost_days, restate),
            Flow.TAGGING: TagCarrier(self._domains()),
            Flow.TOUCHPOINTS: TouchpointCarrier(),
        }

    def _domains(self) -> dict[str, tuple[str, ...]]:
        return {key: tuple(getattr(g.platform.settings, "domains", ())) for key, g in self.gateways.items()}

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings, role: str = "command", now: Clock = utc_now) -> AsyncIterator["App"]:
        """Open the database, migrated, and every platform that has a client_id. Raises SetupError."""
        gateways = platforms.open_gateways(settings.platforms, timeout=settings.timing.request_timeout, now=now)
        app: App | None = None

        def due(kinds: set[Work]) -> None:
            if app is not None:
                app.dispatcher.wake(kinds)

        try:
            keys = [key.get_secret_value() for key in settings.secrets.keys]
            memory = await open_memory(
                settings.database.url,
                keys,
                on_due=due,
                now=now,
                exclusive=role != "command",
                subscriptions=subscriptions(settings.webhooks, settings.web.public_url),
            )
            try:
                app = cls(settings, memory, gateways, role, now)
                yield app
            finally:
                await memory.close()
        finally:
            await gateways.aclose()

    def announcing(self, announcer: Announcer, voice: Voice, presence: Presence | None = None) -> Announce:
        channel, late = self.settings.slack.channel, self.settings.timing.request_timeout
        return Announce(self.memory, self.tellers, announcer, voice, self.pace, channel, self.now, late, presence)

    def workers(self, alert: Alert, announce: Announce, own: BotToken | None = None) -> dict[Work, Worker]:
        """Who does what, and how much of it at once. `own`: our token at Slack, where it rotates."""
        memory, now, owner = self.memory, self.now, self.replica
        catching_up: set[tuple[str, Flow]] = set()

        async def tell(limit: int) -> list[Announcement]:
            async with memory.begin() as tx:
                return await tx.announcements.claim(now(), limit, owner, SAY_LEASE)

        async def move(limit: int) -> list[Transfer]:
            async with memory.begin() as tx:
                room = max(CATCH_UPS - len(catching_up), 0)
                among = self.takeover.at_work
                claimed = await tx.transfers.claim(now(), limit, owner, LEASE, catch_ups=room, among=among)
            catching_up.update((t.connection_id, t.flow) for t in claimed if t.mark is not None)
            return claimed

        async def move_one(transfer: Transfer) -> None:
            try:
                await self.mover.run(transfer)
            finally:
                catching_up.discard((transfer.connection_id, transfer.flow))

        async def renew(limit: int) -> list[Grant]:
            async with memory.begin() as tx:
                return await tx.grants.claim_renewals(now(), limit, self.owner)

        async def renew_one(grant: Grant) -> None:
            await (own.renew(grant) if own is not None and grant.platform == SLACK else self.watch.renew(grant))

        return {
            Work.SAY: Worker(Order(memory, owner, now).claim, alert.say, AT_ONCE),
            Work.ANNOUNCE: Worker(tell, announce.say, 2),
            Work.MOVE: Worker(move, move_one, MOVES),
            Work.CHECK: self._checking(),
            Work.RENEW: Worker(renew, renew_one, 10),
            Work.REVOKE: Worker(self.revoke.claim, self.revoke.run, 4),
        }

    def _checking(self) -> Worker:
        """Claimed many at once, as claiming costs more than starting a probe."""
        watch = self.watch
        return Worker(watch.claim, watch.check_due, 20, ahead=100, put_back=watch.put_back, makes_more=False)

    def dispatcher_of(self, workers: Mapping[Work, Worker]) -> Dispatcher:
        local, wake_ups = Embedded(workers), self.memory.wake_ups
        return local if wake_ups is None else Shared(local, wake_ups)

    def ticks(self, announce: Announce, *, works: bool) -> list[Tick]:
        timing = self.settings.timing
        shortest = min(timing.check_every, timing.push_every, timing.progress_every, timedelta(seconds=2))

        async def tick() -> None:
            async with self.memory.read() as tx:
                due = await tx.agenda.due(self.now())
            self.dispatcher.tick(due)

        async def sweep() -> None:
            async with self.memory.begin() as tx:
                await tx.consents.sweep(self.now())
                await tx.clicks.sweep(self.now() - CLICKS_KEPT)
                await tx.sessions.sweep(self.now() - SESSION_LASTS)

        beats = [Tick("beat", timedelta(seconds=2), self.takeover.beat)]
        if not works:
            return beats
        if self.memory.wake_ups is not None:
            beats.append(Tick("stalled wake-ups", timedelta(seconds=10), self.memory.wake_ups.sweep))
        return [
            *beats,
            Tick("tick", max(shortest / 4, timedelta(milliseconds=100)), tick),
            Tick("confirm", timedelta(seconds=5), self.confirm.sweep),
            Tick("remind", min([timedelta(seconds=30), *timing.remind_after]), self.remind.run),
            Tick(
                "platforms that are down", min(PLATFORM_DOWN_EVERY, timing.platform_down_after), self.platform_down.run
            ),
            Tick("endings", ENDINGS_EVERY, self.endings.run),
            Tick("digest", DIGEST_EVERY, self.digest.run),
            Tick("announcements", ANNOUNCED_EVERY, announce.run),
            Tick("sweep consents", timedelta(minutes=5), sweep),
            Tick("forget", timedelta(minutes=10), self.retention.run),
        ]
