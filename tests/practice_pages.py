"""A site with one of everything that a page can show; for the browser tests and the pictures of the docs."""

import re
from dataclasses import replace
from datetime import date, timedelta

from practice_web import BETA, NOW, ORG, Site, catching_up, closed, connection, outage, start_page

from bot.memory.history import Down, UntaggedAd
from bot.people.showing import ConnectionPage, CostDay, Shown
from bot.words.connection import Account, Event, Kind

DOWN = Down("con_acme", NOW - timedelta(days=12), NOW - timedelta(days=9), NOW - timedelta(days=8))
STORY = (
    Event(NOW - timedelta(hours=3), "disconnected"),
    Event(NOW - timedelta(hours=1), "reauthorized", "bob@acme.example"),
)


def costs():
    days = [CostDay(date(2026, 10, 1) + timedelta(days=n), (n * 37 % 23 + 9) * 4_100_000) for n in range(54)]
    days[41:44] = [replace(day, missed=True) for day in days[41:44]]
    days[52:54] = [replace(day, micros=None, missed=True) for day in days[52:54]]
    return tuple(days)


def furnish(site: Site) -> None:
    """One of everything that a page can show."""
    lost = connection(id="con_beta", account=BETA, authorized=False, expires_at=NOW + timedelta(days=3))
    org = connection(id="con_org", platform="salesforce", kind=Kind.CRM, account=ORG, catching_up=True)
    site.desk.listed = [
        lost,
        connection(),
        connection(id="con_off", account=Account("555-666-7777", "Acme Asia"), enabled=False),
        org,
    ]
    site.gallery.downs = {
        "con_acme": (DOWN,),
        "con_beta": (Down("con_beta", NOW - timedelta(days=3), None, None),),
        "con_org": (Down("con_org", NOW - timedelta(days=2), NOW - timedelta(hours=1), None),),
    }
    page = ConnectionPage(
        Shown(connection(created_at=NOW - timedelta(days=70)), "Google Ads", (DOWN,)),
        NOW,
        "C1",
        outages=(outage(timeline=STORY), outage(id="out_2", timeline=STORY, closed_at=NOW, caught_up_at=NOW)),
        costs=costs(),
        untagged=(UntaggedAd("77", "Spring sale", "leads to another domain", NOW),),
        utm="utm_source=google&utm_medium=cpc",
    )
    site.gallery.full["con_acme"] = page
    receipt = {"cost_days": 3, "cost_micros": {"EUR": 912_000_000}, "ads_tagged": 12}
    gone = {"ads_untagged": 12, "clicks": 431}
    site.gallery.outages = {
        "out_1": catching_up(timeline=STORY),
        "out_2": closed(caught_up_at=NOW, timeline=STORY, recovered=receipt, lost=gone),
    }
    site.door.pages |= {
        "out_1": start_page(),
        "out_2": start_page(outage=None, closed=closed(caught_up_at=NOW)),
        "out_3": start_page(outage=catching_up()),
        "con_acme": start_page(outage=None),
    }


def text_of(page):
    """What a person reads: blocks apart, the rest as it runs."""
    apart = re.sub(r"</?(?:dt|dd|li|p|div|h1|td|tr|span class=\"fine)[^>]*>", " ", page)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", apart))
