"""A platform comes back after it was down or busy for everybody: what has waited is let in slowly, and none is forgotten."""

import asyncio
import heapq
import random
from collections import Counter
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import ceil

import pytest
from practice_story import ADA, GOOGLE, no_sleep, sqlite_only, telling

from bot.logins.resuming import MANY, InTurn, Resuming
from bot.memory.memory import Work
from bot.people.people import Ending
from bot.words.errors import TryLater
from bot.words.pace import Pace
from sandbox.faults import Fault
from storage import open_memory

MINUTES = 60.0
WITHIN = timedelta(minutes=5)
PACE = Pace(WITHIN, WITHIN)
QUOTA = 10  # requests a second; beyond it the platform says 429
ACCOUNTS = 750  # a quarter of the quota, as long as all is well
MANAGER = "1000000001"
BEGIN = datetime(2026, 11, 23, 9, tzinfo=UTC)


class Busy:
    """A platform that answers nobody until it is back, and then so many requests a second. `told` is its Retry-After."""

    def __init__(self, back_at, told, quota=QUOTA):
        self.back_at, self.told, self.quota = back_at, told, quota
        self.asked = Counter()

    def ask(self, now):
        self.asked[int(now)] += 1
        if now < self.back_at:
            raise TryLater("HTTP 429", after=timedelta(seconds=ceil(self.back_at - now)) if self.told else None)
        if self.asked[int(now)] > self.quota:
            raise TryLater("HTTP 429", after=timedelta(seconds=1))

    def busiest(self):
        return max(count for second, count in self.asked.items() if second >= self.back_at)


class Time:
    """Time that goes on as soon as everybody waits for it."""

    def __init__(self):
        self.now, self.waiting, self.tasks = 0.0, [], set()

    async def until(self, moment):
        there = asyncio.get_running_loop().create_future()
        heapq.heappush(self.waiting, (moment, random.random(), there))
        await there

    async def sleep(self, seconds):
        await self.until(self.now + seconds)

    def clock(self):
        return BEGIN + timedelta(seconds=self.now)

    async def run(self, tasks, end):
        running = [asyncio.create_task(task) for task in tasks]
        await asyncio.sleep(0)
        while self.waiting and self.now < end:
            self.now, _, there = heapq.heappop(self.waiting)
            there.set_result(None)
            for _ in range(3):
                await asyncio.sleep(0)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


class Rows:
    """What all replicas share, without a database under it: simulated time waits for no disk."""

    def __init__(self):
        self.rows, self.quotas = {}, self

    @asynccontextmanager
    async def begin(self, *, lasting=True):
        yield self

    read = begin

    async def slowed(self, name):
        return self.rows.get(name)

    held_slow = slowed

    async def slow(self, name, slowed):
        self.rows[name] = slowed


async def day_of_trouble(accounts, *, told, paced=True, replicas=1):
    """So many accounts, each checked every five minutes; half an hour of trouble. The platform, and when each was well."""
    time, busy, well, rows = Time(), Busy(30 * MINUTES, told), {}, Rows()
    turns = [Resuming(rows, time.clock, WITHIN, time.sleep) for _ in range(replicas)]

    async def ask(account):
        if not paced:
            busy.ask(time.now)
            return
        async with random.choice(turns).turn("it", account):
            busy.ask(time.now)

    async def checked(account):
        await time.sleep(random.uniform(0, 5 * MINUTES))
        while True:
            try:
                await ask(account)
            except InTurn as error:
                pause = error.pause
            except TryLater as error:
                pause = PACE.check_again(error.after)
            else:
                pause = PACE.next_check()
                well.setdefault(account, time.now - busy.back_at)
            await time.sleep(pause.total_seconds())

    await time.run([checked(str(account)) for account in range(accounts)], 45 * MINUTES)
    return busy, well


@pytest.mark.parametrize(("told", "replicas"), [(True, 1), (False, 1), (True, 8)], ids=str)
async def test_after_a_storm_no_second_sees_more_than_a_fifth_above_the_quota(told, replicas):
    busy, well = await day_of_trouble(ACCOUNTS, told=told, replicas=replicas)
    assert busy.busiest() <= 1.2 * QUOTA
    assert ACCOUNTS == len(well)
    assert max(well.values()) <= 1.1 * WITHIN.total_seconds()
    assert sum(count for second, count in busy.asked.items() if second < busy.back_at) <= 1.1 * ACCOUNTS * 6


async def test_without_turns_all_would_come_at_the_moment_the_platform_has_named():
    busy, _ = await day_of_trouble(ACCOUNTS, told=True, paced=False)
    assert busy.busiest() > 50 * QUOTA


async def test_a_few_failures_as_on_any_day_slow_nobody_down_for_good():
    time, waits = Time(), []
    resuming = Resuming(Rows(), time.clock, WITHIN, time.sleep)

    async def ask(nth):
        began = time.now
        async with resuming.turn("it", str(nth)):
            waits.append(time.now - began)
            if nth < MANY or nth % 25 == 0:
                raise TryLater("HTTP 503")

    async def asked_all_day():
        for nth in range(8_000):
            with suppress(TryLater):
                await ask(nth)
            await time.sleep(0.3)

    await time.run([asked_all_day()], 40 * MINUTES)
    assert max(waits[:100]) > 0.5
    assert 0 == max(waits[len(waits) // 2 :])


async def turns(resuming, account, count):
    for _ in range(count):
        async with resuming.turn("it", account):
            pass


async def test_what_has_no_turn_is_no_trouble_of_its_platform_and_comes_back_in_time():
    resuming = Resuming(Rows(), lambda: BEGIN, WITHIN)
    for account in range(MANY):
        with pytest.raises(TryLater):
            async with resuming.turn("it", str(account)):
                raise TryLater("HTTP 503")
    after = set()
    for account in range(40):
        with pytest.raises(InTurn) as put_off:
            await turns(resuming, str(account), 3)
        after.add(put_off.value.pause)
    assert max(after) <= WITHIN
    assert len(after) > 30, "all at the same moment"
    async with resuming.turn("another", "1"):
        pass


@pytest.fixture(params=["sqlite", "postgres"])
async def replicas(request, tmp_path, keys, clock):
    """Two engines on one database."""
    url = f"sqlite:///{tmp_path}/r.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    opened = [await open_memory(url, keys, on_due=None, now=clock) for _ in range(2)]
    yield opened
    for each in opened:
        await each.close()


async def asked_by_both(replicas, clock, busy, seconds, crowd):
    """Each second so many ask in each of two replicas that both have met the trouble. Nobody really waits."""
    begin, waited = clock(), []

    async def later(wait):
        waited.append(wait)

    async def ask(resuming, who):
        async with resuming.turn("it", who):
            busy.ask((clock() - begin).total_seconds() + (waited.pop() if waited else 0))

    both = [Resuming(memory, clock, WITHIN, later) for memory in replicas]
    for who in range(MANY):
        with pytest.raises(TryLater):
            await ask(both[0], str(who))
    for second in range(seconds):
        for who in range(crowd):
            for resuming in both:
                with suppress(TryLater):
                    await ask(resuming, f"{second}-{who}")
        clock.advance(seconds=1)
    return both


async def test_two_replicas_share_the_turns_of_a_platform_that_comes_back(replicas, clock):
    """The second one has met its trouble once only, and yet asks no faster than the first."""
    busy = Busy(3, told=False, quota=5)
    await asked_by_both(replicas, clock, busy, 24, crowd=5)
    assert busy.busiest() <= 1.2 * 5
    assert sum(busy.asked[second] for second in range(18, 24)) >= 0.8 * 5 * 6
    assert sum(busy.asked[second] for second in range(4)) <= MANY + 2 + 3


async def test_a_replica_that_starts_in_the_middle_asks_as_slowly_as_the_others(replicas, clock):
    busy = Busy(3, told=False, quota=5)
    await asked_by_both(replicas, clock, busy, 8, crowd=3)
    newcomer, asked = Resuming(replicas[1], clock, WITHIN, no_sleep), 0
    for who in range(20):
        with suppress(InTurn):
            async with newcomer.turn("it", str(who)):
                asked += 1
    assert asked <= 5


async def test_turns_that_a_wrong_clock_gave_for_tomorrow_hold_up_nobody_today(replicas, clock):
    await asked_by_both(replicas, clock, Busy(10, told=False), 1, crowd=3)
    clock.advance(days=-1)
    for memory in replicas:
        async with Resuming(memory, clock, WITHIN, no_sleep).turn("it", "1"):
            pass


class Counted(Resuming):
    """Knows when each request had its turn. Nobody really waits: the clock goes on instead."""

    def __init__(self, memory, clock):
        super().__init__(memory, clock, WITHIN, self.wait)
        self.clock, self.asked, self.still = clock, [], True

    async def wait(self, seconds):
        self.clock.advance(seconds=0 if self.still else seconds)

    @asynccontextmanager
    async def turn(self, where, who):
        async with super().turn(where, who):
            self.asked.append(self.clock())
            yield


@sqlite_only
async def test_all_accounts_of_a_platform_that_was_busy_are_asked_one_after_the_other(memory, clock):
    async with telling(memory, clock) as story:
        google = story.world.google_ads
        for number in range(18):
            google.add_account(f"40000000{number:02d}", f"Acme {number}", ADA, under=MANAGER, ads=0)
        await story.connect(GOOGLE)
        await story.work(Work.CHECK)

        story.watch.resuming = resuming = Counted(memory, clock)
        busy = google.faults.add(Fault(match="googleAds:search", status=429, retry_after="900", times=None))
        await story.pass_by(Work.CHECK, minutes=6)
        assert busy.struck >= MANY
        google.faults.clear()
        clock.advance(minutes=15)
        resuming.asked.clear()
        resuming.still = False
        back = clock()
        while (clock() - back) < 2 * WITHIN:
            await story.pass_by(Work.CHECK, seconds=15)

        first = [moment for moment in resuming.asked if moment - resuming.asked[0] < timedelta(seconds=10)]
        assert 2 <= len(first) <= 30
        assert all(later - sooner >= timedelta(seconds=0.25) for sooner, later in pairwise(first))
        assert all(c.last_good_at and c.last_good_at > back for c in await story.connections())
        assert [] == await story.outages()


@sqlite_only
async def test_a_person_who_logs_in_while_a_platform_is_asked_slowly_waits_for_nobody(memory, clock):
    async with telling(memory, clock) as story:
        connection, *_ = await story.connect(GOOGLE)
        resuming = story.watch.resuming = Resuming(memory, clock, WITHIN, no_sleep)
        for where in (GOOGLE, "the token endpoint of google_ads"):
            for account in range(MANY):
                with pytest.raises(TryLater):
                    async with resuming.turn(where, str(account)):
                        raise TryLater("HTTP 503")
            with pytest.raises(InTurn):
                await turns_at(resuming, where, 3)
        told = await story.reauthorize(GOOGLE, connection.id)
        assert Ending.RESTORED == told.ending
        with pytest.raises(InTurn):
            await turns_at(resuming, GOOGLE, 3)


async def turns_at(resuming, where, count):
    for _ in range(count):
        async with resuming.turn(where, "1"):
            pass
