"""Calls take their turn: however many replicas ask, an account never gets more of them than its platform allows."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace

import pytest
from conftest import Clock

from bot.logins.turns import Turns
from bot.words.connection import Account
from bot.words.errors import TryLater
from bot.words.interfaces import Answer
from bot.words.pace import Quota
from storage import open_memory

QUOTA = Quota(40, timedelta(seconds=10))
PLATFORM = SimpleNamespace(key="hubspot", quota=QUOTA)
ACCOUNT = Account("1", "Portal")


@pytest.fixture(params=["sqlite", "postgres"])
async def replicas(request, tmp_path, keys, clock: Clock) -> AsyncIterator[list]:
    """Two engines on one database."""
    url = f"sqlite:///{tmp_path}/r.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    opened = [await open_memory(url, keys, on_due=None, now=clock) for _ in range(2)]
    yield opened
    for each in opened:
        await each.close()


class Calls:
    """A platform that notes when it was called, by a clock that moves only where somebody waits."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.at: list[float] = []
        self.answer: Answer | TryLater = Answer(200, {}, b"{}")
        self.kept = {"hub": "1"}
        self._waited = 0.0

    async def __call__(self, *_: object, **__: object) -> Answer:
        self.at.append(self._waited)
        if isinstance(self.answer, TryLater):
            raise self.answer
        return self.answer

    async def sleep(self, seconds: float) -> None:
        self._waited = seconds


async def test_two_replicas_together_stay_within_the_limit(replicas, clock):
    calls = [Calls(clock) for _ in replicas]
    fetches = [Turns(m, clock, c.sleep).of(PLATFORM, ACCOUNT, c) for m, c in zip(replicas, calls, strict=True)]

    for _ in range(12):
        await asyncio.gather(*(fetch("GET", "/x") for fetch in fetches))

    at = sorted(calls[0].at + calls[1].at)
    assert 10 == at.count(0.0), "a quarter at once"
    gaps = [later - sooner for sooner, later in pairwise(at[9:])]
    assert gaps == pytest.approx([10 / 30] * 14, abs=0.001), "and the others one after the other"


async def many(fetch):
    for _ in range(100):
        await fetch("GET", "/x")


async def test_a_turn_that_is_far_away_is_left_to_a_later_try_and_costs_nothing(replicas, clock):
    calls = Calls(clock)
    fetch = Turns(replicas[0], clock, calls.sleep).of(PLATFORM, ACCOUNT, calls)
    with pytest.raises(TryLater) as caught:
        await many(fetch)
    assert caught.value.after == timedelta(seconds=10)
    made = len(calls.at)
    assert 25 == made

    clock.advance(seconds=10)
    await fetch("GET", "/x")
    assert made + 1 == len(calls.at)


async def test_a_pause_that_one_replica_was_asked_for_holds_for_all(replicas, clock):
    refused, other = Calls(clock), Calls(clock)
    refused.answer = TryLater("429", after=timedelta(minutes=1))
    with pytest.raises(TryLater):
        await Turns(replicas[0], clock, refused.sleep).of(PLATFORM, ACCOUNT, refused)("GET", "/x")

    fetch = Turns(replicas[1], clock, other.sleep).of(PLATFORM, ACCOUNT, other)
    with pytest.raises(TryLater):
        await fetch("GET", "/x")
    assert [] == other.at

    clock.advance(seconds=61)
    await fetch("GET", "/x")
    assert 1 == len(other.at)


async def test_accounts_do_not_wait_for_each_other_and_platforms_without_a_limit_for_nobody(replicas, clock):
    calls = Calls(clock)
    turns = Turns(replicas[0], clock, calls.sleep)
    for n in range(12):
        await turns.of(PLATFORM, Account(f"{n}", "Portal"), calls)("GET", "/x")
    assert {0.0} == set(calls.at)
    assert calls is turns.of(SimpleNamespace(key="google_ads", quota=None), ACCOUNT, calls)
    assert {"hub": "1"} == turns.of(PLATFORM, ACCOUNT, calls).kept
