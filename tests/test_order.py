"""What is said first where a channel takes one post a second: news before replies, which come in their order all the same."""

import asyncio
import json
from contextlib import suppress
from datetime import timedelta
from itertools import count

import pytest
from practice_memory import LOST, a_grant, an_account, dropped, many_logins
from practice_story import GOOGLE, no_sleep, sqlite_only, telling

from bot.alert.order import AT_ONCE, IN_A_ROW, Order
from bot.memory.memory import Work
from bot.words.errors import AuthorizationLost, TryLater
from bot.work.dispatch import Embedded
from handlers.slack.line.pacing import BURST, Pacing

CHANNEL = "C0REDKEY00"
THREADS, REPLIES = 6, 5


class Seconds:
    """Time that stands until a test lets it run. Who sleeps is woken in the order of their moments."""

    def __init__(self):
        self.now, self.flows = 0.0, False
        self.asleep = {}
        self.numbers = count()
        self.news = asyncio.Condition()

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        woken = asyncio.Event()
        self.asleep[self.now + seconds, next(self.numbers)] = woken
        if self.flows:
            self.pass_one()
        async with self.news:
            self.news.notify_all()
        await woken.wait()

    def pass_one(self):
        moment = min(self.asleep)
        self.now = max(self.now, moment[0])
        self.asleep.pop(moment).set()

    def flow(self):
        self.flows = True
        while self.asleep:
            self.pass_one()

    async def until_asleep(self, number):
        async with asyncio.timeout(5), self.news:
            await self.news.wait_for(lambda: len(self.asleep) == number)


@pytest.fixture
async def story(memory, clock):
    async with telling(memory, clock) as story:
        yield story


async def lose(story, person):
    async with story.memory.begin() as tx:
        grant = await a_grant(tx, story.clock(), person, GOOGLE)
        await an_account(tx, grant, story.clock(), f"{len(person)}{hash(person) % 10**8:09d}", flows=())
    await story.watch.losses.lost(grant.id, grant.generation, AuthorizationLost(LOST))


async def crowded(story):
    """A few alerts that stand, and thirty replies to them that are due."""
    for number in range(THREADS):
        await lose(story, f"person{number}")
        await story.pass_by(Work.SAY, seconds=40)  # far enough apart to be no storm
    async with story.memory.begin() as tx:
        for outage in await tx.outages.latest():
            for number in range(REPLIES):
                await tx.outbox.say_reply(outage.id, "claimed", 100 + number, {"who": "U0ANNA000"}, story.clock())


def posts(story):
    """What has left, in its order."""
    return [call.args for call in story.world.slack.calls_of("chat.postMessage")]


@sqlite_only
async def test_a_new_alert_leaves_next_although_thirty_replies_wait(story):
    await crowded(story)
    stood = len(posts(story))
    seconds = Seconds()
    story.voice._pacing = Pacing(seconds, seconds.sleep)
    dispatcher = Embedded({Work.SAY: story.workers[Work.SAY]})
    story._heard = dispatcher.wake
    dispatcher.start()
    try:
        await seconds.until_asleep(4)
        before = len(posts(story))
        await lose(story, "somebody-else")
        await seconds.until_asleep(5)
        assert len(posts(story)) == before == stood + BURST, "nobody's turn has come"

        seconds.pass_one()
        await story.world.slack.wait_for(lambda: len(posts(story)) > before)
        last = posts(story)[-1]
        assert "somebody-else@example.com" in str(last)
        assert not last.get("thread_ts")

        seconds.flow()
        await story.world.slack.wait_for(lambda: len(posts(story)) == stood + THREADS * REPLIES + 1, timeout=20)
    finally:
        await dispatcher.stop(1)
    threads = {}
    for post in posts(story):
        if post.get("thread_ts"):
            threads.setdefault(post["thread_ts"], []).append(revision(post))
    assert [[*range(100, 100 + REPLIES)]] * THREADS == list(threads.values())


def revision(post):
    metadata = post["metadata"]
    return (json.loads(metadata) if isinstance(metadata, str) else metadata)["event_payload"]["revision"]


async def in_line(seconds, names, waits):
    """Everybody joins the line of one channel, whose burst is used up; who got a turn, in its order."""
    pacing, turns = Pacing(seconds, seconds.sleep), []

    async def wait(name):
        await pacing.turn(CHANNEL, news=name.startswith("news"))
        turns.append(name)

    for _ in range(BURST):
        await pacing.turn(CHANNEL)
    waiting = [asyncio.create_task(wait(name)) for name in names]
    await seconds.until_asleep(len(names))
    for name in waits:
        waiting[names.index(name)].cancel()
    for _ in range(len(names)):
        seconds.pass_one()
        for _ in range(5):
            await asyncio.sleep(0)
    return turns


async def test_news_go_before_replies_and_after_some_of_them_it_is_a_replys_turn():
    names = ["reply 1", "reply 2", *(f"news {n}" for n in range(1, 6))]
    turns = await in_line(Seconds(), names, ())
    assert turns == ["news 1", "news 2", "news 3", "reply 1", "news 4", "news 5", "reply 2"]


async def test_who_gives_up_in_the_line_takes_nobodys_turn_along():
    turns = await in_line(Seconds(), ["reply 1", "news 1", "reply 2", "news 2"], ["reply 1", "news 1"])
    assert turns == ["news 2", "reply 2"]


async def test_news_are_never_sent_back_because_replies_wait():
    pacing = Pacing(lambda: 0.0, no_sleep)
    with suppress(TryLater):
        while True:
            await pacing.turn(CHANNEL)
    await pacing.turn(CHANNEL, news=True)


async def some_outages(memory, clock, number):
    return [await dropped(memory, clock(), lost) for lost in await many_logins(memory, clock(), number)]


async def ask(memory, outage, clock, revision, due_in=0):
    async with memory.begin() as tx:
        await tx.outbox.say_message(outage.id, revision, clock() + timedelta(seconds=due_in))


async def test_what_a_click_has_changed_is_claimed_before_counts_that_are_kept_true(memory, clock):
    """Of two messages that stand, one is due to be told anew first, and the other one has news."""
    first, second = await some_outages(memory, clock, 2)
    order = Order(memory, "me", clock)
    for outage in (first, second):
        await ask(memory, outage, clock, 1)
    for saying in await order.claim(AT_ONCE):
        async with memory.begin() as tx:
            await tx.outbox.said(saying, clock())
    await ask(memory, first, clock, 1)
    clock.advance(seconds=10)
    await ask(memory, second, clock, 2)

    assert [second.id] == [saying.outage_id for saying in await order.claim(1)]
    assert [] == await order.claim(1), "the last free place is for news"
    assert [first.id] == [saying.outage_id for saying in await order.claim(2)]


async def test_news_without_end_do_not_keep_others_waiting_for_ever(memory, clock):
    quiet, *loud = await some_outages(memory, clock, IN_A_ROW + 3)
    async with memory.begin() as tx:
        await tx.outages.alerted(quiet.id, "C1", "1.0", clock())
        await tx.outbox.say_reply(quiet.id, "claimed", 1, {}, clock())
    clock.advance(seconds=1)
    order = Order(memory, "me", clock)
    for outage in loud:
        await ask(memory, outage, clock, 1)
    claimed = [(await order.claim(1))[0].outage_id for _ in range(IN_A_ROW + 2)]

    assert quiet.id == claimed[IN_A_ROW]
