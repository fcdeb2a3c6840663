"""A storm in the outbox: one message and few replies for hundreds of outages; and whom each row wakes."""

from datetime import timedelta

import pytest
from practice_memory import LEASE, Woken, a_grant, an_account, begin, drop, dropped, many_logins

from bot.memory.memory import Work


async def claim(memory, clock, limit=50):
    async with memory.begin() as tx:
        return await tx.outbox.claim(clock(), limit, "me", LEASE)


async def all_said(memory, clock):
    """Everything that can be said now, in its order."""
    told = []
    while some := await claim(memory, clock):
        for saying in some:
            async with memory.begin() as tx:
                await tx.outbox.said(saying, clock())
        told += some
    return told


async def ask(memory, outage_id, revision, at):
    async with memory.begin() as tx:
        await tx.outbox.say_message(outage_id, revision, at)


async def reply(memory, clock, outage_id, what, revision=2, **detail):
    async with memory.begin() as tx:
        await tx.outbox.say_reply(outage_id, what, revision, detail, clock())


@pytest.fixture
async def storm(memory, clock):
    """The outages of 24 logins; the first one's message tells of all."""
    opened = await begin(memory, clock, await many_logins(memory, clock(), 24), after=1)
    async with memory.begin() as tx:
        await tx.outages.alerted(opened[0].outage_id, "C1", "1.1", clock())
    return [each.outage_id for each in opened]


async def test_what_happens_in_a_storm_within_three_seconds_is_one_edit_of_its_message(memory, clock, storm, due):
    due.clear()
    for n, outage_id in enumerate(storm[1:], 1):
        await ask(memory, outage_id, n, clock())
    assert due == []
    clock.advance(seconds=2.9)
    assert await claim(memory, clock) == []
    clock.advance(seconds=0.1)
    [message] = await claim(memory, clock)
    assert (message.kind, message.what, message.outage_id, message.fence) == ("message", "", storm[0], 1)
    assert message.revision == 0, "it is not the storm's own outage that has changed"


async def test_what_happens_to_the_storms_own_outage_is_said_at_once(memory, clock, storm):
    await ask(memory, storm[0], 2, clock())
    [message] = await claim(memory, clock)
    assert (message.outage_id, message.revision) == (storm[0], 2)


async def test_of_a_storm_its_thread_tells_nothing_but_what_somebody_must_know_of_one_login(memory, clock, storm):
    for what in ("claimed", "reauthorized", "caught_up", "wrong_account", "stalled"):
        await reply(memory, clock, storm[3], what, used="eve@example.com")
    told = await all_said(memory, clock)

    assert {"storm_stalled", "storm_wrong_account"} == {each.what for each in told}
    assert {("reply", storm[0])} == {(each.kind, each.outage_id) for each in told}
    assert all(each.detail == {"used": "eve@example.com", "login": "person03@example.com"} for each in told)
    assert all(each.revision >= 3_000_000 for each in told), "no other reply has such a number"


async def test_twenty_of_each_kind_are_told_and_the_pages_have_the_others(memory, clock, storm):
    for outage_id in storm:
        await reply(memory, clock, outage_id, "stalled")
    await reply(memory, clock, storm[0], "wrong_account")
    told = [each.what for each in await all_said(memory, clock)]
    assert (told.count("storm_stalled"), told.count("storm_wrong_account")) == (20, 1)


async def test_another_storm_has_replies_of_its_own(memory, clock, storm):
    for outage_id in storm:
        await reply(memory, clock, outage_id, "stalled")
    async with memory.begin() as tx:
        account = await an_account(tx, await a_grant(tx, clock(), "zoe", "hubspot"), clock(), "999")
    [other] = await begin(memory, clock, [account], after=1, channel="C2")
    async with memory.begin() as tx:
        await tx.outages.alerted(other.outage_id, "C2", "2.2", clock())
    await reply(memory, clock, other.outage_id, "stalled")
    assert [each.detail["login"] for each in await all_said(memory, clock) if each.outage_id == other.outage_id] == [
        "zoe@example.com"
    ]


async def test_what_is_said_of_the_storm_itself_is_said_however_much_was_told_of_its_logins(memory, clock, storm):
    await reply(memory, clock, storm[0], "storm_over", 9)
    [told] = await claim(memory, clock)
    assert (told.what, told.revision, told.detail) == ("storm_over", 9, {})


async def test_the_same_about_the_same_login_is_told_once_and_anew_when_it_happens_again(memory, clock, storm):
    for revision in (2, 2, 3):
        await reply(memory, clock, storm[5], "wrong_account", revision)
    await reply(memory, clock, storm[6], "wrong_account", 2)
    assert len(await all_said(memory, clock)) == 3


async def test_every_row_wakes_somebody_by_a_key_of_its_own(memory, clock, due):
    """So that a hundred messages are shared by all replicas."""
    async with memory.begin() as tx:
        account = await an_account(tx, await a_grant(tx, clock()), clock())
        outage = await drop(tx, clock(), account)
    memory.wake_ups = Woken()
    due.clear()
    await ask(memory, outage.id, 1, clock())
    await reply(memory, clock, outage.id, "claimed", 2)
    await ask(memory, outage.id, 1, clock() + timedelta(hours=1))
    assert due == [{Work.SAY}] * 2
    assert memory.wake_ups.keys == [{f"message:{outage.id}"}, {f"reply:{outage.id}:claimed:2"}]


async def test_a_message_asked_for_while_a_worker_died_over_it_is_said_when_the_lease_runs_out(memory, clock):
    async with memory.begin() as tx:
        account = await an_account(tx, await a_grant(tx, clock()), clock())
    outage = await dropped(memory, clock(), account)
    await ask(memory, outage.id, 1, clock())
    assert await claim(memory, clock)
    await ask(memory, outage.id, 2, clock())
    clock.advance(LEASE)
    [message] = await claim(memory, clock)
    assert message.revision == 2


async def test_a_reply_that_is_being_said_is_not_unsaid(memory, clock):
    """If the worker dies before it was sent, another says it: nobody knows how far it had got."""
    async with memory.begin() as tx:
        account = await an_account(tx, await a_grant(tx, clock()), clock())
        outage = await drop(tx, clock(), account)
        await tx.outages.alerted(outage.id, "C1", "1.1", clock())
        await tx.outbox.say_reply(outage.id, "claimed", 2, {}, clock())
        await tx.outbox.say_message(outage.id, 5, clock())
    [first] = await claim(memory, clock, 1)
    assert first.kind == "message", "before its replies"
    [saying] = await claim(memory, clock, 1)
    async with memory.begin() as tx:
        await tx.outbox.unsay(outage.id, "claimed")
    clock.advance(LEASE)
    assert saying.key in {again.key for again in await claim(memory, clock)}


async def test_an_outage_beside_a_storm_is_told_by_a_message_of_its_own(memory, clock, storm):
    async with memory.begin() as tx:
        alone = await drop(tx, clock(), await an_account(tx, await a_grant(tx, clock(), "zoe"), clock(), "999"))
        await tx.outages.alerted(alone.id, "C1", "2.2", clock())
        await tx.outbox.say_message(alone.id, 4, clock())
        await tx.outbox.say_reply(alone.id, "claimed", 5, {"who": "U1"}, clock())
        await tx.outbox.say_message(storm[0], 1, clock())
        await tx.outbox.say_reply(storm[0], "storm_grown", 2, {}, clock())
        await tx.outbox.say_message(storm[5], 7, clock())
    told = [(each.outage_id, each.kind, each.detail) for each in await claim(memory, clock)]
    of_one = [(alone.id, "message", {}), (alone.id, "reply", {"who": "U1"})]
    of_the_other = [(storm[0], "message", {}), (storm[0], "reply", {})]
    assert told == sorted([*of_one, *of_the_other], key=lambda each: each[:2])
    clock.advance(LEASE)
    assert {each.outage_id for each in await claim(memory, clock)} == {alone.id, storm[0]}
