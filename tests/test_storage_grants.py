"""Grants: sealed tokens, generations, and the refresh protocol's three questions."""

import asyncio
from datetime import timedelta

import pytest
from practice_memory import a_grant, an_account, tokens

from bot.memory.memory import SealBroken, Work
from bot.words.connection import Identity
from bot.words.errors import Fenced
from storage import new_key, open_memory


async def test_a_grant_comes_back_as_it_was_stored(memory, clock):
    ends = clock() + timedelta(hours=1)
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock(), scopes=("a", "b"), kept={"instance_url": "https://x"}, expires_at=ends)
    async with memory.read() as tx:
        assert grant == await tx.grants.get(grant.id)
        assert [grant] == await tx.grants.all()
        assert grant == await tx.grants.of_identity("google_ads", "ann")
        assert await tx.grants.of_identity("salesforce", "ann") is None
        held = await tx.grants.tokens(grant.id)
    assert (grant.generation, grant.identity.login, grant.scopes) == (1, "ann@example.com", ("a", "b"))
    assert (ends, {"instance_url": "https://x"}) == (grant.expires_at, grant.kept)
    assert tokens(scopes=("a", "b"), kept={"instance_url": "https://x"}, expires_at=ends) == held


async def test_a_second_grant_of_the_same_person_is_fenced_off(memory, clock):
    async with memory.begin() as tx:
        await a_grant(tx, clock())
    with pytest.raises(Fenced):
        async with memory.begin() as tx:
            await a_grant(tx, clock())


async def test_new_tokens_replace_the_old_ones_once_per_generation(memory, clock):
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock())
    async with memory.begin() as tx:
        newer = await tx.grants.replace(grant, tokens("access-2", "refresh-2"), clock.advance(minutes=1))
    with pytest.raises(Fenced):
        async with memory.begin() as tx:
            await tx.grants.replace(grant, tokens("access-3", "refresh-3"), clock())
    async with memory.read() as tx:
        assert tokens("access-2", "refresh-2") == await tx.grants.tokens(grant.id)
    assert (2, clock()) == (newer.generation, newer.refreshed_at)


async def test_of_eight_replacements_at_once_one_wins(memory, clock):
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock())

    async def replace(number: int) -> bool:
        try:
            async with memory.begin() as tx:
                await tx.grants.replace(grant, tokens(f"access-{number}"), clock())
        except Fenced:
            return False
        return True

    won = await asyncio.gather(*(replace(number) for number in range(8)))
    async with memory.read() as tx:
        held = await tx.grants.tokens(grant.id)
    assert [1, f"access-{won.index(True)}"] == [sum(won), held.access_token.reveal()]


async def test_what_the_answer_left_out_is_kept(memory, clock):
    ends = clock() + timedelta(days=60)
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock(), scopes=("a",), kept={"url": "https://x"}, refresh_expires_at=ends)
        stored = await tx.grants.replace(grant, tokens("access-2", None, kept={"more": "1"}), clock())
        held = await tx.grants.tokens(grant.id)
    assert (("a",), {"url": "https://x", "more": "1"}, ends) == (stored.scopes, stored.kept, stored.refresh_expires_at)
    assert held.refresh_token.reveal() == "refresh-1"


async def test_another_persons_refresh_token_is_never_carried_over(memory, clock):
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock(), scopes=("a",))
        bob = Identity("bob", "bob@example.com")
        stored = await tx.grants.replace(grant, tokens("access-2", None), clock(), identity=bob)
        held = await tx.grants.tokens(grant.id)
    assert (bob, ()) == (stored.identity, stored.scopes)
    assert held.refresh_token is None


async def test_a_person_has_one_grant_even_after_a_change_of_identity(memory, clock):
    async with memory.begin() as tx:
        await a_grant(tx, clock(), "ann")
        bob = await a_grant(tx, clock(), "bob")
    with pytest.raises(Fenced):
        async with memory.begin() as tx:
            await tx.grants.replace(bob, tokens(), clock(), identity=Identity("ann", "ann@example.com"))


async def test_a_refresh_begins_only_where_none_is_under_way(memory, clock):
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock())
        assert await tx.grants.begin_refreshes([grant], clock())
        assert not await tx.grants.begin_refreshes([grant], clock())
        assert clock() == (await tx.grants.get(grant.id)).refresh_started_at
        await tx.grants.end_refreshes([grant])
        assert await tx.grants.begin_refreshes([grant], clock())
        newer = await tx.grants.replace(grant, tokens("access-2"), clock())
        assert newer.refresh_started_at is None
        assert not await tx.grants.begin_refreshes([grant], clock())


async def test_a_loss_is_told_to_one_caller_for_each_generation(memory, clock):
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock())
        await tx.grants.begin_refreshes([grant], clock())

    async def mark() -> bool:
        async with memory.begin() as tx:
            return await tx.grants.mark_lost(grant, clock())

    assert sum(await asyncio.gather(*(mark() for _ in range(6)))) == 1
    async with memory.begin() as tx:
        lost = await tx.grants.get(grant.id)
        assert (clock(), None) == (lost.lost_at, lost.refresh_started_at)
        newer = await tx.grants.replace(lost, tokens("access-2"), clock())
        assert newer.lost_at is None
        assert not await tx.grants.mark_lost(grant, clock())
        assert await tx.grants.mark_lost(newer, clock())


async def test_a_due_renewal_is_claimed_once_and_comes_again_if_nobody_finished_it(memory, clock, due):
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock())
        await tx.grants.renew_at(grant.id, clock() + timedelta(minutes=10))
        assert await tx.grants.claim_renewals(clock(), 10) == []
    assert due == []
    clock.advance(minutes=10)
    async with memory.begin() as tx:
        assert [grant] == await tx.grants.claim_renewals(clock(), 10)
        assert await tx.grants.claim_renewals(clock.advance(minutes=4), 10) == []
        assert [grant] == await tx.grants.claim_renewals(clock.advance(minutes=1), 10)
        await tx.grants.renew_at(grant.id, clock())
    assert [{Work.RENEW}] == due


async def test_a_lost_or_forgotten_grant_is_not_renewed(memory, clock):
    async with memory.begin() as tx:
        for person in ("ann", "bob"):
            await tx.grants.renew_at((await a_grant(tx, clock(), person)).id, clock())
        ann, bob = await tx.grants.all()
        await tx.grants.mark_lost(ann, clock())
        await tx.grants.forget(bob.id)
        assert await tx.grants.claim_renewals(clock(), 10) == []


async def test_a_forgotten_grant_keeps_its_row_and_cannot_get_old_tokens_back(memory, clock):
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock())
        await an_account(tx, grant, clock())
        await tx.grants.forget(grant.id)
        assert await tx.grants.tokens(grant.id) is None
        assert grant.identity == (await tx.grants.get(grant.id)).identity
        with pytest.raises(Fenced):
            await tx.grants.replace(grant, tokens("access-2"), clock())


async def test_tokens_do_not_open_without_their_key(memory, clock, database_url):
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock())
    other = await open_memory(database_url, [new_key()], on_due=None, now=clock)
    async with other.read() as tx:
        with pytest.raises(SealBroken, match="does not open"):
            await tx.grants.tokens(grant.id)
    async with other.begin() as tx:
        await tx.grants.replace(grant, tokens("access-2", None), clock())
        assert (await tx.grants.tokens(grant.id)).refresh_token is None
    await other.close()


async def test_a_login_with_no_time_to_renew_it_is_not_renewed(memory, clock, due):
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock())
        await tx.grants.renew_at(grant.id, clock())
    due.clear()
    async with memory.begin() as tx:
        await tx.grants.renew_at(grant.id, None)
    assert due == []


async def test_logins_are_listed_in_the_order_they_were_made_without_the_bots_own(memory, clock):
    async with memory.begin() as tx:
        made = [await a_grant(tx, clock(), f"p{n}") for n in range(6)]
        await a_grant(tx, clock(), "bot", "slack")
        old = await a_grant(tx, clock() - timedelta(seconds=1), "old")
        assert await tx.grants.all() == [old, *sorted(made, key=lambda grant: grant.id)]
    assert all(grant.id.startswith("gra_") and grant.refreshable for grant in made)


async def test_many_are_opened_at_once_each_as_it_is(memory, clock, database_url, keys):
    ends = clock() + timedelta(days=60)
    async with memory.begin() as tx:
        ann = await a_grant(tx, clock(), "ann", refresh_expires_at=ends)
        bob, cy = [await a_grant(tx, clock(), person) for person in ("bob", "cy")]
        await tx.grants.forget(bob.id)
        bob = await tx.grants.get(bob.id)
        assert await tx.grants.opened([ann.id, bob.id, "gra_unknown"]) == {
            ann.id: (ann, tokens(refresh_expires_at=ends)),
            bob.id: (bob, None),
        }
    other = await open_memory(database_url, [new_key(["k1"]), *keys], on_due=None, now=clock)
    async with other.begin() as tx:
        cy = await tx.grants.replace(cy, tokens("access-2"), clock())
    await other.close()
    async with memory.read() as tx:
        found = await tx.grants.opened([ann.id, cy.id])
    assert found[ann.id][1] == tokens(refresh_expires_at=ends)
    assert found[cy.id][0] == cy
    assert isinstance(found[cy.id][1], SealBroken), "that one is under a key which we do not have"


async def test_the_end_of_one_refresh_is_not_that_of_another_or_of_a_newer_one(memory, clock):
    async with memory.begin() as tx:
        ann, bob = await a_grant(tx, clock(), "ann"), await a_grant(tx, clock(), "bob")
        assert await tx.grants.begin_refreshes([ann, bob], clock()) == {ann.id, bob.id}
        await tx.grants.end_refreshes([ann])
        assert (await tx.grants.get(ann.id)).refresh_started_at is None
        assert (await tx.grants.get(bob.id)).refresh_started_at == clock()
        newer = await tx.grants.replace(bob, tokens("access-2"), clock())
        await tx.grants.begin_refreshes([newer], clock())
        await tx.grants.end_refreshes([bob])
        assert (await tx.grants.get(bob.id)).refresh_started_at == clock()


async def test_what_was_forgotten_is_renewed_by_nobody_and_begins_afresh(memory, clock):
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock(), expires_at=clock(), refresh_expires_at=clock())
        await tx.grants.renew_at(grant.id, clock())
        await tx.grants.begin_refreshes([grant], clock())
        await tx.grants.forget(grant.id)
        gone = await tx.grants.get(grant.id)
        assert (gone.refresh_started_at, gone.expires_at, gone.refresh_expires_at) == (None, None, None)
        await tx.grants.replace(gone, tokens(), clock())
        assert await tx.grants.claim_renewals(clock(), 9) == [], "its new tokens have a date of their own"
        await tx.grants.forget(grant.id)
        await tx.grants.renew_at(grant.id, clock())
        assert await tx.grants.claim_renewals(clock(), 9) == []


async def test_a_renewal_that_a_dead_replica_had_claimed_is_due_again_and_one_that_is_done_is_not(memory, clock):
    async with memory.begin() as tx:
        for person in ("ann", "bob"):
            grant = await a_grant(tx, clock(), person)
            await tx.grants.renew_at(grant.id, clock())
        done, left = await tx.grants.claim_renewals(clock(), 9, "dead")
        await tx.grants.renew_at(done.id, clock() + timedelta(hours=1))
        await tx.replicas.free(["alive"])
        assert [grant.id for grant in await tx.grants.claim_renewals(clock(), 9, "alive")] == [left.id]
