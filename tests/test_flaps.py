"""Flaps: what drops again soon is the same outage in the same message, and nobody is called for every turn of it."""

from datetime import timedelta

import pytest
from practice_memory import LOST
from practice_story import SALESFORCE

from bot.memory.memory import Work
from bot.outages.flaps import recovering
from bot.words.connection import Event, Status
from bot.words.errors import AccessDenied


async def flap(story):
    """One drop, and one login that mends it."""
    outage = await story.drop(SALESFORCE)
    await story.reauthorize(SALESFORCE, outage.id)
    await story.work()
    return await story.outage(outage.id)


async def test_a_second_drop_within_a_day_goes_on_in_the_same_message(story, salesforce):
    first = await flap(story)
    await story.pass_by(hours=20)
    again = await story.drop(SALESFORCE)
    await story.work()

    assert (again.id, again.ts) == (first.id, first.ts)
    assert (again.caught_up_at, again.closed_at, again.recovered) == (None, None, {})
    assert [e.what for e in again.timeline] == ["disconnected", "reauthorized", "caught_up", "dropped"]
    (post,) = story.posts()
    assert "#D92D20" in str(post.attachments)
    assert "disconnected again" in story.replies()[-1]
    assert (await story.connection(salesforce.id)).status is Status.AUTHORIZATION_REQUIRED


async def test_a_drop_a_day_later_is_an_outage_of_its_own(story, salesforce):
    first = await flap(story)
    await story.pass_by(hours=25)

    assert (await story.drop(SALESFORCE)).id != first.id
    await story.work()
    assert len(story.posts()) == 2


async def test_its_receipt_tells_of_the_last_drop_and_not_of_the_good_time_between(story, salesforce):
    first = await flap(story)
    await story.pass_by(hours=20)
    await story.touchpoints(1, 2, 3)
    again = await flap(story)

    assert again.dropped_at - first.opened_at > timedelta(hours=20)
    assert "20 hours" not in story.posts()[0].text
    assert again.recovered.get("touchpoints", 0) <= 3


async def test_a_restless_outage_is_one_post_and_three_replies_however_often_it_flaps(story, salesforce):
    for _ in range(5):
        await flap(story)
    await story.pass_by(minutes=6)

    assert len(story.posts()) == 1
    said = story.replies()
    assert sum("disconnected again" in text for text in said) == 0
    assert len(said) == 3
    assert len({e.at for e in (await story.outages())[0].timeline if e.what == "dropped"}) == 4


async def test_a_restless_outage_that_stays_down_is_told_after_five_minutes(story, salesforce):
    await flap(story)
    await story.drop(SALESFORCE)
    await story.work()
    assert not any("disconnected again" in text for text in story.replies())

    await story.pass_by(minutes=5, seconds=1)
    assert sum("disconnected again" in text for text in story.replies()) == 1


@pytest.mark.sweep
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_hundred_flaps_in_an_hour_are_at_most_two_posts(story, salesforce):
    async with story.memory.read() as tx:
        grant = await tx.grants.get(salesforce.grant_id)
    for _ in range(100):
        await story.watch.losses.denied(salesforce, AccessDenied(LOST), grant.generation)
        await story.pass_by(Work.SAY, seconds=18)
        outage = (await story.outages(open_only=True))[0]
        async with story.memory.begin() as tx:
            await tx.connections.set_authorized([salesforce.id], True)
            revision = await tx.outages.event(outage.id, Event(story.clock(), "reauthorized"))
            await tx.outages.reauthorized(outage.id, "", story.clock())
            await recovering(tx, await tx.outages.get(outage.id), revision, "", story.clock())
        await story.app.confirm.sweep()
        await story.pass_by(Work.SAY, seconds=18)

    assert len(story.posts()) <= 2
    assert len(story.replies()) <= 6
