"""The start page, the connect pages and the connections page, as a person meets them."""

import re
from datetime import timedelta

import pytest
from practice_pages import text_of
from practice_web import (
    ACME,
    BETA,
    CONSENT,
    NOW,
    ORG,
    catching_up,
    closed,
    connection,
    facts,
    outage,
    start_page,
    website,
)

from bot.people.people import ConnectPage
from bot.words.connection import Account, Kind
from handlers.web.rendering import Pages

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def page_of(page, language="en"):
    async with website(language=language) as site:
        site.door.pages["out_1"] = page
        answer = await site.client.get("/reauthorize/out_1")
        assert answer.status_code == 200
        return answer.text


async def test_the_start_page_says_who_what_is_lost_and_where_the_button_leads():
    page = await page_of(start_page())
    text = text_of(page)

    for expected in (
        "Google Ads needs you to log in again",
        "Authorization Required",
        "The login was revoked, or its password changed.",
        "ada@acme.example",
        "Acme EMEA 123-456-7890",
        "Ad cost has been missing since 23 Nov 2026. It will be recovered once you have logged in.",
        "New ads run untagged. Clicks on them can never be attributed, not even later.",
        "Continue to Google Ads",
    ):
        assert expected in text
    assert 'method="post" action="/reauthorize/out_1"' in page
    assert "vendor" not in text


async def test_the_start_page_of_a_crm_counts_what_waits():
    lost = facts(platform_name="Salesforce", kind=Kind.CRM, cost_since=None, untagged=False, waiting=12409)

    assert "12,409 touchpoints wait. All will be pushed" in text_of(await page_of(start_page(outage=lost)))


async def test_lost_access_asks_for_access_and_still_offers_a_login():
    text = text_of(await page_of(start_page(outage=facts(outage=outage(remedy="AccessDenied")))))

    assert "Ask whoever administers the account for access" in text
    assert "Continue to Google Ads" in text


async def test_a_catch_up_shows_its_progress_and_who_logged_in():
    page = await page_of(start_page(outage=catching_up()))

    assert "bob@acme.example logged in again on 23 Nov 2026, 09:00 UTC." in text_of(page)
    assert '<progress class="amber" max="100" value="40"' in page
    assert 'data-refresh="5"' in page


async def test_a_closed_outage_says_who_fixed_it_and_when_and_offers_to_renew():
    page = await page_of(start_page(ref="con_acme", outage=None, closed=closed()))

    assert "Google Ads was already fixed" in page.replace("<bdi>", "").replace("</bdi>", "")
    assert "bob@acme.example logged in again on 23 Nov 2026, 09:00 UTC." in text_of(page)
    assert "checked on 23 Nov 2026, 09:03 UTC" in text_of(page)
    assert 'action="/reauthorize/con_acme"' in page


async def test_an_old_link_leads_on_to_the_outage_open_now():
    page = await page_of(start_page(ref="out_2", closed=closed()))

    assert "Your link was for an earlier outage" in page
    assert 'action="/reauthorize/out_2"' in page


async def test_a_link_for_another_login_names_none_to_the_platform():
    async with website() as site:
        site.door.pages["con_acme"] = start_page(ref="con_acme", outage=None)
        page = (await site.client.get("/reauthorize/con_acme?login=another")).text
        address = "/reauthorize/con_acme?login=another"
        assert f'action="{address}"' in page
        for url, another in ((address, True), ("/reauthorize/con_acme", False)):
            await site.client.post(url)
            assert site.door.another is another


async def test_a_healthy_connection_may_be_renewed():
    page = await page_of(start_page(ref="con_acme", outage=None))

    assert "Google Ads is connected" in text_of(page)
    assert 'action="/reauthorize/con_acme"' in page


async def test_names_from_a_platform_stay_text():
    hostile = Account("1\u202e2", "<script>alert(1)</script>\x07" + "x" * 5000 + "\u202eevil", "EUR")
    page = await page_of(start_page(accounts=(hostile,), login='"><img src=x onerror=alert(1)>', platform_name="{0}"))

    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page
    assert "x" * 200 not in page


async def test_the_start_page_speaks_french():
    text = text_of(await page_of(start_page(), "fr"))

    assert "Autorisation requise" in text
    assert "Continuer vers Google Ads" in text
    assert "23 nov. 2026" in text


async def test_looking_changes_nothing_however_often():
    async with website() as site:
        for method in ("GET", "HEAD", "GET", "HEAD"):
            for path in ("/reauthorize/out_1", "/connect/lnk_1", "/connections"):
                answer = await site.client.request(method, path)
                assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
        assert site.door.changes == 0


async def test_the_button_leads_to_the_platform_and_leaves_a_cookie():
    async with website() as site:
        answer = await site.client.post("/reauthorize/out_1")

        assert answer.status_code == 303
        assert answer.headers["location"].startswith(f"{CONSENT}?state=")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("redkey_state=")
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
        assert "Secure" not in cookie


async def test_on_https_the_cookie_is_bound_to_the_host():
    async with website(public_url="https://redkey.example.com") as site:
        cookie = (await site.client.post("/reauthorize/out_1")).headers["set-cookie"]

        assert cookie.startswith("__Host-redkey_state=")
        assert {"HttpOnly", "SameSite=lax", "Path=/", "Secure"} <= set(cookie.split("; "))
        assert "domain" not in cookie.lower()


@pytest.mark.parametrize("path", ["/reauthorize/unknown", "/connect/unknown", "/reauthorize/a%00b", "/connect/%F0%9F"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_link_is_a_page_that_leads_on(method, path):
    async with website() as site:
        answer = await site.client.request(method, path)

        assert answer.status_code == 404
        assert 'href="/connections"' in answer.text


async def test_a_connect_link_leads_to_the_platform_and_then_to_the_choice():
    async with website() as site:
        before = await site.client.get("/connect/lnk_1")
        assert "Connect Google Ads" in text_of(before.text)
        assert (await site.client.post("/connect/lnk_1")).status_code == 303
        site.door.links["lnk_2"] = ConnectPage(
            "lnk_2", "google_ads", "Google Ads", "ada@acme.example", (ACME, BETA), frozenset({ACME.id})
        )

        page = (await site.client.get("/connect/lnk_2")).text

        assert page.count("checked>") == 2
        assert page.count("watched already") == 1
        assert 'action="/connect/lnk_2/accounts"' in page


async def test_the_chosen_accounts_are_watched_and_the_link_is_used_up():
    async with website() as site:
        site.door.links["lnk_2"] = ConnectPage("lnk_2", "google_ads", "Google Ads", "ada", (ACME, BETA))

        none = await site.client.post("/connect/lnk_2/accounts", content=b"", headers=FORM)
        both = await site.client.post("/connect/lnk_2/accounts", data={"account": [ACME.id, BETA.id]})
        again = await site.client.post("/connect/lnk_2/accounts", data={"account": [ACME.id]})

        assert (none.status_code, "Choose at least one account." in none.text) == (422, True)
        assert (both.status_code, "Redkey watches 2 accounts" in both.text) == (200, True)
        assert again.status_code == 404


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b'{"account": "1"}', {"Content-Type": "application/json"}, 415),
        (b"account=\xff", FORM, 400),
        (b"account=%00", FORM, 400),
        (b"account=%FF", FORM, 400),
        (b"account=" + b"9" * 300, FORM, 400),
        (b"account=not-reached", FORM, 404),
    ],
)
async def test_a_damaged_choice_is_refused(body, headers, status):
    async with website() as site:
        site.door.links["lnk_2"] = ConnectPage("lnk_2", "google_ads", "Google Ads", "ada", (ACME,))
        answer = await site.client.post("/connect/lnk_2/accounts", content=body, headers=headers)

        assert answer.status_code == status


async def test_the_connections_page_shows_keys_statuses_and_expiries_and_a_red_row():
    async with website() as site:
        site.desk.listed = [
            connection(),
            connection(id="con_beta", account=BETA, authorized=False, expires_at=NOW + timedelta(days=3)),
            connection(id="con_off", account=Account("9", "Off"), enabled=False),
            connection(id="con_org", platform="salesforce", kind=Kind.CRM, account=ORG, autotagging=False),
        ]
        page = (await site.client.get("/connections")).text
        text = text_of(page)

        assert "1 connection needs a login" in text
        assert re.search(r'<tr role="row" class="red">', page)
        for expected in ("Authorization Required", "Connected with Autotagging", "Disconnected", "26 Nov 2026"):
            assert expected in text
        assert page.count("<table") == 2
        assert '<a class="keylink" data-popup href="/reauthorize/con_beta">' in page


async def test_the_connections_page_uses_the_french_status_words():
    async with website(language="fr") as site:
        site.desk.listed = [
            connection(id="a", authorized=False),
            connection(id="b", enabled=False),
            connection(id="c", catching_up=True),
            connection(id="d"),
            connection(id="e", autotagging=False),
        ]
        text = text_of((await site.client.get("/connections")).text)

        for expected in (
            "Autorisation requise",
            "Déconnecté",
            "Rattrapage en cours",
            "Connecté avec balisage automatique",
            "Connecté ",
        ):
            assert expected in text


async def test_an_empty_connections_page_says_how_to_begin():
    async with website() as site:
        assert "/redkey connect" in (await site.client.get("/connections")).text


def test_a_page_that_says_the_same_to_everybody_is_written_once():
    pages = Pages("http://127.0.0.1:8080", "en", {})
    assert pages.problem("malformed", 400).body is pages.problem("malformed", 400).body
    assert pages.problem("malformed", 400).body != pages.problem("page", 404).body
    assert pages.problem("platform", 503, retry="/reauthorize/out_1").body != pages.problem("platform", 503).body
