"""Clicks on their bad days: delivered twice, overtaken by another one, or late for what is over already."""

import asyncio

import pytest
from deployment import deployed
from sample_facts import ANNA

from sandbox.demo import message_of
from sandbox.slack import MARKETING

sqlite_first = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.sweep)], indirect=True
)


@sqlite_first
async def test_a_click_delivered_twice_is_handled_once(tmp_path, database_url, monkeypatch):
    async with deployed(tmp_path, database_url) as redkey:
        slack = redkey.world.slack
        await redkey.connect("google_ads")
        alert = await redkey.drop("google_ads")
        send = slack.delivery.send

        async def twice(kind, payload):
            await asyncio.gather(send(kind, payload), send(kind, payload))
            return await send(kind, payload)

        monkeypatch.setattr(slack.delivery, "send", twice)
        assert (await slack.click(MARKETING, alert.ts, "claim")).acked
        await slack.wait_for(lambda: redkey.replies(alert))
        await slack.click(MARKETING, alert.ts, "snooze", value=f"4h:{alert.metadata['event_payload']['outage']}")
        await slack.wait_for(lambda: message_of(redkey.world, "Google Ads", "#98A2B3", alert.ts))

        (told,) = await redkey.app.desk.outages()
        assert ["disconnected", "claimed", "snoozed"] == [e.what for e in told.outage.timeline]
        assert 1 == len(redkey.replies(alert))


class Waits(Exception):
    """The click is on its way."""


def keeping():
    """A delivery that keeps what it should send, and what it kept."""
    kept = []

    async def keep(kind, payload):
        kept.append((kind, payload))
        raise Waits

    return keep, kept


@sqlite_first
async def test_a_late_click_does_not_undo_a_later_one(tmp_path, database_url, monkeypatch):
    """Anna pressed first, Ben second, and Slack delivers Ben's click first."""
    async with deployed(tmp_path, database_url) as redkey:
        slack = redkey.world.slack
        await redkey.connect("google_ads")
        alert = await redkey.drop("google_ads")
        send, keep, kept = slack.delivery.send, *keeping()
        monkeypatch.setattr(slack.delivery, "send", keep)
        for user in (ANNA, "U0BEN0000"):
            with pytest.raises(Waits):
                await slack.click(MARKETING, alert.ts, "claim", user=user)
        annas, bens = kept
        assert (await send(*bens)).acked
        await slack.wait_for(lambda: redkey.replies(alert))
        assert (await send(*annas)).acked
        (told,) = await redkey.app.desk.outages()

        assert "U0BEN0000" == told.outage.claimed_by
        assert ["disconnected", "claimed"] == [e.what for e in told.outage.timeline]


async def test_a_click_on_what_is_over_changes_nothing(tmp_path, sqlite_url):
    async with deployed(tmp_path, sqlite_url) as redkey:
        await redkey.connect("salesforce")
        alert = await redkey.drop("salesforce")
        send, keep, kept = redkey.world.slack.delivery.send, *keeping()
        redkey.world.slack.delivery.send = keep
        with pytest.raises(Waits):
            await redkey.world.slack.click(MARKETING, alert.ts, "claim")
        redkey.world.slack.delivery.send = send
        await redkey.log_in(alert, redkey.world.salesforce.demo_login)
        await redkey.receipt("salesforce", alert)
        assert (await send(*kept[0])).acked
        said = await redkey.world.slack.wait_for(lambda: redkey.world.slack.ephemerals)

        assert "over already" in said[0].words
        (told,) = await redkey.app.desk.outages()
        assert told.outage.claimed_by is None
