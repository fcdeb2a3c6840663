"""The story's verbs on real storage and the practice world, with a clock that stands: nothing runs unless a test says so."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.alert.alert import Alert
from bot.app import App
from bot.logins.refresh import Refresher
from bot.memory.memory import Work
from bot.people.people import Begun
from bot.settings.settings import Settings
from bot.words.connection import Secret
from bot.words.errors import MemoryAway
from bot.words.freight import Touchpoint
from handlers.slack.line.pacing import Pacing
from handlers.slack.line.presence import SlackPresence
from handlers.slack.line.voice import SlackVoice
from handlers.slack.looks.announcer import SlackAnnouncer
from handlers.slack.looks.messages import SlackComposer
from platforms import open_gateways
from sandbox.faults import Fault
from sandbox.person import consent
from sandbox.slack import MARKETING
from sandbox.world import World

PUBLIC = "http://127.0.0.1:8080"
ADA = "ada.marsh@acme.example"
BEN = "ben.okoro@acme.example"
CLEO = "cleo.vance@globex.example"
GOOGLE, SALESFORCE = "google_ads", "salesforce"
TIMING = {"check_every": "5m", "request_timeout": "2s", "retry_max": "5m", "cost_days": 5}
MARGIN = timedelta(seconds=3)  # one and a half times that request time-out: no refresh is on its way any more
AT_ONCE = 50
OWN = {"timing": TIMING, "platforms": {GOOGLE: {"restate_days": 3}}}  # little to load, as each test loads it

# Where only the platform or Slack matters, one database is enough.
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Story:
    """What a person, an operator and the passing of time can do. Rows are worked off by `work`, never by themselves."""

    def __init__(self, world, memory, gateways, clock, own=OWN):
        self.world, self.memory, self.gateways, self.clock = world, memory, gateways, clock
        self.settings = Settings.model_validate(world.settings(PUBLIC, **own))
        self.app = App(self.settings, memory, gateways, "command", clock)
        self.refresher, self.watch = self.app.refresher, self.app.watch
        self.desk, self.door = self.app.desk, self.app.door
        slack = self.settings.slack
        self.voice = SlackVoice(
            slack.bot_token.get_secret_value(),
            slack.api_url,
            timeout=2,
            pacing=Pacing(sleep=no_sleep),
            clock=self.ticks,
        )
        client = AsyncWebClient(slack.bot_token.get_secret_value(), base_url=slack.api_url, timeout=2)
        self.presence = SlackPresence(client, self.ticks)
        self.alert = self.new_alert()
        self.announce = self.app.announcing(SlackAnnouncer(), self.voice, self.presence)
        self.workers = self.app.workers(self.alert, self.announce)
        self.woken = set()
        heard, memory._on_due = memory._on_due, self.wake
        self._heard = heard

    def wake(self, kinds):
        """What a commit made due: the real dispatcher is told the same, and works on the same."""
        self.woken |= kinds
        if self._heard is not None:
            self._heard(kinds)

    def ticks(self):
        return self.clock().timestamp()

    def new_alert(self, memory=None):
        timing = self.settings.timing
        return Alert(
            memory or self.memory,
            self.app.facts,
            SlackComposer(),
            self.voice,
            self.app.pace,
            timing.progress_every,
            self.clock,
            presence=self.presence,
        )

    def another_refresher(self, memory):
        """As a second process has it."""
        timing = self.settings.timing
        return Refresher(
            memory,
            self.gateways,
            self.clock,
            request_timeout=timing.request_timeout,
            refresh_ahead=timing.refresh_ahead,
        )

    def sandbox(self, platform):
        return getattr(self.world, platform)

    # What people do

    async def leave_for(self, ref, person=ADA, **more):
        """From the start page to the platform and back: the query that the browser brings, and its cookie."""
        begun = await self.door.begin(ref)
        return await self.way_back(begun, person, **more)

    async def way_back(self, begun, person=ADA, *, without=(), **more):
        """`without` are parameters of the consent address to leave out, as an operator's override may."""
        url = httpx2.URL(begun.url)
        for name in without:
            url = url.copy_remove_param(name)
        async with httpx2.AsyncClient(verify=False) as browser:
            back = await consent(browser, str(url), person, **more)
        return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}, begun.browser

    async def reauthorize(self, platform, ref, person=ADA, **more):
        params, browser = await self.leave_for(ref, person, **more)
        return await self.door.finish(platform, params, browser)

    async def connect(self, platform, person=ADA, accounts=None):
        """A new login with all its accounts, or those named; the connections."""
        link = await self.desk.connect_link(platform, "U0ANNA000")
        token = link.rpartition("/")[2]
        params, browser = await self.way_back(await self.door.connect(token), person)
        page = (await self.door.finish(platform, params, browser)).connect
        chosen = [a.id for a in page.accounts if accounts is None or a.id in accounts]
        return sorted((made.connection for made in await self.door.choose(page.token, chosen)), key=by_account)

    async def begin_with(self, platform, person=ADA, accounts=None):
        """What `connect` leaves behind, for whoever begins there: half of its way, and none of its links and pages."""
        gateway, connect = self.gateways[platform], self.door._connect
        verifier = Secret("v" * 64) if gateway.platform.oauth.pkce else None
        way = {"redirect_uri": connect._consents.redirect_uri(platform), "verifier": verifier}
        params, _ = await self.way_back(Begun(gateway.consent_url(state="s", **way), ""), person)
        tokens = await gateway.exchange(code=Secret(params["code"]), **way)
        proof = await connect._restore.prove(platform, tokens)
        reached = {a.id: a for a in proof.accounts if accounts is None or a.id in accounts}
        async with self.memory.begin() as tx:
            grant = (await connect._restore.swap(tx, platform, proof, [], person)).grant
            await tx.grants.authorized_by(grant.id, "U0ANNA000")
            made = await connect._take(tx, grant, reached, list(reached), person)
        return sorted((each.connection for each in made), key=by_account)

    async def touchpoints(self, *numbers):
        fields = {"bizible2__Medium__c": "cpc"}
        given = [
            Touchpoint(f"TP2_{n:05d}", self.clock(), f"p{n}@example.com", "touchpoint", fields, None) for n in numbers
        ]
        async with self.memory.begin() as tx:
            return (await tx.touchpoints.accept(given, self.clock()))[:2]

    # What time does

    async def work(self, *kinds, rounds=50):
        """Work off what is due now, these kinds (all: none named), until nothing is. How many rows it was."""
        kinds, count = kinds or tuple(Work), 0
        looked_at = kinds
        for _ in range(rounds):
            self.woken.clear()
            done = {kind: await self.once(kind) for kind in looked_at}
            count += sum(done.values())
            looked_at = [kind for kind in kinds if kind in self.woken or self.more(kind, done.get(kind, 0))]
            if not looked_at:
                return count
        raise AssertionError(f"there was still work after {rounds} rounds")

    def more(self, kind, done):
        """Whether another may be due after these, as the dispatcher thinks too."""
        return done == AT_ONCE or (done > 0 and self.workers[kind].makes_more)

    async def once(self, kind):
        """One claim, and everything it gave, at the same time."""
        rows = await self.workers[kind].claim(AT_ONCE)
        await asyncio.gather(*(self.workers[kind].run(row) for row in rows))
        return len(rows)

    async def pass_by(self, *kinds, **amount):
        self.clock.advance(**amount)
        return await self.work(*kinds)

    async def drop(self, platform):
        """The login is revoked, and the next probe sees it: the outage."""
        self.sandbox(platform).revoke()
        await self.pass_by(Work.CHECK, minutes=6)
        (outage,) = await self.outages(open_only=True)
        return outage

    async def claim(self, flow):
        """The transfer of this flow, claimed as a worker claims it, others left alone."""
        async with self.memory.begin() as tx:
            claimed = await tx.transfers.claim(self.clock(), 50, "worker", timedelta(minutes=5))
            for transfer in claimed:
                if transfer.flow is not flow:
                    await tx.transfers.release(transfer, self.clock(), attempts=0)
        return next(transfer for transfer in claimed if transfer.flow is flow)

    # What there is

    async def connections(self):
        """In the order of their accounts."""
        async with self.memory.read() as tx:
            return sorted(await tx.connections.all(), key=by_account)

    async def statuses(self):
        return [connection.status for connection in await self.connections()]

    async def connection(self, connection_id):
        async with self.memory.read() as tx:
            return await tx.connections.get(connection_id)

    async def grant(self, connection):
        async with self.memory.read() as tx:
            return await tx.grants.get(connection.grant_id)

    async def tokens(self, connection):
        async with self.memory.read() as tx:
            return await tx.grants.tokens(connection.grant_id)

    async def outages(self, *, open_only=False):
        async with self.memory.read() as tx:
            return await tx.outages.latest(open_only=open_only)

    async def outage(self, outage_id):
        async with self.memory.read() as tx:
            return await tx.outages.get(outage_id)

    async def transfers(self, connection):
        async with self.memory.read() as tx:
            return {transfer.flow: transfer for transfer in await tx.transfers.of_connections([connection.id])}

    async def totals(self, connection, since, until):
        async with self.memory.read() as tx:
            return await tx.costs.totals(connection.id, since, until)

    def posts(self):
        return self.world.slack.messages(MARKETING)

    def replies(self, post=None):
        return [m.text for m in self.world.slack.thread(MARKETING, (post or self.posts()[0]).ts)]

    def asked(self, platform, grant_type="refresh_token"):
        """How often the token endpoint was really asked for this."""
        return self.sandbox(platform).ledger.count("token_request", grant_type=grant_type)


def by_account(connection):
    return connection.account.id


def colour(story):
    (post,) = story.posts()
    return post.attachments[0]["color"]


def kind_of(reply):
    kinds = "takes care", "caught up", "logged in again", "disconnected again", "does not reach", "has stalled"
    return next(kind for kind in kinds if kind in reply)


async def agrees(story, connection, since):
    """Whether what we hold of a Google account is what was spent, to the micro and day, from `since` to yesterday."""
    sandbox = story.world.google_ads
    yesterday = sandbox.today(connection.account.id) - timedelta(days=1)
    ours = await story.totals(connection, since, yesterday)
    return ours == sandbox.totals(connection.account.id, since, yesterday)


def days_ago(story, days):
    return (story.clock() - timedelta(days=days)).date()


async def heals(story, outage_id, **amount):
    """Let so much time pass, and everything due be done: whether the outage ended confirmed."""
    await story.pass_by(**amount)
    return (await story.outage(outage_id)).caught_up_at is not None


async def no_sleep(_seconds):
    await asyncio.sleep(0)


@asynccontextmanager
async def telling(memory, clock, patience=2, google=None, **salesforce):
    """`google` and `salesforce` are settings that differ from the defaults; `patience`: seconds to wait for an answer."""
    own = {**OWN, "platforms": {GOOGLE: {**OWN["platforms"][GOOGLE], **(google or {})}, SALESFORCE: salesforce}}
    own["timing"] = {**TIMING, "request_timeout": f"{patience}s"}
    async with World.open(now=clock) as world:
        world.slack.rates.on = False
        platforms = world.settings(PUBLIC, **own)["platforms"]
        gateways = open_gateways(platforms, timeout=timedelta(seconds=patience), now=clock)
        try:
            yield Story(world, memory, gateways, clock, own)
        finally:
            await gateways.aclose()


def token_fault(story, platform, kind, **more):
    return story.sandbox(platform).faults.add(Fault(match="token", kind=kind, **more))


class Trouble:
    """A memory that cannot be written for a while. What it says then is what storage says of a full or a gone disk."""

    def __init__(self, memory):
        self._memory = memory
        self.writes = 0
        self.skip = 0
        self.fail = 0

    def __getattr__(self, name):
        return getattr(self._memory, name)

    def next_writes_fail(self, count=1, *, after=0):
        self.skip, self.fail = after, count

    @asynccontextmanager
    async def begin(self, **how):
        self.writes += 1
        if self.skip:
            self.skip -= 1
        elif self.fail:
            self.fail -= 1
            raise MemoryAway("the database did not answer (OperationalError)")
        async with self._memory.begin(**how) as tx:
            yield tx


def rotten(tokens):
    """The same tokens, with nothing that any platform knows."""
    return replace(tokens, access_token=Secret("no-such-token"), refresh_token=Secret("no-such-refresh"))
