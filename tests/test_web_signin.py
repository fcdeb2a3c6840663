"""Sign in with Slack guards the pages, lets members in and nobody else, and gives them the switches."""

import re
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from deployment import deployed
from practice_web import CONSENT, connection, website

from handlers.web.signin import own_way
from sandbox.person import consent


class Person:
    """A browser of somebody in the practice workspace."""

    def __init__(self, redkey):
        self.web = httpx2.AsyncClient(base_url=redkey.app.settings.web.public_url, timeout=20)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.web.aclose()

    async def to_slack(self, then="/connections"):
        page = await self.web.get(then)
        assert page.headers["location"].startswith("/signin?then="), page.text
        return (await self.web.post(page.headers["location"])).headers["location"]

    async def back(self, slack, person="anna@practice.example", decision="allow"):
        async with httpx2.AsyncClient() as browser:
            answer = await browser.post(slack, data={"person": person, "decision": decision})
        return answer.headers["location"]

    async def sign_in(self, then="/connections"):
        return await self.web.get(await self.back(await self.to_slack(then)))


@pytest.fixture
def guarded(monkeypatch):
    monkeypatch.setenv("REDKEY_WEB__REQUIRE_SLACK_LOGIN", "true")


async def test_a_member_signs_in_pauses_resumes_and_sets_the_tags(tmp_path, sqlite_url, guarded):
    async with deployed(tmp_path, sqlite_url) as redkey:
        link = await redkey.app.desk.connect_link("google_ads", "U0ANNA000")
        async with Person(redkey) as anna:
            answer = await anna.sign_in(urlsplit(link).path)
            assert answer.headers["location"] == urlsplit(link).path
            begun = await anna.web.post(urlsplit(link).path)
            email = redkey.sandbox("google_ads").demo_login
            async with httpx2.AsyncClient() as browser:
                page = await anna.web.get(await consent(browser, begun.headers["location"], email))
            chosen = re.findall(r'name="account" value="([^"]+)"', page.text)
            action = re.search(r'action="(/connect/[^"]+/accounts)"', page.text)[1]
            await anna.web.post(action, data={"account": chosen[:1]})
            [found] = await redkey.app.desk.connections()
            path = f"/connections/{found.connection.id}"
            form = re.search(r'name="form" value="([^"]+)"', (await anna.web.get(path)).text)[1]

            assert (await anna.web.post(f"{path}/power", data={"on": "0"})).status_code == 403
            answer = await anna.web.post(f"{path}/power", data={"on": "0", "form": form})
            assert answer.headers["location"] == path
            [paused] = await redkey.app.desk.connections()
            assert not paused.connection.enabled
            await anna.web.post(f"{path}/power", data={"on": "1", "form": form})

            utm = "utm_source=google&utm_term=spring"
            fields = {"form": form, "utm": utm, "do": "preview"}
            preview = await anna.web.post(f"{path}/tagging", data=fields)
            assert preview.status_code == 200, preview.text
            assert "utm_term=spring</code>" in preview.text
            wrong = await anna.web.post(f"{path}/tagging", data={**fields, "utm": "a b", "do": "save"})
            assert wrong.status_code == 422
            await anna.web.post(f"{path}/tagging", data={**fields, "do": "save"})
            [saved] = await redkey.app.desk.connections()
            assert (saved.connection.utm, saved.connection.autotagging) == (utm, False)

            assert (await anna.web.post("/connect", data={"platform": "salesforce"})).status_code == 403
            assert (await anna.web.post("/connect", data={"form": form, "platform": "myspace"})).status_code == 404
            begun = await anna.web.post("/connect", data={"form": form, "platform": "salesforce"})
            assert "This link works once." in (await anna.web.get(begun.headers["location"])).text

            kept = await anna.web.post(f"{path}/remove", data={"form": form})
            assert kept.headers["location"] == f"{path}#remove"
            await anna.web.post(f"{path}/remove", data={"form": form, "sure": "1"})
            assert (await anna.web.get(path)).status_code == 404
            assert path not in (await anna.web.get("/connections")).text

            out = await anna.web.post("/signout", data={"form": form})
            assert out.headers["location"] == "/signin"
            assert (await anna.web.get("/connections")).status_code == 303


async def test_strangers_replays_and_other_workspaces_stay_out(tmp_path, sqlite_url, guarded):
    async with deployed(tmp_path, sqlite_url) as redkey:
        slack = redkey.world.slack.openid
        async with Person(redkey) as anna, Person(redkey) as eve:
            for path in (
                "/connections",
                "/connections/c",
                "/outages/o",
                "/outages/o/live",
                "/reauthorize/o",
                "/connect/t",
            ):
                assert (await eve.web.get(path)).status_code == 303
            asked = await eve.web.post("/connect", data={"platform": "google_ads"})
            assert asked.headers["location"] == "/signin?then=%2Fconnect"
            assert (await eve.web.get("/connect")).headers["location"] == "/connections"
            back = await anna.back(await anna.to_slack())
            assert (await eve.web.get(back)).status_code == 400
            assert (await anna.web.get(back)).status_code == 303
            assert (await anna.web.get(back)).status_code == 400

            refused = await eve.web.get(await eve.back(await eve.to_slack(), decision="deny"))
            assert "not allowed to say who you are" in refused.text
            slack.team = "T0ELSEWHERE"
            elsewhere = await eve.web.get(await eve.back(await eve.to_slack()))
            assert elsewhere.status_code == 403
            assert "redkey_session" not in eve.web.cookies
            slack.team = "T0PRACTICE"
            forged = await eve.back(await eve.to_slack())
            forged = forged.replace(parse_qs(urlsplit(forged).query)["code"][0], "0" * 32)
            assert (await eve.web.get(forged)).status_code == 403

            sealed = anna.web.cookies["redkey_session"]
            eve.web.cookies.set("redkey_session", sealed[:-4] + ("AAAA" if sealed[-4:] != "AAAA" else "BBBB"))
            assert (await eve.web.get("/connections")).status_code == 303
            redkey.clock.advance(hours=13)
            assert (await anna.web.get("/connections")).status_code == 303


async def test_without_sign_in_the_pages_are_for_reading_only():
    async with website() as site:
        site.desk.listed = [connection()]
        page = (await site.client.get("/connections")).text
        con = "/connections/con_acme"
        for path in (f"{con}/power", f"{con}/tagging", f"{con}/remove", "/connect"):
            answer = await site.client.post(path, data={"on": "0", "platform": "google_ads"})
            assert answer.status_code == 403
            assert "for reading only" in answer.text

    assert "/power" not in page
    assert "/reauthorize/con_acme" in page
    assert "/signin" not in page


@pytest.mark.parametrize(
    "way", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "/a\nb", CONSENT, ""]
)
def test_the_way_back_from_slack_is_always_on_our_own_site(way):
    assert own_way(way) == "/connections"
