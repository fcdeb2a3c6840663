"""Storms in the database: logins lost by the hundred, the outages that share a message, and what is counted of them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from practice_memory import LOST, WINDOW, a_grant, an_account, begin, dropped, many_logins

from bot.memory.storms import LostLogin
from bot.webhooks.happenings import Subscriptions
from bot.words.connection import Event, Reach


@pytest.fixture
async def logins(memory, clock):
    return await many_logins(memory, clock(), 12)


async def lose(memory, clock, connections, generation=1):
    async with memory.begin() as tx:
        return await tx.storms.lose({c.grant_id: generation for c in connections}, clock() - timedelta(days=1), clock())


async def test_only_logins_are_lost_together_of_which_nothing_is_told(memory, clock, logins):
    told, ended, newer, gone, *rest = logins
    await dropped(memory, clock(), told)
    over = await dropped(memory, clock(), ended)
    async with memory.begin() as tx:
        await tx.outages.close(over.id, {}, {}, clock())
        grant = await tx.grants.get(newer.grant_id)
        await tx.grants.replace(grant, await tx.grants.tokens(newer.grant_id), clock())
        await tx.grants.mark_lost(await tx.grants.get(gone.grant_id), clock())
        await tx.connections.set_enabled(rest[0].id, False)

    found = await lose(memory, clock, logins)
    assert set(found) == {c.grant_id for c in rest}
    assert [len(found[c.grant_id]) for c in rest] == [0] + [1] * 7
    assert await lose(memory, clock, logins) == {}
    async with memory.read() as tx:
        assert [c.authorized for c in await tx.connections.some([c.id for c in logins])] == [True] * 4 + [False] * 8
        assert {(await tx.grants.get(c.grant_id)).lost_at for c in rest} == {clock()}


async def test_from_the_fifth_on_they_share_a_message_however_they_come(memory, clock, logins):
    first = await begin(memory, clock, logins[:2])
    second = await begin(memory, clock, logins[2:9])
    clock.advance(minutes=4)
    third = await begin(memory, clock, logins[9:11])
    alone = await begin(memory, clock, logins[11:], after=1, channel="C2")

    fifth = second[2].outage_id
    assert [o.storm for o in [*first, *second, *third]] == [None] * 4 + [fifth] * 7
    assert alone[0].storm == alone[0].outage_id
    async with memory.read() as tx:
        one = await tx.outages.get(fifth)
    assert (one.storm, one.reach, one.cause, one.connection_ids) == (fifth, Reach.GRANT, LOST, (logins[4].id,))
    assert [(e.what, e.detail) for e in one.timeline] == [("disconnected", "revoked")]


async def gathered(memory, clock, connection, after=3):
    """An outage that was opened by itself, and what tells of it then."""
    outage = await dropped(memory, clock(), connection)
    async with memory.begin() as tx:
        await tx.storms.gather(outage, after, WINDOW, clock())
        return outage.id, (await tx.outages.get(outage.id)).storm


async def test_outages_that_open_one_by_one_share_a_message_from_the_third_on(memory, clock, logins):
    told = [await gathered(memory, clock, each) for each in logins[:5]]
    ids = [outage_id for outage_id, _ in told]
    assert [storm for _, storm in told] == [None, None, ids[2], ids[2], ids[2]]
    async with memory.read() as tx:
        assert [(await tx.outages.get(each)).storm for each in ids] == [storm for _, storm in told]


async def test_outages_that_come_slower_than_the_window_do_not_gather(memory, clock, logins):
    for each in logins[:5]:
        assert (await gathered(memory, clock, each))[1] is None
        clock.advance(WINDOW / 2)


async def test_whoever_is_lost_in_a_storm_is_not_refreshed_any_more_and_others_are_left_alone(memory, clock, logins):
    one, other, parted = logins[:3]
    async with memory.begin() as tx:
        for each in (one, other):
            await tx.grants.renew_at(each.grant_id, clock())
            await tx.grants.begin_refreshes([await tx.grants.get(each.grant_id)], clock())
    assert set(await lose(memory, clock, [one])) == {one.grant_id}
    async with memory.begin() as tx:
        lost, spared = [await tx.grants.get(each.grant_id) for each in (one, other)]
        assert (lost.lost_at, lost.refresh_started_at) == (clock(), None)
        assert (spared.lost_at, spared.refresh_started_at) == (None, clock())
        assert [grant.id for grant in await tx.grants.claim_renewals(clock(), 9)] == [other.grant_id]
        assert (await tx.connections.get(parted.id)).authorized


async def test_a_login_that_caught_up_lately_is_looked_at_closer_and_one_that_did_so_long_ago_is_not(
    memory, clock, logins
):
    at_the_edge, long_ago, paused, denied = logins[:4]
    ends = {at_the_edge: timedelta(days=1), long_ago: timedelta(days=1, seconds=1), paused: timedelta(0)}
    for each, before in ends.items():
        outage = await dropped(memory, clock(), each)
        async with memory.begin() as tx:
            await tx.outages.close(outage.id, {}, {}, clock() - before, caught_up=each is not paused)
    outage = await dropped(memory, clock(), denied, reach=Reach.ACCOUNT)
    async with memory.begin() as tx:
        await tx.outages.close(outage.id, {}, {}, clock())
    assert set(await lose(memory, clock, logins[:4])) == {each.grant_id for each in (long_ago, paused, denied)}


async def test_a_login_of_which_an_outage_tells_is_looked_at_closer_even_without_its_accounts(memory, clock, logins):
    left, denied, other, parted = logins[:4]
    standing = await dropped(memory, clock(), left)
    await dropped(memory, clock(), denied, reach=Reach.ACCOUNT)
    own = await dropped(memory, clock(), parted, reach=Reach.ACCOUNT)
    async with memory.begin() as tx:
        await tx.outages.leave(standing.id, [left.id])
        await tx.outages.leave(own.id, [parted.id])
    assert set(await lose(memory, clock, logins[:4])) == {other.grant_id, parted.grant_id}


async def test_outages_of_a_storm_are_like_all_others(memory, clock, logins):
    """The same rows as one that opened by itself has, each account in its place, and whoever subscribed is told."""
    memory._subscriptions = Subscriptions({"hook": frozenset({"outage.opened"})}, "http://127.0.0.1:8080")
    async with memory.begin() as tx:
        second = await an_account(tx, await tx.grants.get(logins[0].grant_id), clock(), "zzz")
        third = await an_account(tx, await tx.grants.get(logins[0].grant_id), clock(), "aaa")
        accounts = [second, logins[0], third]
        lost = LostLogin(accounts, "Misconfigured", LOST, clock() - timedelta(minutes=5), "C1", 5)
        [opened] = await tx.storms.open([lost], WINDOW, clock())
    async with memory.begin() as tx:
        made = await tx.outages.get(opened.outage_id)
        assert [n.outage_id for n in await tx.notices.claim(clock(), 9, WINDOW, endpoint="hook")] == [made.id]
        assert await tx.outages.event(made.id, Event(clock(), "paused")) == 2, "its timeline goes on"
        await tx.outages.close(made.id, {}, {}, clock())
    single = await dropped(memory, clock(), *accounts, remedy="Misconfigured")
    assert made == replace(single, id=made.id)
    assert made.id.startswith("out_")
    assert (opened.platform, opened.cause, opened.told_by) == ("google_ads", "revoked", made.id)


async def test_a_storm_takes_in_what_comes_within_ten_minutes_of_its_last_and_nothing_later(memory, clock, logins):
    [first] = await begin(memory, clock, logins[:1], after=1)
    clock.advance(minutes=9, seconds=59)
    [second] = await begin(memory, clock, logins[1:2])
    assert second.storm == first.outage_id
    clock.advance(minutes=10)
    [third] = await begin(memory, clock, logins[2:3])
    assert third.storm is None


async def test_a_window_longer_than_that_is_kept(memory, clock, logins):
    [first] = await begin(memory, clock, logins[:1], after=1, window=timedelta(hours=1))
    clock.advance(minutes=59)
    [second] = await begin(memory, clock, logins[1:2], window=timedelta(hours=1))
    assert second.storm == first.outage_id


async def test_a_storm_that_is_over_takes_in_nothing_and_of_two_the_newer_does(memory, clock, logins):
    [old] = await begin(memory, clock, logins[:1], after=1)
    async with memory.begin() as tx:
        await tx.outages.close(old.outage_id, {}, {}, clock())
    clock.advance(minutes=1)
    [new] = await begin(memory, clock, logins[1:2], after=1)
    assert new.storm == new.outage_id
    async with memory.begin() as tx:
        await tx.outages.reopen(old.outage_id, [logins[0].id], logins[0].grant_id, "ann", LOST, "AuthorizationLost")
    assert [each.storm for each in await begin(memory, clock, logins[2:4])] == [new.outage_id] * 2


async def test_a_storm_is_of_one_platform_and_one_channel(memory, clock, logins):
    await begin(memory, clock, logins[:3], after=1)
    async with memory.begin() as tx:
        crm = await an_account(tx, await a_grant(tx, clock(), "zoe", "hubspot"), clock(), "900")
    one, two, three = await begin(memory, clock, [crm, logins[3], logins[4]], channel="C2")
    assert [each.storm for each in (one, two, three)] == [None] * 3
    for each in (1, 2):
        assert [o.storm for o in await begin(memory, clock, [logins[4 + each]], channel="C2")] == [None], (
            "counted are those of its own place"
        )


async def test_those_that_open_together_are_counted_with_those_before(memory, clock, logins):
    """The fifth and all after it, when the channel's own limit says five; of several limits, the largest."""
    assert [each.storm for each in await begin(memory, clock, logins[:4])] == [None] * 4
    five, six = await begin(memory, clock, logins[4:6])
    assert [each.storm for each in (five, six)] == [five.outage_id] * 2
