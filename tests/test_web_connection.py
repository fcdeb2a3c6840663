"""The page of one connection and the page of one outage, which keeps itself current."""

import re
from dataclasses import replace
from datetime import date, timedelta

from practice_web import NOW, catching_up, closed, connection, outage, website

from bot.memory.history import UntaggedAd
from bot.people.showing import ConnectionPage, CostDay, Shown
from bot.words.connection import Event, Flow, Kind

PAGE = ConnectionPage(
    Shown(connection(created_at=NOW - timedelta(days=40)), "Google Ads"),
    NOW,
    "C1",
    outages=(outage(timeline=(Event(NOW, "reauthorized", "<b>bob</b>"),)),),
    costs=(
        CostDay(date(2026, 11, 20), 5_000_000),
        CostDay(date(2026, 11, 21), 7_000_000, missed=True),
        CostDay(date(2026, 11, 22), None, missed=True),
        CostDay(date(2026, 11, 23), 2_000_000, missed=True, late=True),
    ),
    untagged=(UntaggedAd("77", "=cmd|calc", "leads to another domain", NOW),),
    utm="utm_source=google",
)


async def test_the_page_of_a_connection_tells_outages_cost_and_untagged_ads():
    async with website() as site:
        site.gallery.full["con_acme"] = PAGE
        answer = await site.client.get("/connections/con_acme")

    assert answer.status_code == 200
    for expected in (
        "Logged in again",
        "1 day of an outage has been recovered",
        "2 days are missing or not complete",
        "leads to another domain",
    ):
        assert expected in answer.text
    assert "€7.00" in answer.text
    assert answer.text.count('class="bar recovered"') == 1
    assert answer.text.count('class="bar gone"') == 2
    assert "<b>bob" not in answer.text


async def test_a_permission_that_was_not_given_is_said_on_the_page_of_the_connection():
    async with website() as site:
        site.gallery.full["con_acme"] = replace(PAGE, shown=replace(PAGE.shown, stopped=(Flow.TAGGING,)))
        text = (await site.client.get("/connections/con_acme")).text

    assert "New ads will not be tagged: the permission for it was not given." in text
    assert "Costs will not be downloaded" not in text


async def test_a_crm_shows_what_waits_and_no_cost():
    async with website(language="fr") as site:
        crm = connection(id="con_org", platform="salesforce", kind=Kind.CRM)
        site.gallery.full["con_org"] = replace(
            PAGE, shown=Shown(crm, "Salesforce"), costs=None, untagged=None, waiting=1200, outages=()
        )
        text = (await site.client.get("/connections/con_org")).text

    assert "1\u202f200 points de contact" in text
    assert "Coût par jour" not in text
    assert "est jamais tombée." in text


async def test_untagged_ads_come_as_csv_in_which_no_name_is_a_formula():
    async with website() as site:
        site.gallery.full["con_acme"] = PAGE
        answer = await site.client.get("/connections/con_acme/untagged.csv")

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text.splitlines()[1] == "77,'=cmd|calc,leads to another domain,2026-11-23T09:00:00Z"


async def test_what_is_not_there_is_not_found():
    async with website() as site:
        for path in ("/connections/con_9", "/connections/con_9/untagged.csv", "/outages/out_9", "/outages/out_9/live"):
            assert (await site.client.get(path)).status_code == 404


async def test_an_outage_page_reloads_by_itself_without_a_script_until_it_is_over():
    async with website() as site:
        site.gallery.outages = {"out_1": catching_up(), "out_2": closed(caught_up_at=NOW)}
        moving = (await site.client.get("/outages/out_1")).text
        over = (await site.client.get("/outages/out_2")).text

    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in moving
    assert 'data-live="/outages/out_1/live"' in moving
    assert "refresh" not in over
    assert "data-live" not in over


async def test_an_outage_page_counts_days_and_says_what_is_gone_only_where_something_is():
    async with website() as site:
        gone, waits = {"ads_untagged": 2}, {"set_aside_count": 3}
        over = {f"out_{n}": closed(caught_up_at=NOW, lost=lost) for n, lost in enumerate((gone, waits, gone | waits))}
        site.gallery.outages = {**over, "out_9": catching_up()}
        told = [(await site.client.get(f"/outages/{ref}")).text for ref in site.gallery.outages]

    headings = [re.search(r'<div class="box red"><h2>([^<]*)', page) for page in told[:3]]
    assert [each[1] for each in headings] == ["Gone for good", "Waiting for you", "Gone for good, or waiting for you"]
    assert "4 of 10 days" in told[3]


async def test_a_live_outage_sends_each_change_once_and_ends_with_the_outage():
    async with website(live_every=0.01) as site:
        site.gallery.outages["out_1"] = catching_up()
        events, seen = [], 0
        async with site.client.stream("GET", "/outages/out_1/live") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for line in answer.aiter_lines():
                if line.startswith("event: "):
                    events.append(line)
                if "40% caught up" in line:
                    seen += 1
                    site.gallery.outages["out_1"] = closed(caught_up_at=NOW)

    assert events == ["event: now", "event: now", "event: over"]
    assert seen == 1


async def test_why_an_ad_runs_untagged_is_said_in_french_too():
    async with website(language="fr") as site:
        site.gallery.full["con_acme"] = PAGE
        answer = await site.client.get("/connections/con_acme")

    assert "mène à un autre domaine" in answer.text


async def test_who_acted_in_slack_is_no_id_on_a_page():
    async with website(language="fr") as site:
        site.gallery.outages["out_1"] = catching_up(timeline=(Event(NOW, "claimed", "U0ANNA000"),))
        answer = await site.client.get("/outages/out_1")

    assert "Pris en charge · une personne dans Slack" in answer.text
    assert "U0ANNA000" not in answer.text
