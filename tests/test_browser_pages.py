"""The pages in a real browser: nothing axe objects to by day or by night, no errors, no stranger asked, no sideways scroll."""

from collections.abc import AsyncIterator, Iterable, Sequence

import pytest
import pytest_asyncio
from browser import WIDE, Watched, chromium, judged, needs_axe
from playwright.async_api import Browser
from practice_pages import furnish
from practice_web import ACME, BETA, PracticeSignIns, Site, catching_up, closed, outcome, website

from bot.people.people import Begun, ConnectPage, Ending
from bot.reauthorize.installing import How, Installation
from handlers.web.rendering import HERE
from handlers.web.signin import SignIn
from handlers.web.slack_login import SlackLogin

pytestmark = pytest.mark.asyncio(loop_scope="module")
ELSEWHERE = {"layout.html", "parts.html", "outage_now.html"}  # parts of others
AFTER_A_LOGIN = {"result.html", "choose.html", "watching.html"}
PATHS = {
    "connections.html": ["/connections", "/connections?search=acme"],
    "connection.html": ["/connections/con_acme"],
    "outage.html": ["/outages/out_1", "/outages/out_2"],
    "start.html": ["/reauthorize/out_1", "/reauthorize/out_2", "/reauthorize/out_3", "/reauthorize/con_acme"],
    "connect.html": ["/connect/lnk_1"],
    "guest.html": ["/guest/gst_1"],
    "problem.html": ["/nothing", "/connect/used", "/oauth/callback/google_ads?state=a&state=b"],
    "signin.html": ["/signin?then=/connections", "/signin/callback?error=access_denied"],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One for all tests of this file."""
    async with chromium() as found:
        yield found


async def looked_at(browser: Browser, site: Site, paths: Iterable[str], themes: Sequence[str]) -> list[str]:
    """Everything that is wrong with these pages, and with how they come; where they are guarded, as Anna sees them."""
    context = await browser.new_context(base_url=str(site.client.base_url), viewport=WIDE)
    await context.add_cookies([{"name": "redkey_session", "value": "anna", "url": str(site.client.base_url)}])
    watched = Watched(context)
    watched.expected = ("40", "503")  # some are no success
    page = await context.new_page()
    trouble = []
    for path in paths:
        await page.goto(path)
        trouble += await judged(page, path, themes)
    await context.close()
    return watched.trouble + trouble


@pytest.mark.timeout(100)
async def test_every_page_passes_axe_by_day_and_by_night_and_fits_a_phone(browser):
    needs_axe()
    first = [paths[0] for page, paths in PATHS.items() if page != "signin.html"]
    async with website(language="en") as site:
        furnish(site)
        assert await looked_at(browser, site, first, ["light", "dark"]) == []


@pytest.mark.timeout(100)
@pytest.mark.sweep
async def test_every_state_of_every_page_passes_axe_in_french(browser):
    needs_axe()
    assert {path.name for path in (HERE / "pages").glob("*.html")} == {
        *PATHS,
        *AFTER_A_LOGIN,
        *ELSEWHERE,
        "install.html",
    }
    every = [path for page, paths in PATHS.items() for path in paths if page != "signin.html"]
    async with website(language="fr") as site:
        furnish(site)
        assert await looked_at(browser, site, every, ["dark"]) == []
    slack = {"api_url": "http://127.0.0.1:9/api/", "redirect_uri": "http://127.0.0.1:8080/signin/callback"}
    login = SlackLogin(**slack, client_id="1.2", client_secret="x", own_team=None, timeout=1)
    async with website(language="fr", guard=SignIn(PracticeSignIns(), login)) as site:
        furnish(site)
        for_members = [*PATHS["signin.html"], *PATHS["connections.html"], *PATHS["connection.html"]]
        assert await looked_at(browser, site, for_members, ["light"]) == []


@pytest.mark.timeout(100)
@pytest.mark.sweep
async def test_what_a_login_ends_with_passes_axe_in_french(browser):
    """Every ending there is, the choice of accounts, and what comes after it."""
    needs_axe()
    async with website(language="fr") as site:
        furnish(site)
        context = await browser.new_context(base_url=str(site.client.base_url), viewport=WIDE)
        watched = Watched(context)
        watched.expected = ("40", "50")  # some endings are no success
        page = await context.new_page()
        trouble = []
        for ending in Ending:
            choice = ConnectPage("lnk_2", "google_ads", "Google Ads", "ada@acme.example", (ACME, BETA))
            site.door.links["lnk_2"] = choice
            site.door.ending = outcome(ending, connect=choice, missing=(BETA,), who="Ben")
            begun = await context.request.post("/reauthorize/out_1", max_redirects=0)
            state = begun.headers["location"].partition("state=")[2].partition("&")[0]
            await page.goto(f"/oauth/callback/google_ads?state={state}&code=x")
            trouble += await judged(page, ending, ["dark"])
        await page.goto("/connect/lnk_2")
        await page.get_by_role("button", name="Surveiller ces comptes").click()
        trouble += await judged(page, "watching", ["dark"])
        await context.close()
    assert watched.trouble + trouble == []


class PracticeInstalls:
    """Adding the app to another workspace, which is known here and not in service."""

    how = How.INSTALLED

    @property
    def installs(self):
        return self

    def known(self, team):
        return True

    def site(self, team):
        return None

    async def begin(self):
        return Begun("https://slack.com/oauth/v2/authorize?state=a", "browser")

    async def finish(self, params, browser):
        return Installation(self.how, "North <Industries>", "/w/T0123ABCD/connections")


@pytest.mark.timeout(100)
@pytest.mark.sweep
async def test_what_adding_the_app_to_a_workspace_ends_with_passes_axe_in_french(browser):
    needs_axe()
    neighbours, back = PracticeInstalls(), "/slack/oauth_redirect?state=a&code=b"
    async with website(language="fr", neighbours=neighbours) as site:
        furnish(site)
        assert await looked_at(browser, site, ["/slack/install", "/w/T0123ABCD"], ["light", "dark"]) == []
        for neighbours.how in How:
            assert await looked_at(browser, site, [back], ["dark"]) == [], neighbours.how


async def test_an_outage_page_moves_by_itself_and_says_the_end(browser):
    async with website(live_every=0.02) as site:
        furnish(site)
        page = await browser.new_page(base_url=str(site.client.base_url))
        await page.goto("/outages/out_1")
        await page.get_by_text("40% caught up").wait_for()
        site.gallery.outages["out_1"] = closed(caught_up_at=catching_up().now)
        await page.get_by_role("heading", name="Google Ads is caught up and checked").wait_for()
        assert "caught up" in await page.locator("#spoken").inner_text()
        await page.close()


async def test_the_key_opens_a_small_window_where_there_is_room_and_a_page_where_there_is_none(browser):
    async with website() as site:
        furnish(site)
        wide = await browser.new_page(base_url=str(site.client.base_url))
        await wide.goto("/connections")
        async with wide.expect_popup() as opened:
            await wide.get_by_role("link", name="Renew Acme EMEA").click()
        popup = await opened.value
        await popup.wait_for_url("**/reauthorize/con_acme")
        assert wide.url.endswith("/connections")
        narrow = await browser.new_page(base_url=str(site.client.base_url), viewport={"width": 390, "height": 800})
        await narrow.goto("/connections")
        await narrow.get_by_role("link", name="Renew Acme EMEA").click()
        await narrow.wait_for_url("**/reauthorize/con_acme")
        for page in (popup, wide, narrow):
            await page.close()
