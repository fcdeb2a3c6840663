"""What is done to one login, outage, message or link is done to no other."""

from dataclasses import replace
from datetime import timedelta

import pytest
from practice_memory import LEASE, LOST, a_grant, an_account, drop, tokens

from bot.memory.entrances import GuestLink
from bot.memory.memory import Work
from bot.words.connection import Consent, Event, Reach, Secret

MINUTES = timedelta(minutes=10)


@pytest.fixture
async def outages(memory, clock):
    """Five of one platform, each of another login."""
    async with memory.begin() as tx:
        made = []
        for person in ("ann", "bob", "cy", "di", "ed"):
            account = await an_account(tx, await a_grant(tx, clock(), person), clock(), person)
            made.append(await drop(tx, clock(), account))
    return made


async def claim(memory, clock, limit=10):
    async with memory.begin() as tx:
        return await tx.outbox.claim(clock(), limit, "me", LEASE)


async def say_all(memory, clock):
    """Everything that can be said now, in its order."""
    told = []
    while some := await claim(memory, clock):
        for saying in some:
            async with memory.begin() as tx:
                await tx.outbox.said(saying, clock())
        told += some
    return told


async def reply(memory, clock, outage, what, revision, **detail):
    async with memory.begin() as tx:
        await tx.outbox.say_reply(outage.id, what, revision, detail, clock())


async def alerted(memory, clock, *outages):
    async with memory.begin() as tx:
        for number, outage in enumerate(outages):
            await tx.outages.alerted(outage.id, "C1", f"{number}.1", clock())


async def test_what_happens_to_one_login_happens_to_no_other(memory, clock):
    async with memory.begin() as tx:
        ends = clock() + timedelta(hours=1)
        others = [await a_grant(tx, clock(), "bob"), await a_grant(tx, clock(), "ann", "salesforce")]
        ann = await a_grant(tx, clock(), "ann", expires_at=ends, refresh_expires_at=ends)
        for other in others:
            await tx.grants.renew_at(other.id, ends)
        await tx.grants.authorized_by(ann.id, "U1")
        await tx.grants.renew_at(ann.id, clock())
        held = await tx.grants.held(ann.id)
        assert ("U1", held) == (held.authorized_by, await tx.grants.get(ann.id))
        assert await tx.grants.held("gra_unknown") is None
        assert [ann.id] == [grant.id for grant in await tx.grants.claim_renewals(clock(), 9)]
        assert {ann.id} == await tx.grants.begin_refreshes([ann], clock())
        await tx.grants.end_refreshes([ann])
        ann = await tx.grants.replace(ann, tokens("access-2", None, expires_at=ends + MINUTES), clock())
        assert (ends + MINUTES, ends) == (ann.expires_at, ann.refresh_expires_at)
        assert {ann.id} == await tx.grants.begin_refreshes([ann], clock())
        assert await tx.grants.mark_lost(ann, clock())
        assert clock() == (await tx.grants.get(ann.id)).lost_at
        await tx.grants.forget(ann.id)
        gone = await tx.grants.get(ann.id)
        assert (ann.generation + 1, False) == (gone.generation, gone.refreshable)
        assert {None} == {gone.expires_at, gone.refresh_expires_at, gone.refresh_started_at}

        for other in others:
            assert other == await tx.grants.get(other.id)
            assert tokens() == await tx.grants.tokens(other.id)
        claimed = await tx.grants.claim_renewals(ends, 9)
        assert {other.id for other in others} == {grant.id for grant in claimed}


async def test_a_person_is_found_on_their_platform_and_while_the_login_lives(memory, clock):
    async with memory.begin() as tx:
        made = [await a_grant(tx, clock(), person) for person in ("ann", "bob")]
        far = await a_grant(tx, clock.advance(seconds=1), "ann", "salesforce")
        made += [far] + [await a_grant(tx, clock.advance(seconds=1), person) for person in ("cy", "di", "ed")]
        ann, bob = made[:2]
        assert ann == await tx.grants.living("google_ads", "ann") == await tx.grants.of_identity("google_ads", "ann")
        assert bob == await tx.grants.living("google_ads", "bob")
        assert await tx.grants.living("hubspot", "ann") is None
        assert [far, *made[3:]] == (await tx.grants.all())[2:], "the oldest first"
        await tx.grants.mark_lost(ann, clock())
        await tx.grants.forget(bob.id)
        assert await tx.grants.living("google_ads", "ann") is None
        assert await tx.grants.living("google_ads", "bob") is None
        assert far == await tx.grants.living("salesforce", "ann")
        assert bob.id == (await tx.grants.of_identity("google_ads", "bob")).id


async def test_the_oldest_renewals_are_claimed_first(memory, clock):
    async with memory.begin() as tx:
        made = [await a_grant(tx, clock(), person) for person in ("ann", "bob", "cy", "di", "ed")]
        for minutes, grant in enumerate(reversed(made)):
            await tx.grants.renew_at(grant.id, clock() + timedelta(minutes=minutes))
        clock.advance(hours=1)
        claimed = [(await tx.grants.claim_renewals(clock(), 1))[0].id for _ in made]
    assert [grant.id for grant in reversed(made)] == claimed


async def test_what_happens_to_one_outage_happens_to_no_other(memory, clock, outages):
    one, *others = outages
    async with memory.begin() as tx:
        extra = await an_account(tx, await tx.grants.get(one.grant_id), clock(), "more")
        await tx.outages.join(one.id, [extra.id])
        await tx.outages.claim(one.id, "U1", clock())
        await tx.outages.snooze(one.id, clock())
        claimed = await tx.outages.held(one.id)
        assert ("U1", clock(), clock()) == (claimed.claimed_by, claimed.claimed_at, claimed.snoozed_until)
        await tx.outages.alerted(one.id, "C9", "9.9", clock())
        await tx.outages.unposted(one.id, "another post")
        assert "9.9" == (await tx.outages.get(one.id)).ts, "a post that is gone already says nothing about this one"
        await tx.outages.moved(one.id, "C8")
        assert (None, "C8") == ((await tx.outages.get(one.id)).ts, (await tx.outages.get(one.id)).channel)
        await tx.outages.event(one.id, Event(clock(), "claimed", "U1", "why"))
        await tx.outages.stalled(one.id, clock())
        await tx.outages.reauthorized(one.id, "ann", clock())
        done = await tx.outages.get(one.id)
        assert ("ann", clock(), None, None) == (
            *(done.reauthorized_by, done.reauthorized_at),
            *(done.stalled_at, done.snoozed_until),
        )
        await tx.outages.lost_again(one.id, replace(LOST, vendor="again"), "AuthorizationLost", clock())
        again = await tx.outages.get(one.id)
        assert ("again", None, None) == (again.cause.vendor, again.claimed_by, again.claimed_at)
        await tx.outages.leave(one.id, [extra.id])
        await tx.outages.close(one.id, {"n": 1}, {"m": 2}, clock())
        await tx.outages.reopen(one.id, [extra.id], one.grant_id, "new@example.com", LOST, "AuthorizationLost")
        back = await tx.outages.get(one.id)
        assert ((extra.id,), "new@example.com", None, None) == (
            *(back.connection_ids, back.login),
            *(back.closed_at, back.caught_up_at),
        )
        assert ({}, {}) == (back.recovered, back.lost)
        for other in others:
            assert other == await tx.outages.get(other.id)
            assert other == await tx.outages.open_of_grant(other.grant_id)


async def test_what_caught_up_lately_is_the_newest_end_of_these_accounts(memory, clock):
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock())
        one, two = await an_account(tx, grant, clock(), "1"), await an_account(tx, grant, clock(), "2")
        began, ended = clock(), []
        for account in (one, one, two):
            outage = await drop(tx, clock(), account, reach=Reach.ACCOUNT)
            await tx.outages.close(outage.id, {}, {}, clock.advance(minutes=1))
            ended.append(outage.id)
        switched_off = await drop(tx, clock(), one, reach=Reach.ACCOUNT)
        await tx.outages.close(switched_off.id, {}, {}, clock.advance(minutes=1), caught_up=False)

        async def lately(*accounts, reach=Reach.ACCOUNT, since=began):
            found = await tx.outages.lately_caught_up([account.id for account in accounts], reach, since)
            return found and found.id

        assert (ended[1], ended[2]) == (await lately(one), await lately(one, two))
        assert await lately(one, reach=Reach.GRANT) is None
        assert ended[1] == await lately(one, since=began + timedelta(minutes=2))
        assert await lately(one, since=began + timedelta(minutes=2, seconds=1)) is None
        again = await tx.outages.reopen(ended[1], [one.id], grant.id, "ann", LOST, "AccessDenied")
        assert again is None
        assert ended[0] == await lately(one), "one that goes on has not caught up"


async def test_what_does_not_hold_any_more_is_unsaid_unless_it_may_have_been_said(memory, clock, outages):
    one, other = outages[:2]
    await alerted(memory, clock, one, other)
    for outage, what, revision in ((one, "caught_up", 2), (one, "claimed", 3), (other, "caught_up", 2)):
        await reply(memory, clock, outage, what, revision)

    async def unsay():
        async with memory.begin() as tx:
            await tx.outbox.unsay(one.id, "caught_up")

    await unsay()
    told = {(saying.outage_id, saying.what) for saying in await say_all(memory, clock)}
    assert {(one.id, "claimed"), (other.id, "caught_up")} == told

    await reply(memory, clock, one, "caught_up", 4)
    [saying] = await claim(memory, clock)
    await unsay()
    async with memory.begin() as tx:
        await tx.outbox.free([])
    [saying] = await claim(memory, clock)
    async with memory.begin() as tx:
        await tx.outbox.posting(saying, clock())
        await tx.outbox.later(saying, clock(), unclear=True)
    await unsay()
    assert [saying.key] == [again.key for again in await claim(memory, clock)]


async def test_a_thread_waits_for_its_own_message_and_its_own_replies_only(memory, clock, outages):
    one, other = outages[:2]
    async with memory.begin() as tx:
        await tx.outbox.say_message(other.id, 1, clock())
    await reply(memory, clock, one, "claimed", 2)
    await reply(memory, clock, other, "claimed", 3)
    await alerted(memory, clock, other)
    assert [(other.id, "message"), (other.id, "reply")] == [(s.outage_id, s.kind) for s in await claim(memory, clock)]
    await alerted(memory, clock, one)
    assert [one.id] == [saying.outage_id for saying in await claim(memory, clock)]


async def test_what_waited_longest_is_said_first_and_a_message_before_its_replies(memory, clock, outages):
    await alerted(memory, clock, *outages)
    begun = clock()
    for seconds, outage in enumerate(reversed(outages)):
        await reply(memory, clock, outage, "claimed", 2)
        async with memory.begin() as tx:
            await tx.outbox.say_message(outage.id, 1, begun + timedelta(seconds=seconds))
        clock.advance(seconds=1)
    order = []
    for _ in range(10):
        [saying] = await claim(memory, clock, 1)
        order.append((saying.outage_id, saying.kind))
    assert [(o.id, kind) for o in reversed(outages) for kind in ("message", "reply")] == order


async def test_what_is_done_to_one_post_is_done_to_no_other(memory, clock, outages, due):
    """And a post says of itself when it was, how often it was tried, and until when it may be late."""
    one, other = outages[:2]
    for outage in (one, other):
        async with memory.begin() as tx:
            await tx.outbox.say_message(outage.id, 1, clock())
    begun = clock()
    first, _ = sorted(await claim(memory, clock), key=lambda saying: saying.outage_id != one.id)
    async with memory.begin() as tx:
        await tx.outbox.posting(first, begun)
        await tx.outbox.say_message(one.id, 1, begun + timedelta(minutes=5))
        due.clear()
        await tx.outbox.later(first, begun + MINUTES, unclear=True, elsewhere_at=begun + timedelta(hours=2))
    assert [] == due
    async with memory.begin() as tx:
        await tx.outbox.free(["me"])
        assert 1 == await tx.outbox.waiting()
        assert [] == await tx.notices.overdue(begun + timedelta(hours=1), 9)
        assert [(one.id, 1)] == await tx.notices.overdue(begun + timedelta(hours=2), 9)
    clock.advance(MINUTES)
    [again] = [saying for saying in await claim(memory, clock) if saying.outage_id == one.id]
    assert (1, begun) == (again.attempts, again.started_at)
    async with memory.begin() as tx:
        await tx.outbox.later(again, clock(), elsewhere_at=begun + timedelta(hours=1))
        assert [(one.id, 1)] == await tx.notices.overdue(begun + timedelta(hours=1), 9), "the earlier counts"
    assert {Work.SAY} in due
    [again] = [saying for saying in await claim(memory, clock) if saying.outage_id == one.id]
    assert (2, None) == (again.attempts, again.started_at)
    async with memory.begin() as tx:
        await tx.outbox.posting(again, clock())
        await tx.outbox.said(again, clock())
        assert [] == await tx.notices.overdue(begun + timedelta(hours=9), 9)
        await tx.outbox.say_message(one.id, 2, clock())
        assert [] == await tx.notices.overdue(begun + timedelta(hours=9), 9), (
            "the lateness of one edit is not the next's"
        )
    [edit] = [saying for saying in await claim(memory, clock) if saying.outage_id == one.id]
    assert (0, None) == (edit.attempts, edit.started_at)
    async with memory.begin() as tx:
        await tx.outbox.later(edit, clock(), elsewhere_at=clock())
        assert [(one.id, 2)] == await tx.notices.overdue(clock(), 9)


async def test_posts_of_the_dead_are_due_at_once_and_those_of_the_living_stay_theirs(memory, clock, outages, due):
    for owner, outage in zip(("dead", "alive"), outages, strict=False):
        async with memory.begin() as tx:
            await tx.outbox.say_message(outage.id, 1, clock())
            await tx.outbox.claim(clock(), 10, owner, LEASE)
    async with memory.begin() as tx:
        await tx.outbox.say_message(outages[2].id, 1, clock() + timedelta(hours=1))
    due.clear()
    async with memory.begin() as tx:
        await tx.outbox.free(["alive"])
    assert [{Work.SAY}] == due
    assert [outages[0].id] == [saying.outage_id for saying in await claim(memory, clock)]
    due.clear()
    async with memory.begin() as tx:
        await tx.outbox.free(["alive", "me"])
    assert [] == due


async def test_a_guests_link_opens_one_outage_once_and_is_nobody_elses(memory, clock, outages):
    ends = clock() + MINUTES
    links = [GuestLink(f"gst_{n}", outages[n].id, f"U{n}", n == 0, ends) for n in range(3)]
    async with memory.begin() as tx:
        for link in links:
            await tx.consents.add_guest(link, f"hash-{link.id}")
        for link in links:
            assert link == await tx.consents.guest(f"hash-{link.id}", clock())
            assert link == await tx.consents.guest_by_id(link.id, clock())
        assert await tx.consents.guest("another", clock()) is None
        assert await tx.consents.guest_over("gst_0", clock())
        assert not await tx.consents.guest_over("gst_0", clock())
        assert await tx.consents.guest("hash-gst_0", clock()) is None
        assert await tx.consents.guest_by_id("gst_0", clock()) is None
        assert links[1] == await tx.consents.guest_by_id("gst_1", clock())
        early = clock()
        clock.advance(MINUTES)
        assert await tx.consents.guest_by_id("gst_1", clock()) is None
        assert not await tx.consents.guest_over("gst_1", clock())
        await tx.consents.add_guest(replace(links[2], id="gst_3", expires_at=ends + MINUTES), "hash-gst_3")
        await tx.consents.sweep(clock())
        assert [None, None, None] == [await tx.consents.guest_by_id(link.id, early) for link in links]
        assert await tx.consents.guest_by_id("gst_3", clock()) is not None


async def test_using_one_link_up_uses_up_no_other(memory, clock):
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock())
        for number in range(3):
            await tx.consents.add_link(f"lnk_{number}", "google_ads", f"hash-{number}", f"U{number}", clock() + MINUTES)
        assert ["U0", "U2", ""] == [await tx.consents.asked_by(f"lnk_{number}") for number in (0, 2, 9)]
        assert await tx.consents.link_granted("lnk_0", grant.id, "hash-x")
        assert await tx.consents.link_used("lnk_0", clock())
        assert not await tx.consents.link_granted("lnk_0", grant.id, "hash-y")
        assert ("lnk_1", "google_ads", "") == await tx.consents.link("hash-1", clock())
        await tx.consents.sweep(clock())
        assert ("lnk_2", "google_ads", "") == await tx.consents.link("hash-2", clock())


async def test_one_revocation_done_or_put_off_leaves_the_others(memory, clock, due):
    async with memory.begin() as tx:
        for seconds in (3, 1, 2):
            await tx.revocations.add("google_ads", Secret(str(seconds)), clock() + timedelta(seconds=seconds), "ann")
        clock.advance(seconds=3)
        claimed = [(await tx.revocations.claim(clock(), 1))[0] for _ in range(3)]
        assert [("1", "ann"), ("2", "ann"), ("3", "ann")] == [(token.reveal(), who) for _, _, token, who in claimed]
    due.clear()
    async with memory.begin() as tx:
        await tx.revocations.done(claimed[0][0])
        await tx.revocations.later(claimed[1][0], clock() + timedelta(hours=1))
    assert [] == due
    clock.advance(minutes=5)
    async with memory.begin() as tx:
        assert ["3"] == [token.reveal() for _, _, token, _ in await tx.revocations.claim(clock(), 9)]
        await tx.revocations.later(claimed[1][0], clock())
        assert ["2"] == [token.reveal() for _, _, token, _ in await tx.revocations.claim(clock(), 9)]
    assert [{Work.REVOKE}] == due


async def test_sweeping_leaves_the_consents_that_go_on(memory, clock):
    consents = [Consent(f"cns_{n}", "google_ads", "connect", "lnk_1", Secret("v"), clock(), "U1") for n in range(2)]
    async with memory.begin() as tx:
        for number, consent in enumerate(consents):
            await tx.consents.begin(consent, f"s{number}", "b", clock() + (number + 1) * MINUTES)
        await tx.consents.sweep(clock() + MINUTES)
        assert await tx.consents.take("google_ads", "s0", "b", clock()) is None
        assert consents[1] == await tx.consents.take("google_ads", "s1", "b", clock())
