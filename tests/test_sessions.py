"""A session on the pages: a cookie nobody else can read or use, over when its person or an emergency says so."""

import json
from http.cookies import SimpleCookie
from types import SimpleNamespace

import pytest
from practice_story import PUBLIC, sqlite_only, telling
from practice_web import KEY, PracticeSignIns, catching_up, website
from starlette.requests import Request
from starlette.responses import Response
from structlog.testing import capture_logs

from bot.people.members import SESSION_LASTS
from bot.reauthorize.reauthorize import digest
from bot.reauthorize.signin import SlackSignIns
from bot.words.connection import Secret
from bot.words.tenant import Tenant, team_of
from handlers.web.members import Members, NotSignedIn
from handlers.web.refusals import EVERY, Refusals
from handlers.web.signin import SignIn
from handlers.web.slack_login import SlackLogin
from sandbox.slack import ANNA

BEN = "U0BEN0000"
HERE = "https://redkey.example.com"
COOKIE = "__Host-redkey_session"


class Browser:
    """Holds one session, as a browser does."""

    def __init__(self, members):
        self.members, self.told, self.last = members, None, None

    def request(self, held=None):
        held = held or (self.told.value if self.told else "")
        header = f"{self.members.cookie}={held}".encode()
        return Request(
            {
                "type": "http",
                "method": "GET",
                "path": "/connections",
                "query_string": b"",
                "headers": [(b"cookie", header)],
            }
        )

    def takes(self, response):
        (self.told,) = SimpleCookie(response.headers["set-cookie"]).values()
        self.last = response

    async def signs_in(self, user=ANNA):
        response = Response()
        await self.members.let_in(self.request(), response, user, "Anna Berg")
        self.takes(response)
        return self.told.value

    async def signs_out(self):
        response = Response()
        await self.members.let_go(response, await self.members.looking(self.request()))
        self.takes(response)

    async def is_in(self, held=None):
        try:
            return (await self.members.looking(self.request(held))).user
        except NotSignedIn:
            return None


@pytest.fixture
def house(memory, clock):
    signins = SlackSignIns(memory, memory.envelope("session"), Tenant("", HERE), clock)
    return SimpleNamespace(members=Members(HERE, signins, Tenant("", HERE)), signins=signins)


async def test_a_session_is_a_sealed_cookie_that_stays_with_us_and_lasts_twelve_hours(house, clock):
    anna = Browser(house.members)
    held = await anna.signs_in()

    told = {name: anna.told[name] for name in ("path", "httponly", "secure", "samesite", "domain", "max-age")}
    assert (COOKIE, "/", True, True, "lax", "", "43200") == (anna.told.key, *told.values())
    assert "Anna" not in held
    assert len(held) < 1000
    assert held != await Browser(house.members).signs_in(), "each is made anew"
    clock.advance(hours=12, seconds=-1)
    assert ANNA == await anna.is_in()
    clock.advance(seconds=1)
    assert await anna.is_in() is None


async def test_who_signs_out_is_out_everywhere_and_so_is_whoever_copied_the_cookie(house, clock):
    anna, elsewhere, ben = (Browser(house.members) for _ in range(3))
    held = await anna.signs_in()
    await elsewhere.signs_in()
    await ben.signs_in(BEN)
    clock.advance(minutes=5)
    await elsewhere.signs_in()  # in the very moment in which she signs out
    await anna.signs_out()

    assert ("", "0") == (anna.told.value, anna.told["max-age"])
    assert '"cache"' == anna.last.headers["clear-site-data"]
    assert [None, None, None, BEN] == [
        await anna.is_in(),
        await anna.is_in(held),
        await elsewhere.is_in(),
        await ben.is_in(),
    ]
    clock.advance(seconds=1)
    await anna.signs_in()
    assert ANNA == await anna.is_in()


async def test_signing_in_again_ends_the_session_that_this_browser_had_and_no_other(house, clock):
    anna, elsewhere = Browser(house.members), Browser(house.members)
    held = await anna.signs_in()
    await elsewhere.signs_in()
    clock.advance(minutes=5)
    await anna.signs_in()

    assert [ANNA, None, ANNA] == [await anna.is_in(), await anna.is_in(held), await elsewhere.is_in()]


async def test_who_comes_and_goes_stands_in_the_audit_trail_and_what_was_ended_is_forgotten_in_time(
    house, memory, clock
):
    anna = Browser(house.members)
    await anna.signs_in()
    clock.advance(minutes=5)
    await anna.signs_out()
    async with memory.read() as tx:
        assert [("signed_in", ANNA), ("signed_out", ANNA)] == [(act.what, act.who) async for act in tx.audit.rows()]
        assert clock() == await tx.sessions.ended_at([ANNA])
    clock.advance(hours=12, seconds=1)
    async with memory.begin() as tx:
        await tx.sessions.sweep(clock() - SESSION_LASTS)
        assert await tx.sessions.ended_at([ANNA]) is None


async def test_what_was_ended_stays_ended_for_as_long_as_a_session_could_live(house, memory, clock):
    anna = Browser(house.members)
    held = await anna.signs_in()
    clock.advance(minutes=5)
    await anna.signs_out()
    clock.advance(hours=11)
    async with memory.begin() as tx:
        await tx.sessions.sweep(clock() - SESSION_LASTS)
    assert await anna.is_in(held) is None


@sqlite_only
async def test_who_has_left_slack_is_out_and_after_an_emergency_everybody_is(memory, clock):
    async with telling(memory, clock) as story:
        members = Members(PUBLIC, story.app.signins, Tenant("", PUBLIC))
        anna, ben = Browser(members), Browser(members)
        await anna.signs_in()
        await ben.signs_in(BEN)
        clock.advance(minutes=5)
        await story.desk.left(ANNA, "Anna Berg", "")
        assert [None, BEN] == [await anna.is_in(), await ben.is_in()]

        await story.app.revoke.everything("root")
        assert await ben.is_in() is None
        clock.advance(seconds=1)
        await ben.signs_in(BEN)
        assert BEN == await ben.is_in()


async def test_every_page_that_asks_who_one_is_has_a_way_out():
    slack = {"api_url": "http://127.0.0.1:9/api/", "redirect_uri": "http://127.0.0.1:8080/signin/callback"}
    login = SlackLogin(**slack, client_id="1.2", client_secret="x", own_team=None, timeout=1)
    async with website(guard=SignIn(PracticeSignIns(), login)) as site:
        site.gallery.outages["out_1"] = catching_up()
        site.client.cookies.set("redkey_session", "anna")
        for path in ("/connections", "/outages/out_1", "/reauthorize/out_1", "/connect/lnk_1"):
            answer = await site.client.get(path)
            assert (200, 1) == (answer.status_code, answer.text.count('action="/signout"')), path


async def test_a_sign_in_counts_once_in_the_browser_that_began_it_and_for_ten_minutes(house, memory, clock):
    signins, then = house.signins, "/connect/a-link with a space"
    trip, late, stolen, other = [await signins.begin(then) for _ in range(4)]

    assert 12 == len({each for at in (trip, late, stolen, other) for each in (at.state, at.nonce, at.browser)})
    assert all(len(each) == 43 for each in (trip.state, trip.nonce, trip.browser))
    assert await signins.finish(stolen.state, trip.browser) is None
    async with memory.begin() as tx:
        assert await tx.consents.take("google_ads", digest(other.state), digest(other.browser), clock()) is None
    clock.advance(minutes=10, seconds=-1)
    assert (then, Secret(trip.nonce)) == await signins.finish(trip.state, trip.browser)
    assert await signins.finish(trip.state, trip.browser) is None
    clock.advance(seconds=1)
    assert await signins.finish(late.state, late.browser) is None
    assert await signins.finish("made up", trip.browser) is None
    assert clock() == signins.now()


async def test_a_sign_in_s_state_says_whose_pages_it_began_at_and_its_seal_opens_nothing_else(memory, clock):
    north = SlackSignIns(memory, memory.envelope("session_T0NORTH01"), Tenant("T0NORTH01", HERE), clock)
    assert "T0NORTH01" == team_of((await north.begin("/")).state)
    home = SlackSignIns(memory, memory.envelope("session"), Tenant("", HERE), clock)
    assert "told" == north.unseal(north.seal("told"))
    assert [None, None] == [home.unseal(north.seal("told")), home.unseal("made up")]


async def test_on_https_every_answer_asks_for_https_from_then_on_and_elsewhere_none_does():
    for url, said in ((HERE, "max-age=31536000"), ("http://127.0.0.1:8080", None)):
        async with website(public_url=url) as site:
            for path in ("/connections", "/nothing", "/api/v1/costs", "/static/redkey.css"):
                assert said == (await site.client.get(path)).headers.get("strict-transport-security")


async def test_no_other_site_may_read_an_answer_and_nothing_lists_traces_or_names_what_runs_here():
    async with website() as site:
        asking = {"Origin": "https://evil.example", "Authorization": f"Bearer {KEY}"}
        for path in ("/connections", "/api/v1/connections", "/api/v1/openapi.json", "/static/redkey.css"):
            answer = await site.client.get(path, headers=asking)
            assert 200 == answer.status_code
            assert not [name for name in answer.headers if name.startswith("access-control-")]
        wanted = {**asking, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        assert 405 == (await site.client.options("/api/v1/touchpoints", headers=wanted)).status_code
        assert 404 == (await site.client.get("/static/")).status_code
        for path in ("/connections", "/reauthorize/out_1", "/api/v1/connections", "/static/redkey.css"):
            traced = await site.client.request("TRACE", path, headers=asking)
            assert 405 == traced.status_code
            assert KEY not in traced.text
        assert "x-powered-by" not in answer.headers


def test_what_is_refused_is_in_the_log_once_a_minute_with_how_often_and_without_its_path():
    now = [0.0]
    refusals = Refusals(lambda: now[0])
    with capture_logs() as lines:
        for _ in range(1000):
            refusals.answered("/connect/a-token-that-opens-something", 403)
            refusals.answered("/api/v1/costs", 401)
            refusals.answered("/connections", 200)
        now[0] = EVERY
        refusals.answered("/connect/another", 403)
    assert [("connect", 403, 1), ("api", 401, 1), ("connect", 403, 1000)] == [
        (line["route"], line["status"], line["times"]) for line in lines
    ]
    assert "token" not in json.dumps(lines)


async def test_a_refused_request_and_one_that_failed_in_us_are_told():
    with capture_logs() as lines:
        async with website() as site:
            await site.client.get("/api/v1/costs", headers={"Authorization": "Bearer wrong-key"})
            site.door.breaks = RuntimeError("inside")
            await site.client.get("/reauthorize/out_1")
    told = [(at["event"], at["route"], at["log_level"]) for at in lines]
    assert [("requests were refused", "api", "warning"), ("a request failed", "reauthorize", "error")] == told
    assert lines[1]["exc_info"]
