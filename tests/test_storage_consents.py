"""Consents and links: each good for one use, by the browser that began it."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from practice_memory import a_grant

from bot.words.connection import Consent, Secret
from storage import new_key, open_memory

MINUTES = timedelta(minutes=10)


@pytest.fixture
async def consent(memory, clock):
    begun = Consent("cns_1", "google_ads", "reauthorize", "out_1", Secret("the-verifier"), clock(), "U1")
    async with memory.begin() as tx:
        await tx.consents.begin(begun, "state-hash", "browser-hash", clock() + MINUTES)
    return begun


async def take(memory, clock, platform="google_ads", state="state-hash", browser="browser-hash"):
    async with memory.begin() as tx:
        return await tx.consents.take(platform, state, browser, clock())


async def test_a_consent_is_taken_as_it_was_begun_and_by_one_caller(memory, clock, consent):
    taken = await asyncio.gather(*(take(memory, clock) for _ in range(8)))
    assert [consent] == [one for one in taken if one is not None]
    assert await take(memory, clock) is None


async def test_only_a_state_that_was_begun_is_under_way_and_only_until_it_is_used(memory, clock, consent):
    async with memory.read() as tx:
        assert [True, False] == [await tx.consents.under_way(state) for state in ("state-hash", "made-up")]
    await take(memory, clock)
    async with memory.read() as tx:
        assert await tx.consents.under_way("state-hash") is False


@pytest.mark.parametrize("wrong", [{"platform": "salesforce"}, {"state": "other"}, {"browser": "other"}])
async def test_a_stranger_gets_nothing_and_uses_nothing_up(memory, clock, consent, wrong):
    assert await take(memory, clock, **wrong) is None
    assert consent == await take(memory, clock)


async def test_a_consent_ends_with_its_time(memory, clock, consent):
    clock.advance(MINUTES)
    assert await take(memory, clock) is None


async def test_a_consent_without_pkce_has_no_verifier(memory, clock):
    plain = Consent("cns_2", "meta_ads", "connect", "lnk_1", None, clock())
    async with memory.begin() as tx:
        await tx.consents.begin(plain, "s", "b", clock() + MINUTES)
    assert plain == await take(memory, clock, "meta_ads", "s", "b")


async def test_a_consent_begun_under_a_lost_key_has_to_begin_again(memory, clock, consent, database_url):
    other = await open_memory(database_url, [new_key()], on_due=None, now=clock)
    assert await take(other, clock) is None
    await other.close()


async def test_what_ran_out_is_swept_away(memory, clock, consent):
    async with memory.begin() as tx:
        await tx.consents.begin(replace(consent, id="cns_2"), "s2", "b2", clock() + 2 * MINUTES)
        await tx.consents.add_link("lnk_1", "google_ads", "hash", "U1", clock() + MINUTES)
        clock.advance(MINUTES)
        await tx.consents.sweep(clock())
    early = clock.at - MINUTES
    async with memory.begin() as tx:
        assert await tx.consents.take("google_ads", "state-hash", "browser-hash", early) is None
        assert await tx.consents.link("hash", early) is None
        assert await tx.consents.take("google_ads", "s2", "b2", clock()) is not None


async def test_a_link_leads_from_consent_to_choice_and_is_used_once(memory, clock):
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock())
        await tx.consents.add_link("lnk_1", "google_ads", "hash-1", "U1", clock() + MINUTES)
        assert await tx.consents.link("hash-1", clock()) == ("lnk_1", "google_ads", "")
        assert await tx.consents.link_granted("lnk_1", grant.id, "hash-2")
        assert not await tx.consents.link_granted("lnk_1", grant.id, "hash-3"), "a second consent came too late"
        assert await tx.consents.link("hash-1", clock()) is None
        assert ("lnk_1", "google_ads", grant.id) == await tx.consents.link("hash-2", clock())
        assert await tx.consents.link_used("lnk_1", clock())
        assert not await tx.consents.link_used("lnk_1", clock())
        assert await tx.consents.link("hash-2", clock()) is None


async def test_a_link_ends_with_its_time(memory, clock):
    async with memory.begin() as tx:
        await tx.consents.add_link("lnk_1", "google_ads", "hash-1", "U1", clock() + MINUTES)
        assert await tx.consents.link("hash-1", clock.advance(MINUTES)) is None
