"""The alert: one message for each outage, in the colour of its state, and what it says is true."""

import asyncio
from datetime import timedelta

import pytest
from practice_memory import count_statements
from practice_story import BEN, GOOGLE, SALESFORCE, colour, kind_of, sqlite_only, telling

from bot.memory.memory import Work
from sandbox.slack import MARKETING

RED, AMBER, GREEN, GREY = "#D92D20", "#F79009", "#12B76A", "#98A2B3"


POST, UPDATE = "chat.postMessage", "chat.update"


@pytest.fixture
async def outage(story, salesforce):
    """A loss that was noticed and not told yet."""
    return await story.drop(SALESFORCE)


def posts(story):
    """How often something was posted, replies included."""
    return len([call for call in story.world.slack.calls_of(POST) if call.error is None])


async def test_an_outage_is_one_message_from_red_to_green(story, outage):
    await story.work(Work.SAY)
    (red,) = story.posts()
    assert RED == colour(story)
    await story.desk.claim(outage.id, "U0ANNA000")
    await story.work(Work.SAY)
    await story.touchpoints(1)
    await story.reauthorize(SALESFORCE, outage.id)
    await story.work(Work.SAY)
    assert AMBER == colour(story)
    await story.work()

    (green,) = story.posts()
    assert (red.ts, GREEN) == (green.ts, colour(story))
    told = [kind_of(reply) for reply in story.replies()]
    assert ["takes care", "logged in again", "caught up"] == told
    assert 4 == posts(story)
    (outage,) = await story.outages()
    assert (MARKETING, green.ts) == (outage.channel, outage.ts)
    assert story.clock() == outage.alerted_at


async def test_the_same_click_by_many_at_once_is_told_once(story, outage):
    await story.work(Work.SAY)
    await asyncio.gather(*(story.desk.claim(outage.id, "U0ANNA000") for _ in range(6)))
    await story.work(Work.SAY)

    assert ["takes care"] == [kind_of(reply) for reply in story.replies()]


async def test_an_outage_that_opens_again_goes_on_in_its_message(story, outage):
    await story.work(Work.SAY)
    await story.touchpoints(1)
    await story.reauthorize(SALESFORCE, outage.id)
    await story.work(Work.SAY)
    await story.drop(SALESFORCE)
    await story.work(Work.SAY)

    assert RED == colour(story)
    assert ["logged in again", "disconnected again"] == [kind_of(reply) for reply in story.replies()]
    await story.reauthorize(SALESFORCE, outage.id, BEN)
    await story.work()
    assert GREEN == colour(story)


async def test_the_count_of_what_waits_grows_while_the_message_lives(story, outage):
    await story.work(Work.SAY)
    assert "No touchpoint waits yet" in story.posts()[0].text
    await story.touchpoints(*range(1_234))
    await story.pass_by(Work.SAY, seconds=59)
    assert "No touchpoint waits yet" in story.posts()[0].text, "at most once a minute"
    await story.pass_by(Work.SAY, seconds=1)

    assert "1,234 touchpoints wait" in story.posts()[0].text
    before = len(story.world.slack.calls_of(UPDATE))
    await story.pass_by(Work.SAY, minutes=1)
    assert before == len(story.world.slack.calls_of(UPDATE)), "what has not changed is not sent"


@sqlite_only
async def test_a_snoozed_alert_is_grey_until_its_time_and_red_by_itself_after(story, outage):
    await story.work(Work.SAY)
    await story.desk.snooze(outage.id, "U0ANNA000", story.clock() + timedelta(hours=4))
    await story.work(Work.SAY)
    assert GREY == colour(story)
    await story.pass_by(Work.SAY, hours=4, minutes=1)

    assert RED == colour(story)
    assert [] == story.replies()


@sqlite_only
async def test_a_paused_outage_turns_grey_and_says_no_more(story, salesforce, outage):
    await story.work(Work.SAY)
    await story.desk.pause(salesforce.id, "U0ANNA000")
    await story.work(Work.SAY)
    assert GREY == colour(story)
    assert 0 == await story.pass_by(Work.SAY, days=1)


@sqlite_only
async def test_the_alert_names_the_accounts_that_are_lost_and_no_others(memory, clock):
    async with telling(memory, clock) as story:
        _, americas = await story.begin_with(GOOGLE)
        await story.work()
        story.world.google_ads.withdraw(americas.account.id)
        await story.pass_by(minutes=6)

        (post,) = story.posts()
        assert "Acme Americas" in post.text
        assert "EMEA" not in post.text
        assert "lost its access" in post.text
        assert "Cost has been missing since 23 Nov 2026" in post.text


@sqlite_only
async def test_facts_of_a_large_outage_take_few_questions(memory, clock):
    """A hundred accounts, told every five seconds while they catch up."""
    async with telling(memory, clock) as story:
        for number in range(98):
            story.world.google_ads.add_account(
                f"5{number:09d}", f"Acme {number}", "ada.marsh@acme.example", under="1000000001", ads=0
            )
        await story.begin_with(GOOGLE)
        story.world.google_ads.revoke()
        await story.pass_by(Work.CHECK, minutes=6)
        (outage,) = await story.outages()
        asked = count_statements(memory)
        facts = await story.app.facts.of(outage.id)

        assert 100 == len(facts.accounts)
        assert len(asked) <= 12
