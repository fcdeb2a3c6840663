"""The loss meter: figures from what was stored before the drop, and the day after which the platform gives no more."""

from datetime import UTC, date, datetime, timedelta

import pytest
from practice_memory import LOST, a_grant, an_account, count_statements, drop
from practice_story import GOOGLE, SALESFORCE, sqlite_only
from practice_usual import DAY, ad, cost, stored

from bot.alert.remind import Remind
from bot.memory.memory import Work
from bot.memory.routes import Route, Routes
from bot.words.connection import Flow, Reach
from bot.words.errors import AuthorizationLost
from bot.words.interfaces import TagResult
from bot.words.loss import Usual

ANNA, GROUP = "U0ANNA000", "S0MARKETIN"


async def lost(story, grant):
    await story.watch.losses.lost(grant.id, grant.generation, AuthorizationLost(LOST))
    (outage,) = await story.outages(open_only=True)
    return outage


async def test_what_is_late_and_how_many_ads_run_untagged_is_reckoned_from_the_last_weeks(story):
    grant, _ = await stored(story)
    outage = await lost(story, grant)
    story.clock.advance(days=2)

    facts = await story.app.facts.of(outage.id)
    assert facts.loss.a_day == {"EUR": 300_000_000}
    assert 600_000_000 <= facts.loss.late["EUR"] < 900_000_000
    assert facts.loss.ads == 4
    assert facts.loss.clicks == 40  # ten a day for each, and on average each has run for half of two days
    assert facts.loss.told_until == facts.cost_since + 1120 * DAY


async def test_it_stands_in_the_message_and_grows(story):
    grant, _ = await stored(story)
    await lost(story, grant)
    await story.work(Work.SAY)
    (post,) = story.posts()
    assert "usually €300 a day" in post.text
    before = post.text
    await story.pass_by(Work.SAY, days=2)

    (post,) = story.posts()
    assert post.text != before
    assert "By now about 4 new ads run without UTM tags." in post.text


async def test_a_connection_that_has_stored_nothing_yet_promises_no_figures(story):
    grant, _ = await stored(story, days=0, ads_a_day=0)
    facts = await story.app.facts.of((await lost(story, grant)).id)

    assert facts.loss.late == {}
    assert facts.loss.ads == 0


async def test_once_logged_in_the_ads_that_ran_untagged_are_counted(story, clock):
    grant, connection = await stored(story)
    outage = await lost(story, grant)
    story.clock.advance(days=1)
    async with story.memory.begin() as tx:
        await tx.outages.reauthorized(outage.id, "ada", clock())
    assert not (await story.app.facts.of(outage.id)).loss.counted, "nobody has looked yet"
    async with story.memory.begin() as tx:
        late = [ad("late", clock() - timedelta(hours=3)), ad("unsaid", clock() - timedelta(hours=2))]
        await tx.tags.plan(connection.id, late, clock())
        await tx.tags.applied(connection.id, [TagResult("late")], clock())

    loss = (await story.app.facts.of(outage.id)).loss
    assert (loss.ads, loss.counted) == (1, True)


async def test_usual_figures_are_kept_apart_by_connection(memory, clock):
    day = date(2026, 11, 1)
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock())
        one, two, none = [await an_account(tx, grant, clock(), number) for number in ("1", "2", "3")]
        await tx.costs.store(one.id, [cost(day, 5), cost(day, 7, ad="8")], day, day, clock())
        await tx.costs.store(two.id, [cost(day + 3 * DAY, 9, clicks=1)], day, day + 3 * DAY, clock())
        found = await tx.costs.usual([one.id, two.id, none.id], day, day + 4 * DAY)

    assert found == {one.id: Usual(4, 12, 20, 2), two.id: Usual(1, 9, 1, 1)}


@sqlite_only
async def test_two_logins_lost_at_once_have_each_its_own_figures_and_currencies_are_not_added_up(story):
    await stored(story)
    await stored(story, person="ben", account="222", currency="USD", micros=50_000_000)
    async with story.memory.begin() as tx:
        one, two = sorted(await tx.connections.all(), key=lambda c: c.account.currency)
        both = await drop(tx, story.clock(), one, two)
    assert (await story.app.facts.of(both.id)).loss.a_day == {"EUR": 300_000_000, "USD": 50_000_000}
    async with story.memory.begin() as tx:
        await tx.outages.close(both.id, {}, {}, story.clock())
        each = [await drop(tx, story.clock(), c, reach=Reach.ACCOUNT) for c in (one, two)]
    figures = [(await story.app.facts.of(outage.id)).loss.a_day for outage in each]
    assert figures == [{"EUR": 300_000_000}, {"USD": 50_000_000}]


@sqlite_only
async def test_the_pace_of_touchpoints_is_told_once_there_is_one(story):
    await story.connect(SALESFORCE)
    outage = await story.drop(SALESFORCE)
    await story.touchpoints(1, 2, 3)
    story.clock.advance(minutes=5)
    assert (await story.app.facts.of(outage.id)).loss.touches_a_day == 0
    story.clock.advance(hours=12)
    assert (await story.app.facts.of(outage.id)).loss.touches_a_day == pytest.approx(6, rel=0.05)


@sqlite_only
async def test_a_snooze_ends_before_the_last_day_and_is_refused_on_it(story):
    grant, _ = await stored(story)
    story.gateways[GOOGLE].platform.look_back_days = 3
    outage = await lost(story, grant)
    last = datetime.combine((await story.app.facts.of(outage.id)).loss.told_until, datetime.min.time(), UTC)

    facts = await story.desk.snooze(outage.id, ANNA, story.clock() + timedelta(days=9))
    assert facts.outage.snoozed_until == last
    story.clock.advance(days=4)
    facts = await story.desk.snooze(outage.id, ANNA, story.clock() + timedelta(hours=4))
    assert facts.outage.snoozed_until == last
    assert facts.loss.days_gone > 0


@sqlite_only
async def test_the_last_day_is_announced_a_week_and_a_day_before_and_calls_others_in(story):
    grant, _ = await stored(story)
    story.gateways[GOOGLE].platform.look_back_days = 40
    outage = await lost(story, grant)
    routes = Routes("C0REDKEY00", [Route(GOOGLE, owners=(ANNA,), escalate_to=GROUP, escalate_after=90 * DAY)])
    ends = story.app.remind._last_days
    remind = Remind(story.memory, routes, (), timedelta(hours=4), None, story.clock, ends)
    await story.work(Work.SAY)
    until = (await story.app.facts.of(outage.id)).loss.told_until
    days, before = [], 0
    for _ in range(42):
        story.clock.advance(days=1)
        await remind.run()
        await remind.run()
        await story.work(Work.SAY)
        if len(story.replies()) > before:
            days.append(story.clock().date())
            before = len(story.replies())

    warned = [e.detail for e in (await story.outage(outage.id)).timeline if e.what == "soon_gone"]
    assert warned == ["1", "2"]
    assert days == [until - 7 * DAY, until - DAY]
    texts = story.replies()
    assert "only until" in texts[0]
    assert sum(GROUP in text for text in texts) == 1
    assert len(texts) == 3


@sqlite_only
async def test_several_accounts_take_no_more_questions_than_one(story):
    async with story.memory.begin() as tx:
        grant = await a_grant(tx, story.clock(), "ada", GOOGLE)
        flows = (Flow.COST, Flow.TAGGING)
        connections = [await an_account(tx, grant, story.clock(), f"{n}", flows) for n in range(100)]
        outage = await drop(tx, story.clock(), *connections)
    asked = count_statements(story.memory)
    await story.app.facts.of(outage.id)
    assert len(asked) <= 12
