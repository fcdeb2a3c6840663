"""The web side over a real socket, with a desk, a door and a ledger that live in memory; for the tests."""

import asyncio
import json
import secrets
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import uvicorn

from bot.memory.history import Down
from bot.people.people import Begun, ConnectPage, Ending, GuestPage, NotFound, Outcome, StartPage
from bot.people.showing import ConnectionPage, Sheet, Shown
from bot.words.connection import Account, Cause, Connection, Event, Kind, Outage, Reach, Status
from bot.words.facts import AccountFact, ConnectionFacts, Freshness, OutageFacts, Progress
from bot.words.freight import CostRow
from handlers.web.health import Numbers
from handlers.web.website import Front, Parts, build_web

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CONSENT = "http://127.0.0.1:9/authorize"
KEY = "a-key-for-the-api"
ACME = Account("123-456-7890", "Acme EMEA", "EUR", "Europe/Paris")
BETA = Account("222-333-4444", "Acme North America", "USD", "America/New_York")
ORG = Account("00D5g000004XYZ", "Acme Sales")
REVOKED = Cause("invalid_grant", "The login was revoked, or its password changed.", "Log in again.", "<b>vendor</b>")


def connection(**changes) -> Connection:
    base = Connection(
        id="con_acme",
        platform="google_ads",
        kind=Kind.ADS,
        account=ACME,
        grant_id="grn_1",
        login="ada@acme.example",
        enabled=True,
        authorized=True,
        autotagging=True,
        catching_up=False,
        checked_at=NOW,
        last_data_at=NOW - timedelta(minutes=40),
    )
    return replace(base, **changes)


def outage(**changes) -> Outage:
    base = Outage(
        id="out_1",
        platform="google_ads",
        reach=Reach.GRANT,
        grant_id="grn_1",
        remedy="AuthorizationLost",
        cause=REVOKED,
        opened_at=NOW - timedelta(hours=3),
        revision=1,
        login="ada@acme.example",
        last_good_at=NOW - timedelta(hours=3, minutes=5),
        alerted_at=NOW - timedelta(hours=3),
        connection_ids=("con_acme",),
        timeline=(Event(NOW - timedelta(hours=3), "opened", "", "inside"),),
    )
    return replace(base, **changes)


def facts(**changes) -> OutageFacts:
    base = OutageFacts(
        outage=outage(),
        platform_name="Google Ads",
        kind=Kind.ADS,
        accounts=(AccountFact("con_acme", ACME.id, ACME.name, Status.AUTHORIZATION_REQUIRED),),
        now=NOW,
        start_url="",
        cost_since=date(2026, 11, 23),
        untagged=True,
    )
    return replace(base, **changes)


def catching_up(**changes) -> OutageFacts:
    done = outage(reauthorized_at=NOW, reauthorized_by="bob@acme.example", **changes)
    flows = (Progress("cost", "Acme EMEA", 4, 10, passed=False, verified=False),)
    accounts = (AccountFact("con_acme", ACME.id, ACME.name, Status.CATCHING_UP),)
    return facts(outage=done, progress=flows, accounts=accounts, eta=timedelta(minutes=2))


def closed(**changes) -> OutageFacts:
    over = {"reauthorized_at": NOW, "reauthorized_by": "bob@acme.example", "closed_at": NOW + timedelta(minutes=3)}
    return facts(outage=outage(**{**over, **changes}))


def start_page(**changes) -> StartPage:
    base = StartPage("out_1", "google_ads", "Google Ads", "ada@acme.example", (ACME,), facts())
    return replace(base, **changes)


def outcome(ending: Ending, **changes) -> Outcome:
    base = Outcome(
        ending,
        "google_ads",
        "Google Ads",
        used_login="eve@other.example",
        expected_login="ada@acme.example",
        accounts=(ACME,),
        ref="out_1",
    )
    return replace(base, **changes)


class PracticeDesk:
    def __init__(self):
        self.listed: list[Connection] = []
        self.told: list[OutageFacts] = []

    def platforms(self):
        return {"google_ads": "Google Ads", "salesforce": "Salesforce"}

    async def connections(self):
        names = self.platforms()
        return [ConnectionFacts(c, names[c.platform], "C0123456789", "") for c in self.listed]

    async def outages(self, *, open_only=False):
        return self.told

    async def past(self, limit, after=None):
        every = sorted((f.outage for f in self.told), key=lambda o: (-o.opened_at.timestamp(), o.id))
        rest = [o for o in every if not after or (-o.opened_at.timestamp(), o.id) > (-after[0].timestamp(), after[1])]
        return rest[:limit]


class PracticeGallery:
    """Shows what the desk lists, one page of each kind."""

    def __init__(self, desk):
        self.desk = desk
        self.full: dict[str, ConnectionPage] = {}
        self.downs: dict[str, tuple[Down, ...]] = {}
        self.outages: dict[str, OutageFacts] = {}

    def now(self):
        return NOW

    async def sheets(self, pages, search=""):
        names = self.desk.platforms()
        shown = [Shown(c, names[c.platform], self.downs.get(c.id, ())) for c in self.desk.listed]
        rows = {kind: [row for row in shown if row.connection.kind is kind] for kind in Kind}
        red = {kind: sum(not r.connection.authorized for r in rows[kind]) for kind in Kind}
        return {k: Sheet(k, tuple(rows[k]), len(rows[k]), len(rows[k]), red[k], pages.get(k, 1), 3) for k in Kind}

    async def connection(self, connection_id):
        return _found(self.full, connection_id)

    async def untagged(self, connection_id):
        return _found(self.full, connection_id).untagged or ()

    async def outage(self, outage_id):
        return _found(self.outages, outage_id)


def _found(known, wanted):
    if wanted not in known:
        raise NotFound(wanted)
    return known[wanted]


class PracticeDoor:
    """Knows its states; every call that changes something is counted in `changes`."""

    def __init__(self):
        self.pages = {"out_1": start_page()}
        self.links = {"lnk_1": ConnectPage("lnk_1", "google_ads", "Google Ads")}
        self.guests = {"gst_1": GuestPage("gst_1", "google_ads", "Google Ads", (ACME, BETA))}
        self.begun: dict[str, str] = {}
        self.ending = outcome(Ending.RESTORED)
        self.finished: list[dict[str, str]] = []
        self.changes = 0
        self.breaks: Exception | None = None

    async def start_page(self, ref):
        if self.breaks:
            raise self.breaks
        return self.pages.get(ref)

    async def begin(self, ref, who="", *, another=False):
        self.another = another
        if ref not in self.pages:
            raise NotFound(ref)
        return self._begin()

    async def connect_page(self, token):
        return self.links.get(token)

    async def guest_page(self, token):
        return self.guests.get(token)

    async def connect(self, token):
        if token not in self.links:
            raise NotFound(token)
        return self._begin()

    def _begin(self):
        if self.breaks:
            raise self.breaks
        self.changes += 1
        state, browser = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self.begun[state] = browser
        return Begun(f"{CONSENT}?{urlencode({'state': state, 'client_id': 'x'})}", browser)

    async def choose(self, token, account_ids):
        page = self.links.pop(token)
        self.changes += 1
        known = {a.id: a for a in page.accounts}
        if set(account_ids) - known.keys():
            raise NotFound("this login does not reach it")
        return [
            ConnectionFacts(connection(id=f"con_{i}", account=known[i]), page.platform_name, "C1", "")
            for i in account_ids
        ]

    async def finish(self, platform, params, browser):
        state = params.get("state", "")
        if browser is None or self.begun.get(state) != browser:
            return Outcome(Ending.UNKNOWN, platform, name_of(platform))
        del self.begun[state]
        self.finished.append(dict(params))
        self.changes += 1
        return self.ending


def name_of(platform):
    return {"google_ads": "Google Ads"}.get(platform, platform)


class PracticeSignIns:
    """Anna is signed in whose cookie says "anna"; no trip to Slack is under way."""

    def now(self):
        return NOW

    async def finish(self, state, browser):
        return None

    def unseal(self, sealed):
        session = {"user": "U0ANNA000", "name": "Anna Berg", "form": "once", "until": NOW.timestamp() + 60}
        return json.dumps(session) if sealed == "anna" else None

    async def living(self, member, began):
        return True


class PracticeLedger:
    def __init__(self):
        self.taken = {}
        self.rows: list[tuple[Connection, CostRow, bool]] = []
        self.asked = None
        self.crm_connected = True

    async def accept(self, touchpoints):
        fresh = {t.id: t for t in touchpoints if t.id not in self.taken}
        self.taken.update(fresh)
        return len(fresh), len(touchpoints) - len(fresh), 0 if self.crm_connected else len(self.taken)

    async def costs(self, since, until):
        self.asked = (since, until)
        for row in self.rows:
            yield row

    async def freshness(self, connection_id):
        if connection_id == "con_stale":
            return Freshness(connection_id, False, Status.AUTHORIZATION_REQUIRED, None, "Authorization Required")
        if connection_id != "con_acme":
            raise NotFound(f"there is no connection {connection_id}")
        return Freshness(connection_id, True, Status.CONNECTED, NOW)


class PracticeHealth:
    def __init__(self):
        self.up = True
        self.slack_is = "connected"
        self.was_blind = None
        self.beside = {}

    async def database(self):
        if self.up is None:
            raise OSError("no such host")
        return self.up

    def slack(self):
        return self.slack_is

    async def blind(self):
        return self.was_blind

    def in_service(self):
        return {team: numbers is not None for team, numbers in self.beside.items()}

    async def others(self):
        return self.beside

    async def numbers(self):
        return Numbers({"Connected": 2, 'odd "one"\n': 1}, 1, 3, 412)


class Site:
    """The parts behind the pages, and a browser in front of them."""

    def __init__(self, desk, gallery, door, ledger, health, client):
        self.desk = desk
        self.gallery = gallery
        self.door = door
        self.ledger = ledger
        self.health = health
        self.client = client

    async def begin(self, ref="out_1"):
        """Press the button; give the state that went to the platform."""
        answer = await self.client.post(f"/reauthorize/{ref}")
        return parse_qs(urlsplit(answer.headers["location"]).query)["state"][0]


@asynccontextmanager
async def website(**options) -> AsyncIterator[Site]:
    desk, door, ledger, health = PracticeDesk(), PracticeDoor(), PracticeLedger(), PracticeHealth()
    gallery = PracticeGallery(desk)
    behind = {name: options.pop(name) for name in ("guard", "neighbours", "slack_http") if name in options}
    front = {
        "public_url": "http://127.0.0.1:8080",
        "api_keys": [KEY],
        "authorize_urls": {"google_ads": CONSENT, "salesforce": "https://login.salesforce.com/authorize"},
        **options,
    }
    app = build_web(Parts(desk, door, ledger, gallery, health, tagging=object(), **behind), Front(**front))
    config = uvicorn.Config(app, port=0, log_level="critical", access_log=False, lifespan="off", log_config=None)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", verify=False) as client:
            yield Site(desk, gallery, door, ledger, health, client)
    finally:
        for accepting in server.servers:
            accepting.close()
        for open_one in list(server.server_state.connections):
            open_one.shutdown()
        await asyncio.sleep(0)  # uvicorn's own shutdown would wait a tenth of a second


@contextmanager
def website_in_a_thread(**options) -> Iterator[tuple[Site, str]]:
    """For tests that are not asynchronous; gives the site and its address."""
    ready, found = threading.Event(), []

    async def serve() -> None:
        async with website(**options) as site:
            stop = asyncio.Event()
            found.extend([site, str(site.client.base_url), asyncio.get_running_loop(), stop])
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    site, base, loop, stop = found
    try:
        yield site, base
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
