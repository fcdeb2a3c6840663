"""What a storm's message tells of all its accounts together: what is being lost, and at the end what became of it."""

import pytest
from practice_memory import LOST, begin
from practice_story import sqlite_only
from practice_usual import stored

from bot.memory.memory import Work
from bot.outages import gathering
from bot.outages.receipt import Receipt
from bot.words.errors import AuthorizationLost
from handlers.slack.looks.messages import SlackComposer

EUR = 300_000_000


@pytest.fixture
async def accounts(story):
    """Four logins with an account each, of which the usual cost is known, and one about which nothing is."""
    made = [await stored(story, person=f"person{n}", account=f"{n:03}") for n in range(4)]
    return [connection for _, connection in [*made, await stored(story, days=0, person="new", account="900")]]


@sqlite_only
async def test_it_adds_up_what_its_accounts_lose_counts_down_and_ends_with_a_receipt_of_all(story, accounts):
    opened = await begin(story.memory, story.clock, accounts, after=1)
    storm = opened[0].storm
    story.clock.advance(days=2)
    facts = await story.app.facts.of(storm)
    assert facts.loss.a_day == {"EUR": EUR}, "its own outage keeps its own figures"
    assert facts.storm.as_one.loss.a_day == {"EUR": 4 * EUR}
    assert len(facts.storm.as_one.accounts) == 5
    assert "usually €1,200 a day" in SlackComposer("en").outage(facts).text

    async with story.memory.begin() as tx:
        await tx.outages.reauthorized(storm, "ada", story.clock())
    facts = await story.app.facts.of(storm)
    assert facts.storm.as_one.loss.a_day == {"EUR": 3 * EUR}, "the one that tells of all is back itself"
    assert "a day" in str(SlackComposer("en").outage(facts).attachments)

    async with story.memory.begin() as tx:
        for each in opened[1:]:
            await tx.outages.reauthorized(each.outage_id, "ada", story.clock())
    assert (await story.app.facts.of(storm)).storm.as_one is None

    async with story.memory.begin() as tx:
        for each in opened[1:]:
            await tx.outages.close(each.outage_id, {"cost_days": 3, "cost_micros": {"EUR": EUR}}, {}, story.clock())
        await tx.outages.close(storm, {"cost_days": 2, "ads_tagged": 1}, {"ads_untagged": 5}, story.clock())
    text = SlackComposer("en").outage(await story.app.facts.of(storm)).text
    assert text == (
        "5 Google Ads logins are caught up. Recovered: 3 days of cost (€1,200.00) and 1 ad tagged. "
        "Gone for good: 5 ads ran without UTM tags."
    )


@sqlite_only
async def test_of_more_accounts_than_are_measured_it_tells_only_what_holds_for_each(story, accounts, monkeypatch):
    monkeypatch.setattr(gathering, "MEASURED", 3)
    opened = await begin(story.memory, story.clock, accounts, after=1)
    facts = await story.app.facts.of(opened[0].storm)
    told = SlackComposer("en").outage(facts).text
    assert "Cost has been missing since" in told
    assert "New ads run without UTM tags." in told
    assert "a day" not in told


@sqlite_only
async def test_a_storm_that_was_paused_away_has_no_receipt(story, accounts):
    opened = await begin(story.memory, story.clock, accounts[:2], after=1)
    async with story.memory.begin() as tx:
        for each in opened:
            await tx.outages.close(each.outage_id, {}, {}, story.clock(), caught_up=False)
    assert (await story.app.facts.of(opened[0].storm)).storm.as_one is None


@sqlite_only
async def test_reminders_of_a_storm_say_what_it_costs(story, accounts):
    for each in accounts:
        async with story.memory.read() as tx:
            grant = await tx.grants.get(each.grant_id)
        await story.watch.losses.lost(grant.id, grant.generation, AuthorizationLost(LOST), together=True)
    await story.work(Work.SAY)
    await story.pass_by(Work.SAY, days=1, hours=1)
    await story.app.remind.run()
    await story.work(Work.SAY)
    (post,) = story.posts()
    replies = [m.text for m in story.world.slack.thread(post.channel, post.ts)]
    assert any(
        "5 Google Ads logins need reauthorization" in text and "usually €1,200 a day" in text for text in replies
    )


def test_a_receipt_of_several_adds_up_money_and_counts_but_not_days():
    receipt = Receipt()
    refused = [{"id": f"TP2_{n}", "reason": "REQUIRED"} for n in range(40)]
    receipt.take_in({"cost_days": 3, "cost_micros": {"EUR": 5, "USD": 1}, "ads_tagged": 2}, {"cost_days_gone": 1})
    receipt.take_in(
        {"cost_days": 2, "cost_micros": {"EUR": 7}, "touchpoints": 9},
        {"set_aside": refused, "set_aside_count": 40, "clicks": 1},
    )
    receipt.take_in({}, {"set_aside": refused, "set_aside_count": 40, "cost_days_gone": 4})
    assert receipt.recovered == {
        "cost_days": 3,
        "cost_micros": {"EUR": 12, "USD": 1},
        "ads_tagged": 2,
        "touchpoints": 9,
    }
    assert receipt.lost.pop("set_aside") == [*refused, *refused[:10]]
    assert receipt.lost == {"cost_days_gone": 4, "set_aside_count": 80, "clicks": 1}
