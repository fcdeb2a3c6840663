"""What is asked at the same time is done together, and one that fails is no other's trouble."""

import asyncio

import pytest

from bot.work.together import Together


async def test_a_lone_one_is_done_at_once_and_who_comes_meanwhile_shares_the_next_round():
    rounds = []

    async def do(asked):
        rounds.append(list(asked))
        await asyncio.sleep(0)
        return [each * 2 for each in asked]

    together = Together(do)
    assert await together(1) == 2
    assert await asyncio.gather(*(together(n) for n in range(250))) == [n * 2 for n in range(250)]
    assert [len(each) for each in rounds] == [1, 100, 100, 50]


async def test_what_one_gets_wrong_is_its_own_and_a_round_that_fails_is_everybodys():
    async def do(asked):
        if "broken" in asked:
            raise LookupError("all of it")
        return [ValueError(each) if each == "bad" else each for each in asked]

    together = Together(do)
    assert [await together("good"), await together("good")] == ["good", "good"]
    good, bad = await asyncio.gather(together("good"), together("bad"), return_exceptions=True)
    assert good == "good"
    assert isinstance(bad, ValueError)
    found = await asyncio.gather(together("good"), together("broken"), return_exceptions=True)
    assert [type(each) for each in found] == [LookupError, LookupError]
    assert await together("good") == "good"


async def test_one_that_gives_up_keeps_nobody_from_their_answer():
    begun, go = asyncio.Event(), asyncio.Event()

    async def do(asked):
        begun.set()
        await go.wait()
        return asked

    together = Together(do)
    first, second = (asyncio.create_task(together(n)) for n in (1, 2))
    await begun.wait()
    first.cancel()
    go.set()
    assert await second == 2
    with pytest.raises(asyncio.CancelledError):
        await first
