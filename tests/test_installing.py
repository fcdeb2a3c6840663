"""Adding the app to a workspace: each way out of it, one browser, one use, and nothing kept that is not wanted."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from practice_slack import practice
from practice_story import sqlite_only

from bot.memory.installed import Neighbour
from bot.reauthorize.installing import STATE_OF, How, Installation, Installing
from bot.reauthorize.reauthorize import STATE_LIVES, digest
from bot.words.connection import Secret
from handlers.slack.line.installation import SlackInstalls

pytestmark = sqlite_only
HOME, NORTH = "T0PRACTICE", "T0NORTH01"
HERE = "https://redkey.example.com"


class Door:
    """`comes_back`: what a browser brings that went to Slack and decided there."""

    def __init__(self, memory, slack, clock, listed):
        self.memory, self.slack, self.north = memory, slack, slack.beside(NORTH, "North")
        slack.installs.redirect_uris.add(f"{HERE}/slack/oauth_redirect")
        secret = Secret(slack.openid.client_secret)
        api_url = slack.state.base_url + "/api/"
        vendor = SlackInstalls(slack.openid.client_id, secret, api_url=api_url, callbacks=HERE, timeout=2)
        self.installing = Installing(memory, vendor, listed, self.own_team, HERE, clock)

    async def own_team(self):
        return HOME

    async def comes_back(self, team=NORTH, decision="allow"):
        begun = await self.installing.begin()
        async with httpx2.AsyncClient() as browser:
            answer = await browser.post(begun.url, data={"team": team, "decision": decision})
        params = {name: each for name, (each,) in parse_qs(urlsplit(answer.headers["location"]).query).items()}
        return params, begun.browser

    async def installs(self, team=NORTH, decision="allow"):
        return await self.installing.finish(*await self.comes_back(team, decision))

    async def kept(self):
        async with self.memory.read() as tx:
            return await tx.workspaces.all(), [(act.what, act.who, act.subject) async for act in tx.audit.rows()]


@pytest.fixture
async def slack():
    async with practice() as slack:
        yield slack


@pytest.fixture
def door(memory, slack, clock):
    return Door(memory, slack, clock, {NORTH})


async def test_an_installation_is_kept_with_who_did_it_and_leads_to_that_workspace_s_pages(door, memory, clock):
    assert Installation(How.INSTALLED, "North", f"{HERE}/w/{NORTH}/connections") == await door.installs()

    person, channel = next(iter(door.north.state.users)), next(iter(door.north.state.channels))
    assert (
        [Neighbour(NORTH, "North", channel, person, 1, clock())],
        [("workspace_installed", person, NORTH)],
    ) == await door.kept()
    async with memory.read() as tx:
        assert (Secret(door.north.bot_token), None) == await tx.workspaces.tokens(NORTH)


async def test_a_state_counts_in_its_own_browser_once_in_time_and_for_nothing_else(door, memory, clock):
    over = Installation(How.OVER)
    params, browser = await door.comes_back()
    other, elsewhere = await door.comes_back()

    for brought, held in [({}, browser), ({"state": ""}, browser), (params, None), (params, ""), (other, browser)]:
        assert over == await door.installing.finish(brought, held)
    async with memory.begin() as tx:
        assert await tx.consents.take("google_ads", digest(other["state"]), digest(elsewhere), clock()) is None
    clock.advance(STATE_LIVES - timedelta(seconds=1))
    assert How.INSTALLED is (await door.installing.finish(params, browser)).how
    assert over == await door.installing.finish(params, browser)
    late = await door.comes_back()
    clock.advance(STATE_LIVES)
    assert over == await door.installing.finish(*late)
    assert "slack_install" == STATE_OF


async def test_a_no_of_a_person_is_told_apart_from_one_of_slack_and_from_silence(door, slack):
    assert Installation(How.DECLINED) == await door.installs(decision="deny")
    params, browser = await door.comes_back()
    assert Installation(How.REFUSED) == await door.installing.finish({"state": params["state"]}, browser)
    params, browser = await door.comes_back()
    assert Installation(How.REFUSED) == await door.installing.finish({**params, "code": "made up"}, browser)
    slack.fail("oauth.v2.access", status=503)
    assert Installation(How.LATER) == await door.installs()
    slack.installs.org_wide = True
    assert Installation(How.ORG_WIDE) == await door.installs()
    assert ([], []) == await door.kept()


async def test_home_and_who_is_not_on_the_list_are_not_taken_and_only_the_stranger_s_token_is_given_back(door, memory):
    assert Installation(How.HOME, door.slack.state.team["name"]) == await door.installs(HOME)
    assert [] == door.slack.calls_of("auth.revoke")
    strict = Door(memory, door.slack, door.installing._now, set())
    assert Installation(How.NOT_LISTED, "North") == await strict.installs()
    assert 1 == len(strict.north.calls_of("auth.revoke"))
    assert ([], []) == await door.kept()
    anybody = Door(memory, door.slack, door.installing._now, None)
    assert How.INSTALLED is (await anybody.installs()).how
