"""Several workspaces in one deployment: added in a browser, each with its own database, and none sees another's."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx2
import psycopg
import pytest
import structlog
from canary import known
from deployment import Deployment, ShiftedClock, deployed, redeployed

from bot.memory.memory import SealBroken
from sandbox.demo import GREEN, RED
from sandbox.person import consent
from sandbox.slack import SlackWorkspace, payloads
from sandbox.world import World

NORTH, SOUTH = "T0NORTH01", "T0SOUTH02"
PATIENCE = 60  # seconds: on a busy machine Postgres takes its time over two new schemas


@pytest.fixture
def open_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDKEY_SLACK__INSTALL", "any")
    monkeypatch.setenv("REDKEY_WEB__REQUIRE_SLACK_LOGIN", "true")


class Browser:
    """Somebody's browser at the deployment's one address."""

    def __init__(self, redkey: Deployment) -> None:
        self.redkey = redkey
        self.web = httpx2.AsyncClient(base_url=redkey.app.settings.web.public_url, timeout=20)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.web.aclose()

    async def to_slack(self) -> str:
        begun = await self.web.post("/slack/install")
        assert begun.status_code == 303, begun.text
        return begun.headers["location"]

    async def decided(self, url: str, team: str, **form: str) -> str:
        """The address that Slack sends this browser back to."""
        async with httpx2.AsyncClient() as slack:
            answer = await slack.post(url, data={"team": team, "decision": "allow", **form})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def install(self, team: str, **form: str) -> httpx2.Response:
        return await self.web.get(await self.decided(await self.to_slack(), team, **form))

    async def sign_in(self, path: str, email: str) -> httpx2.Response:
        """Open a page that is guarded, and come back from Slack as that person."""
        asked = await self.web.get(path)
        assert asked.status_code == 303, asked.text
        begun = await self.web.post(asked.headers["location"])
        async with httpx2.AsyncClient() as slack:
            answer = await slack.post(begun.headers["location"], data={"person": email, "decision": "allow"})
        return await self.web.get(answer.headers["location"])

    async def connect(self, slack: SlackWorkspace, platform: str) -> str:
        """A member connects a login from the pages of their workspace. Returns the pages' address."""
        base = f"/w/{slack.state.team['id']}"
        email = next(iter(slack.state.users.values())).email
        await self.sign_in(f"{base}/connections", email)
        page = (await self.web.get(f"{base}/connections")).text
        form = re.search(r'name="form" value="([^"]+)"', page)[1]
        link = (await self.web.post(f"{base}/connect", data={"form": form, "platform": platform})).headers["location"]
        begun = await self.web.post(link)
        async with httpx2.AsyncClient() as vendor:
            back = await consent(vendor, begun.headers["location"], self.redkey.sandbox(platform).demo_login)
        assert back.startswith(f"{self.redkey.app.settings.web.public_url}/oauth/callback/{platform}?")
        chosen = (await self.web.get(back)).text
        action = re.search(r'action="([^"]*/connect/[^"]+/accounts)"', chosen)[1]
        assert action.startswith(base)
        accounts = re.findall(r'name="account" value="([^"]+)"', chosen)
        assert (await self.web.post(action, data={"account": accounts})).status_code == 200
        return base


@asynccontextmanager
async def with_more(
    folder: Path, url: str, **more: Any
) -> AsyncIterator[tuple[Deployment, SlackWorkspace, SlackWorkspace]]:
    try:
        async with deployed(folder, url, **more) as redkey:
            slack = redkey.world.slack
            yield redkey, slack.beside(NORTH, "North"), slack.beside(SOUTH, "South")
    finally:
        if url.startswith("postgresql"):
            await drop_schemas(url)


async def drop_schemas(url: str) -> None:
    """The next test has the same database."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as database:
        for team in (NORTH, SOUTH):
            await database.execute(f"DROP SCHEMA IF EXISTS redkey_{team.lower()} CASCADE")


async def answers(redkey: Deployment, status: int, *teams: str) -> None:
    """Until the pages of all these answer so: 303 asks people to sign in."""
    async with Browser(redkey) as anybody:

        async def so() -> bool:
            return all([(await anybody.web.get(f"/w/{team}/connections")).status_code == status for team in teams])

        await redkey.until(so, PATIENCE)


def alert_in(slack: SlackWorkspace, channel: str, colour: str = RED) -> Any:
    return next((m for m in slack.messages(channel) if m.color == colour), None)


async def listed(north: SlackWorkspace) -> Any:
    return await north.command("/redkey", "connections", "U1ANNA000", "C1REDKEY00")


async def test_each_workspace_hears_of_its_own_outage_rests_when_it_is_taken_out_and_goes_on_when_it_is_back(
    tmp_path: Path, sqlite_url: str, open_to_all: None
) -> None:
    async with with_more(tmp_path, sqlite_url) as (redkey, north, south):
        async with Browser(redkey) as ann, Browser(redkey) as sue:
            told = await ann.install(NORTH)
            assert "Redkey was added" in told.text
            assert f"/w/{NORTH}/connections" in told.text
            assert (await sue.install(SOUTH)).status_code == 200
            await answers(redkey, 303, NORTH, SOUTH)
            await ann.connect(north, "google_ads")
            await sue.connect(south, "salesforce")

        await redkey.world.pull("google_ads", "revoke")
        alert = await north.wait_for(lambda: alert_in(north, "C1REDKEY00"), 30)
        assert "Google Ads" in alert.words
        assert redkey.posts() == south.messages("C2REDKEY00") == []
        assert await redkey.app.desk.connections() == []
        assert (
            f"/w/{NORTH}/reauthorize/" in (await north.click(alert.channel, alert.ts, "reauthorize", "U1ANNA000")).url
        )

        north.uninstall()
        await answers(redkey, 404, NORTH)
        async with redkey.app.memory.read() as tx:
            resting = await tx.workspaces.get(NORTH)
            assert resting.rested_at
            with pytest.raises(SealBroken):
                await tx.workspaces.tokens(NORTH)
        assert (await listed(north)).text == ""

        await redkey.world.pull("salesforce", "revoke")
        await south.wait_for(lambda: alert_in(south, "C2REDKEY00"), 30)
        assert len(north.messages("C1REDKEY00")) == 1

        async with Browser(redkey) as ann:
            assert (await ann.install(NORTH)).status_code == 200
        await answers(redkey, 303, NORTH)
        assert "Authorization Required" in (await listed(north)).text
        assert set(redkey.world.slack.installs.made) <= known(redkey.world, redkey.app), "looked for at the end"


@pytest.mark.sweep
async def test_a_restart_brings_all_of_them_back_and_one_whose_database_is_broken_stops_no_other(
    tmp_path: Path, sqlite_url: str, open_to_all: None
) -> None:
    clock = ShiftedClock()
    async with World.open(now=clock) as world:
        north, south = world.slack.beside(NORTH, "North"), world.slack.beside(SOUTH, "South")
        world.slack.rates.on = False
        async with redeployed(world, tmp_path, sqlite_url, clock) as redkey, Browser(redkey) as ann:
            await ann.install(NORTH)
            await ann.install(SOUTH)
            await answers(redkey, 303, NORTH, SOUTH)
        (tmp_path / "redkey.workspaces" / f"{NORTH}.db").write_bytes(b"no database" * 1000)
        async with redeployed(world, tmp_path, sqlite_url, clock) as redkey, Browser(redkey) as sue:
            await answers(redkey, 303, SOUTH)
            await answers(redkey, 503, NORTH)
            ready = await sue.web.get("/readyz")
            assert (ready.status_code, ready.json()["workspaces"]) == (200, {"in_service": 1, "out_of_service": 1})
            told = (await sue.web.get("/metrics")).text
            assert f'redkey_workspace_in_service{{workspace="{NORTH}"}} 0.0' in told
            assert f'redkey_open_outages{{workspace="{SOUTH}"}} 0.0' in told
            assert "not in service" in (await sue.web.get(f"/w/{NORTH}/connections")).text
            assert "nothing" in (await south.command("/redkey", "connections", "U2ANNA000", "C2REDKEY00")).text.lower()
            assert not (await listed(north)).acked


@pytest.mark.sweep
async def test_a_member_of_one_workspace_has_no_way_into_another(
    tmp_path: Path, sqlite_url: str, open_to_all: None
) -> None:
    keys = [{"team": NORTH, "api_keys": ["key-of-the-north-0123456789"]}]
    async with (
        with_more(tmp_path, sqlite_url, sections={"workspaces": keys}) as (redkey, north, south),
        Browser(redkey) as ann,
        Browser(redkey) as sue,
    ):
        await ann.install(NORTH)
        await ann.install(SOUTH)
        await answers(redkey, 303, NORTH, SOUTH)
        await ann.connect(north, "google_ads")
        await redkey.world.pull("google_ads", "revoke")
        alert = await north.wait_for(lambda: alert_in(north, "C1REDKEY00"), 30)
        start = urlsplit((await north.click(alert.channel, alert.ts, "reauthorize", "U1ANNA000")).url).path

        # Pages: another's session, under any name, and another's member, are refused; another's links lead nowhere.
        session = ann.web.cookies[f"redkey_session_{NORTH}"]
        for name in ("redkey_session", f"redkey_session_{SOUTH}", f"redkey_session_{NORTH}"):
            sue.web.cookies.set(name, session)
        assert (await sue.web.get(f"/w/{SOUTH}/connections")).status_code == 303
        assert (await sue.web.get("/connections")).status_code == 303
        sue.web.cookies.clear()
        assert (await sue.sign_in(f"/w/{NORTH}/connections", "anna@south.example")).status_code == 403
        assert (await sue.sign_in("/connections", "anna@south.example")).status_code == 403
        assert (await sue.sign_in(f"/w/{SOUTH}/connections", "anna@south.example")).status_code == 303
        elsewhere = start.replace(NORTH, SOUTH)
        assert (await sue.web.get(elsewhere)).status_code == 404
        assert (await sue.web.get(start)).status_code == 303
        assert (await ann.web.get(start)).status_code == 200
        for path in ("metrics", "readyz", "healthz", "slack/install", "slack/events", f"w/{NORTH}/connections"):
            assert (await ann.web.get(f"/w/{SOUTH}/{path}")).status_code == 404, path

        # The API: each key is of one workspace.
        for key, team, status in (
            ("key-of-the-north-0123456789", f"/w/{NORTH}", 200),
            ("key-of-the-north-0123456789", f"/w/{SOUTH}", 401),
            ("key-of-the-north-0123456789", "", 401),
            ("practice-key-0123456789", f"/w/{NORTH}", 401),
        ):
            headers = {"Authorization": f"Bearer {key}"}
            assert (await sue.web.get(f"{team}/api/v1/outages", headers=headers)).status_code == status, (key, team)

        # States: another workspace's name before one makes it nobody's, and uses nothing up.
        begun = (await ann.web.post(start)).headers["location"]
        async with httpx2.AsyncClient() as vendor:
            back = await consent(vendor, begun, redkey.sandbox("google_ads").demo_login)
        assert parse_qs(urlsplit(back).query)["state"][0].startswith(f"{NORTH}.")
        assert (await ann.web.get(back.replace(f"={NORTH}.", f"={SOUTH}."))).status_code == 400
        assert (await ann.web.get(back.replace(f"={NORTH}.", "="))).status_code == 400

        # Buttons: what Slack sends for one workspace is never looked for in another's database.
        button = alert.element("claim")
        done = {**button, "action_ts": "1", "block_id": "b"}
        stolen = payloads.message_click(south.state, "U2ANNA000", await south.say("C2REDKEY00", "x"), None, done)
        assert (await south.delivery.send("interactive", stolen)).acked
        listed = await north.command("/redkey", "outages", "U1ANNA000", "C1REDKEY00")
        assert "Anna" not in north.messages("C1REDKEY00")[0].words
        assert "Google Ads" in listed.text
        assert "Google Ads" not in (await south.command("/redkey", "outages", "U2ANNA000", "C2REDKEY00")).text
        back = await ann.web.get(back)
        assert back.status_code == 200, back.text
        await north.wait_for(lambda: alert_in(north, "C1REDKEY00", GREEN), 30)


async def test_an_installation_counts_once_in_the_browser_that_began_it(
    tmp_path: Path, database_url: str, open_to_all: None
) -> None:
    async with with_more(tmp_path, database_url) as (redkey, _, _), Browser(redkey) as ann, Browser(redkey) as eve:
        assert "Add to Slack" in (await eve.web.get("/slack/install")).text
        back = await ann.decided(await ann.to_slack(), NORTH)
        assert (await eve.web.get(back)).status_code == 400
        at_once = await asyncio.gather(*(ann.web.get(back) for _ in range(4)))
        assert sorted(each.status_code for each in at_once) == [200, 400, 400, 400]
        assert (await ann.web.get(back)).status_code == 400
        assert "code_already_used" not in [call.error for call in redkey.world.slack.calls]

        declined = await ann.web.get(await ann.decided(await ann.to_slack(), NORTH, decision="deny"))
        assert (declined.status_code, "Nothing has changed" in declined.text) == (200, True)
        forged = (await ann.decided(await ann.to_slack(), SOUTH)).replace("code=", "code=0")
        assert (await ann.web.get(forged)).status_code == 400
        assert (await ann.web.post("/slack/install", headers={"sec-fetch-site": "cross-site"})).status_code == 403
        assert (await ann.web.get("/slack/oauth_redirect?state=a&state=b")).status_code == 400
        redkey.world.slack.fail("oauth.v2.access", status=503)
        assert (await ann.install(SOUTH)).status_code == 503
        async with redkey.app.memory.read() as tx:
            assert [each.team for each in await tx.workspaces.all()] == [NORTH]


async def test_who_may_not_add_the_app_is_told_why_and_the_app_is_taken_out_there_again(
    tmp_path: Path, sqlite_url: str, open_to_all: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDKEY_SLACK__INSTALL", "listed")
    async with (
        with_more(tmp_path, sqlite_url, sections={"workspaces": [{"team": NORTH}]}) as (redkey, north, south),
        Browser(redkey) as ann,
    ):
        redkey.world.slack.installs.org_wide = True
        whole = await ann.install(NORTH)
        assert (whole.status_code, "whole organization" in whole.text) == (403, True)
        assert [len(north.calls_of("auth.revoke")), north.state.token_error] == [1, "account_inactive"]
        redkey.world.slack.installs.org_wide = False
        unlisted = await ann.install(SOUTH)
        assert (unlisted.status_code, "not on the list" in unlisted.text) == (403, True)
        assert len(south.calls_of("auth.revoke")) == 1
        assert "at home in this workspace already" in (await ann.install("T0PRACTICE")).text
        assert "Redkey was added" in (await ann.install(NORTH)).text


@pytest.mark.sweep
async def test_over_http_too_each_request_goes_to_the_workspace_it_names_and_an_unknown_one_is_acknowledged(
    tmp_path: Path, sqlite_url: str, open_to_all: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDKEY_SLACK__MODE", "http")
    async with with_more(tmp_path, sqlite_url) as (redkey, north, south), Browser(redkey) as ann:
        redkey.world.slack.use_request_url(f"{redkey.app.settings.web.public_url}/slack/events")
        redkey.world.slack.installs.rotating = True
        await ann.install(NORTH)
        await answers(redkey, 303, NORTH)
        with structlog.testing.capture_logs() as logged:
            assert (await south.command("/redkey", "connections", "U2ANNA000", "C2REDKEY00")).text == ""
        assert [(each["event"], each["team"]) for each in logged if "team" in each] == [
            ("Slack tells of a workspace where the app is not installed", SOUTH)
        ]
        view = await north.open_home("U1ANNA000")
        assert view is not None
        assert redkey.world.slack.home("U1ANNA000") is None
        assert north.rotation.refreshed == 1


@pytest.mark.sweep
async def test_on_postgres_every_replica_serves_who_was_added_and_lets_go_of_who_left(
    tmp_path: Path, postgres_url: str, open_to_all: None
) -> None:
    clock = ShiftedClock()
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    try:
        async with World.open(now=clock) as world:
            world.slack.rates.on = False
            north = world.slack.beside(NORTH, "North")
            async with redeployed(world, first, postgres_url, clock) as one:
                own = {"secrets": json.loads((first / "kept.json").read_text())["secrets"]}
                async with redeployed(world, second, postgres_url, clock, sections=own) as other, Browser(one) as ann:
                    await ann.install(NORTH)
                    await answers(one, 303, NORTH)
                    await answers(other, 303, NORTH)
                    await ann.connect(north, "google_ads")
                    await world.pull("google_ads", "revoke")
                    await north.wait_for(lambda: alert_in(north, "C1REDKEY00"), 30)
                    assert "Authorization Required" in (await listed(north)).text
                    north.uninstall()
                    await answers(one, 404, NORTH)
                    await answers(other, 404, NORTH)
                    assert (len(north.messages("C1REDKEY00")), one.posts()) == (1, [])
                    assert (await listed(north)).text == ""
    finally:
        await drop_schemas(postgres_url)
