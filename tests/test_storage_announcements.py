"""Messages about no outage: each key is announced once, said once, again when it is not true, by one worker at a time."""

from datetime import timedelta

import pytest
from practice_memory import LEASE, Woken

from bot.memory.memory import Work
from bot.words.errors import Fenced

ABOUT = {"ids": ["1"], "until": "2026-11-24"}


async def announce(memory, clock, key="digest:1", channel="C1", **more):
    async with memory.begin() as tx:
        return await tx.announcements.announce(key, "digest", channel, ABOUT, clock(), **more)


async def claim(memory, clock, owner="me", limit=10):
    async with memory.begin() as tx:
        return await tx.announcements.claim(clock(), limit, owner, LEASE)


async def the_only(memory, clock, owner="me"):
    [told] = await claim(memory, clock, owner)
    return told


async def say(memory, told, ts="1.1", stamp="new", channel="C1", *, over=False):
    async with memory.begin() as tx:
        await tx.announcements.said(told, channel, ts, stamp=stamp, over=over)


async def stands(memory, key="digest:1"):
    async with memory.read() as tx:
        return await tx.announcements.get(key)


async def test_a_key_is_announced_once_and_is_due_at_once(memory, clock, due):
    memory.wake_ups = Woken()
    assert await announce(memory, clock)
    assert due == [{Work.ANNOUNCE}]
    assert not await announce(memory, clock, channel="C2")
    assert due == [{Work.ANNOUNCE}]
    assert memory.wake_ups.keys == [{"digest:1"}], "each message may be said by another replica"

    told = await the_only(memory, clock)
    assert (told.key, told.kind, told.channel, told.about) == ("digest:1", "digest", "C1", ABOUT)
    assert (told.revision, told.fence, told.attempts, told.parent) == (0, 1, 0, "")
    assert (told.ts, told.stamp, told.over, told.started_at) == (None, "", False, None)
    assert await claim(memory, clock) == []
    assert await stands(memory, "digest:2") is None


async def test_what_is_to_be_announced_later_waits_for_its_time(memory, clock, due):
    later = clock() + timedelta(minutes=1)
    async with memory.begin() as tx:
        await tx.announcements.announce("digest:1", "digest", "C1", ABOUT, later)
    assert due == []
    assert await claim(memory, clock) == []
    clock.advance(minutes=1)
    assert await claim(memory, clock)


async def test_what_was_said_stands_with_its_message_and_is_not_due_again(memory, clock, due):
    await announce(memory, clock)
    due.clear()
    await say(memory, await the_only(memory, clock), "1.1", "five", "C2")

    assert due == [{Work.ANNOUNCE}], "a reply may have waited for it"
    told = await stands(memory)
    assert (told.channel, told.ts, told.stamp, told.over) == ("C2", "1.1", "five", False)
    clock.advance(days=1)
    assert await claim(memory, clock) == []


async def test_only_whoever_claimed_it_last_may_end_it(memory, clock):
    await announce(memory, clock)
    old = await the_only(memory, clock, "slow")
    clock.advance(LEASE)
    new = await the_only(memory, clock)
    assert new.fence == 2
    for late in ("said", "later", "posting", "moved", "unposted"):
        given = {
            "said": ("C1", "0.1"),
            "later": (clock(),),
            "posting": (clock(),),
            "moved": ("C9", clock()),
        }
        more = {"stamp": "", "over": True} if late == "said" else {}
        with pytest.raises(Fenced):
            async with memory.begin() as tx:
                await getattr(tx.announcements, late)(old, *given.get(late, ()), **more)
    assert (await stands(memory)).ts is None
    await say(memory, new)
    with pytest.raises(Fenced):
        await say(memory, new, "2.2")


async def test_what_changed_while_it_was_said_is_said_again(memory, clock, due):
    await announce(memory, clock)
    told = await the_only(memory, clock)
    async with memory.begin() as tx:
        await tx.announcements.change("digest:1", {"ids": ["2"]}, clock())
    assert await claim(memory, clock) == [], "one post at a time"
    await say(memory, told)

    again = await the_only(memory, clock)
    assert (again.about, again.revision, again.ts) == ({"ids": ["2"]}, 1, "1.1")
    await say(memory, again)
    clock.advance(days=1)
    assert await claim(memory, clock) == []


async def test_what_is_not_true_any_more_is_due_again_and_wakes_somebody(memory, clock, due):
    await announce(memory, clock)
    await announce(memory, clock, "digest:2")
    for told in await claim(memory, clock):
        await say(memory, told)
    due.clear()
    memory.wake_ups = Woken()
    async with memory.begin() as tx:
        await tx.announcements.again("digest:1", clock())
    assert due == [{Work.ANNOUNCE}]
    assert memory.wake_ups.keys == [{"digest:1"}]
    assert [told.key for told in await claim(memory, clock)] == ["digest:1"]

    async with memory.begin() as tx:
        await tx.announcements.again("digest:2", clock() + timedelta(hours=1))
    assert due == [{Work.ANNOUNCE}]
    assert await claim(memory, clock) == []


async def test_one_that_is_being_said_goes_to_nobody_else_because_it_changed_and_its_lease_stays(memory, clock):
    await announce(memory, clock)
    await the_only(memory, clock)
    async with memory.begin() as tx:
        await tx.announcements.again("digest:1", clock() + timedelta(days=1))
    clock.advance(LEASE)
    assert await claim(memory, clock), "the worker died: it is taken up when the lease runs out"


async def test_a_reply_waits_until_its_own_message_stands(memory, clock, due):
    await announce(memory, clock, "digest:1:end", parent="digest:1")
    await announce(memory, clock, "digest:2")
    await say(memory, await the_only(memory, clock), "2.2")
    assert await claim(memory, clock) == [], "another's message is none of its business"

    await announce(memory, clock)
    told = await the_only(memory, clock)
    assert told.key == "digest:1"
    assert await claim(memory, clock) == []
    await say(memory, told, None)
    assert await claim(memory, clock) == [], "said, but it has no post"
    async with memory.begin() as tx:
        await tx.announcements.again("digest:1", clock())
    await say(memory, await the_only(memory, clock), "1.1")
    reply = await the_only(memory, clock)
    assert (reply.key, reply.parent) == ("digest:1:end", "digest:1")
    await say(memory, reply, "1.2")
    assert (await stands(memory, "digest:1:end")).over, "a reply is said once"


async def test_what_waited_longest_comes_first_and_those_of_one_moment_in_their_order(memory, clock):
    for key in ("c", "b", "a"):
        await announce(memory, clock, key)
        if key == "c":
            clock.advance(seconds=1)
    assert [(await claim(memory, clock, limit=1))[0].key for _ in range(3)] == ["c", "a", "b"]
    clock.advance(LEASE)
    assert [told.key for told in await claim(memory, clock)] == ["a", "b", "c"]


async def test_those_that_live_are_messages_that_are_not_over(memory, clock):
    for key in ("d", "b", "c", "a"):
        await announce(memory, clock, key)
    await announce(memory, clock, "a:end", parent="a")
    first = (await claim(memory, clock))[0]
    await say(memory, first, over=True)
    async with memory.read() as tx:
        assert [told.key for told in await tx.announcements.living(10)] == ["b", "c", "d"]
        assert [told.key for told in await tx.announcements.living(2)] == ["b", "c"]
    async with memory.begin() as tx:
        assert (await tx.announcements.held("a")).over
        assert await tx.announcements.held("e") is None


async def test_one_that_failed_comes_again_at_its_time_and_counts_its_attempts(memory, clock, due):
    await announce(memory, clock)
    told = await the_only(memory, clock)
    due.clear()
    async with memory.begin() as tx:
        await tx.announcements.posting(told, clock())
        await tx.announcements.later(told, clock() + timedelta(seconds=30))
    assert due == []
    assert await claim(memory, clock) == []
    clock.advance(seconds=30)
    again = await the_only(memory, clock)
    assert (again.attempts, again.started_at) == (1, None)

    began = clock()
    async with memory.begin() as tx:
        await tx.announcements.posting(again, began)
        await tx.announcements.later(again, began, unclear=True)
    assert due == [{Work.ANNOUNCE}]
    unclear = await the_only(memory, clock)
    assert (unclear.attempts, unclear.started_at) == (2, began)
    await say(memory, unclear)
    told = await stands(memory)
    assert (told.attempts, told.started_at) == (0, None)


async def test_one_whose_channel_is_gone_is_posted_in_another_at_once(memory, clock, due):
    await announce(memory, clock)
    told = await the_only(memory, clock)
    async with memory.begin() as tx:
        await tx.announcements.posting(told, clock())
    due.clear()
    async with memory.begin() as tx:
        await tx.announcements.moved(told, "C9", clock())
    assert due == [{Work.ANNOUNCE}]
    again = await the_only(memory, clock)
    assert (again.channel, again.ts, again.started_at) == ("C9", None, None)


async def test_one_that_somebody_deleted_is_posted_anew_once(memory, clock, due):
    await announce(memory, clock)
    await say(memory, await the_only(memory, clock))
    async with memory.begin() as tx:
        await tx.announcements.again("digest:1", clock())
    told = await the_only(memory, clock)
    async with memory.begin() as tx:
        await tx.announcements.posting(told, clock())
        await tx.announcements.again("digest:1", clock())
    due.clear()
    async with memory.begin() as tx:
        await tx.announcements.unposted(told)
    assert due == [{Work.ANNOUNCE}]
    anew = await the_only(memory, clock)
    assert (anew.ts, anew.started_at) == (None, None)
    await say(memory, anew, "2.2")
    clock.advance(days=1)
    assert await claim(memory, clock) == [], "what it was to tell is told"


async def test_what_the_dead_were_saying_is_due_at_once_and_that_of_the_living_stays_theirs(memory, clock, due):
    await announce(memory, clock, "a")
    await the_only(memory, clock, "dead")
    await announce(memory, clock, "b")
    await the_only(memory, clock, "alive")
    await announce(memory, clock, "c")
    await say(memory, await the_only(memory, clock))
    due.clear()
    async with memory.begin() as tx:
        await tx.announcements.free(["alive"])
    assert due == [{Work.ANNOUNCE}]
    assert [told.key for told in await claim(memory, clock)] == ["a"]
    due.clear()
    async with memory.begin() as tx:
        await tx.announcements.free(["alive", "me"])
    assert due == []


async def test_one_that_was_put_off_is_said_at_once_when_it_changes(memory, clock):
    await announce(memory, clock)
    told = await the_only(memory, clock)
    async with memory.begin() as tx:
        await tx.announcements.later(told, clock() + timedelta(hours=1))
        await tx.announcements.again("digest:1", clock())
    assert await claim(memory, clock)


@pytest.mark.parametrize("why", ["moved", "unposted", "free"])
async def test_one_that_changes_while_it_waits_for_its_next_post_is_told_by_that_and_not_once_more(memory, clock, why):
    await announce(memory, clock)
    await say(memory, await the_only(memory, clock))
    async with memory.begin() as tx:
        await tx.announcements.again("digest:1", clock())
    told = await the_only(memory, clock)
    async with memory.begin() as tx:
        match why:
            case "moved":
                await tx.announcements.moved(told, "C9", clock())
                assert (await tx.announcements.get("digest:1")).ts is None, "it is posted anew there"
            case "unposted":
                await tx.announcements.unposted(told)
            case "free":
                await tx.announcements.free(["another"])
        await tx.announcements.again("digest:1", clock())
    await say(memory, await the_only(memory, clock))
    assert await claim(memory, clock) == []


async def test_what_waits_for_tomorrow_still_does_so_when_nobody_is_alive(memory, clock):
    async with memory.begin() as tx:
        await tx.announcements.announce("digest:1", "digest", "C1", ABOUT, clock() + timedelta(days=1))
        await tx.announcements.free([])
    assert await claim(memory, clock) == []
