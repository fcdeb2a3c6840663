"""Straight after a swap: what the new login carries, what became of the old one, and of accounts it does not reach."""

from dataclasses import replace
from datetime import timedelta

import pytest
from practice_memory import a_grant, an_account, drop, tokens

from bot.logins.refresh import renew_at
from bot.memory.storms import StormRule
from bot.reauthorize.restore import NO_ACCESS, NOT_LASTING, Proof, Restore
from bot.words.connection import Account, Identity, Reach
from bot.words.errors import Refused
from platforms import open_gateways
from storage import new_key, open_memory

AHEAD = timedelta(minutes=10)
CLIENT = {"client_id": "c", "client_secret": "s", "developer_token": "d"}
GOOGLE, SALESFORCE = "google_ads", "salesforce"
ANN, BEN = Identity("ann", "ann@example.com"), Identity("ben", "ben@example.com")


@pytest.fixture
async def restore(memory, clock):
    sections = {GOOGLE: CLIENT, SALESFORCE: {"client_id": "c", "client_secret": "s"}}
    gateways = open_gateways(sections, timeout=timedelta(seconds=1), now=clock)
    yield Restore(memory, gateways, clock, AHEAD, StormRule(after=3, window=timedelta(minutes=5)))
    await gateways.aclose()


@pytest.fixture
async def two(memory, clock):
    """Two accounts of Ann's login at Salesforce, where each token is given back by itself."""
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock(), platform=SALESFORCE)
        two = [await an_account(tx, grant, clock(), account) for account in ("111", "222")]
        await tx.connections.claim_checks(clock(), 9)
        return two


def proof(person, *accounts, fresh=None):
    named = tuple(Account(account, f"{account} is its name now", "EUR", "UTC") for account in accounts)
    return Proof(fresh or tokens("access-2", "refresh-2"), person, named)


async def swapped(memory, restore, platform, proof, reached):
    async with memory.begin() as tx:
        return await restore.swap(tx, platform, proof, reached, proof.identity.login)


async def given_back(memory, clock):
    async with memory.begin() as tx:
        found = await tx.revocations.claim(clock() + timedelta(days=1), 9)
    return [(platform, token.reveal(), person) for _, platform, token, person in found]


async def test_a_login_that_came_back_is_checked_at_once_under_its_accounts_new_name_and_renewed_in_time(
    memory, restore, two, clock
):
    ends = clock() + timedelta(hours=1)
    async with memory.begin() as tx:
        await drop(tx, clock(), *two)
        await tx.connections.set_authorized([each.id for each in two], False)
        await tx.connections.set_enabled(two[1].id, False)
        two[1] = await tx.connections.get(two[1].id)
    fresh = tokens("access-2", "refresh-2", expires_at=ends)
    clock.advance(minutes=1)
    done = await swapped(memory, restore, SALESFORCE, proof(ANN, "111", "222", fresh=fresh), two)

    assert ((), two[0].grant_id) == (done.missing, done.grant.id)
    async with memory.begin() as tx:
        held = await tx.connections.some([each.id for each in two])
        assert [True, True] == [each.authorized for each in held]
        assert {"111 is its name now", "222 is its name now"} == {each.account.name for each in held}
        assert [two[0].id] == [due.id for due in await tx.connections.claim_checks(clock(), 9)]
        assert fresh.refresh_token == (await tx.grants.tokens(done.grant.id)).refresh_token
        renewal = renew_at(fresh, clock(), AHEAD)
        assert [] == await tx.grants.claim_renewals(renewal - timedelta(seconds=1), 9)
        assert [done.grant.id] == [grant.id for grant in await tx.grants.claim_renewals(renewal, 9)]
    assert [(SALESFORCE, "refresh-1", "ann")] == await given_back(memory, clock)


async def test_somebody_elses_login_takes_over_and_the_old_one_is_forgotten_with_its_last_account(
    memory, restore, two, clock
):
    first, second = two
    done = await swapped(memory, restore, SALESFORCE, proof(BEN, "111"), [first])
    async with memory.read() as tx:
        assert {(first.id, "ben@example.com")} == {
            (c.id, c.login) for c in await tx.connections.of_grant(done.grant.id)
        }
        assert [second.id] == [each.id for each in await tx.connections.of_grant(second.grant_id)]
    assert [] == await given_back(memory, clock)

    more = proof(BEN, "111", "222", fresh=tokens("access-3", "refresh-2"))
    await swapped(memory, restore, SALESFORCE, more, [second])

    async with memory.read() as tx:
        assert await tx.grants.tokens(second.grant_id) is None
        assert 2 == len(await tx.connections.of_grant(done.grant.id))
    assert [(SALESFORCE, "refresh-1", "ann")] == await given_back(memory, clock), "the same refresh token came again"


async def test_where_revoking_ends_all_of_a_person_only_a_login_that_is_left_is_given_back(memory, restore, clock):
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock())
        connection = await an_account(tx, grant, clock())
    await swapped(memory, restore, GOOGLE, proof(ANN, "111"), [connection])
    assert [] == await given_back(memory, clock)

    await swapped(memory, restore, GOOGLE, proof(BEN, "111"), [connection])

    assert [(GOOGLE, "refresh-2", "ann")] == await given_back(memory, clock)


async def test_accounts_that_another_login_does_not_reach_stay_lost_in_outages_of_their_own(
    memory, restore, two, clock
):
    first, second = two
    async with memory.begin() as tx:
        third = await an_account(tx, await tx.grants.get(first.grant_id), clock(), "333")
        outage = await drop(tx, clock(), first, second, third)
        await tx.outbox.claim(clock(), 9, "me", AHEAD)
    clock.advance(minutes=2)
    done = await swapped(memory, restore, SALESFORCE, proof(BEN, "111"), [first])

    assert {second.id, third.id} == {each.id for each in done.missing}
    async with memory.begin() as tx:
        healing = await tx.outages.get(outage.id)
        alone = [await tx.outages.open_of_connection(each.id) for each in (second, third)]
        said = {(saying.outage_id, saying.kind) for saying in await tx.outbox.claim(clock(), 9, "me", AHEAD)}
    assert ("ben@example.com", (first.id,)) == (healing.reauthorized_by, tuple(healing.connection_ids))
    partly = next(event for event in healing.timeline if event.what == "partly")
    assert {"Account 222", "Account 333"} == set(partly.detail.split(", "))
    kept = (Reach.ACCOUNT, outage.remedy, outage.cause, outage.last_good_at, "C1", "ann@example.com", first.grant_id)
    for each in alone:
        assert kept == (each.reach, each.remedy, each.cause, each.last_good_at, each.channel, each.login, each.grant_id)
        assert clock() == each.opened_at
    assert alone[0].id != alone[1].id
    assert {alone[0].storm, alone[1].storm} != {None}, "three at once are a storm here"
    assert said


async def test_an_account_that_goes_on_alone_is_alerted_and_the_thread_says_which_it_was(memory, restore, two, clock):
    first, second = two
    async with memory.begin() as tx:
        outage = await drop(tx, clock(), first, second)
        await tx.outages.alerted(outage.id, "C1", "17.1", clock())
    await swapped(memory, restore, SALESFORCE, proof(BEN, "111"), [first])

    async with memory.begin() as tx:
        healing, alone = await tx.outages.get(outage.id), await tx.outages.open_of_connection(second.id)
        said = await tx.outbox.claim(clock(), 9, "me", AHEAD)
    (partly,) = (event for event in healing.timeline if event.what == "partly")
    assert ("", "Account 222") == (partly.who, partly.detail)
    assert alone.id in {saying.outage_id for saying in said if saying.kind == "message"}
    told = [(saying.outage_id, saying.detail) for saying in said if saying.what == "partly"]
    assert [(outage.id, {"missing": ["Account 222"]})] == told


async def test_an_outage_that_is_catching_up_is_not_begun_anew_by_another_login(memory, restore, two, clock):
    """One login brings both of its accounts back at once, and somebody else logs in while they catch up."""
    async with memory.begin() as tx:
        outage = await drop(tx, clock(), *two)
    await swapped(memory, restore, SALESFORCE, proof(ANN, "111", "222"), two)
    begun = await one(memory, outage)
    clock.advance(minutes=1)
    await swapped(memory, restore, SALESFORCE, proof(BEN, "111", "222", fresh=tokens("access-3", "refresh-3")), two)

    assert begun == await one(memory, outage)
    assert ["reauthorized"] == [event.what for event in begun.timeline if event.who]


async def one(memory, outage):
    async with memory.read() as tx:
        return await tx.outages.get(outage.id)


async def test_a_login_that_comes_back_under_a_new_address_is_shown_under_it(memory, restore, two):
    moved = Identity(ANN.id, "ann.lee@example.com")
    done = await swapped(memory, restore, SALESFORCE, proof(moved, "111", "222"), two)

    assert moved == done.grant.identity
    async with memory.read() as tx:
        assert {moved.login} == {each.login for each in await tx.connections.of_grant(done.grant.id)}


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_while_a_login_is_swapped_nobody_else_takes_up_the_one_it_takes_accounts_from(
    memory, restore, two, clock
):
    """Its other account stays: no row of that login is written, so nothing but a lock keeps a loss from being told."""
    first, second = two
    async with memory.begin() as tx:
        await tx.grants.renew_at(second.grant_id, clock())
    async with memory.begin() as swapping, memory.begin() as other:
        await restore.swap(swapping, SALESFORCE, proof(BEN, "111"), [first], BEN.login)
        assert [] == await other.grants.claim_renewals(clock(), 9)
    async with memory.begin() as tx:
        assert [second.grant_id] == [grant.id for grant in await tx.grants.claim_renewals(clock(), 9)]


async def test_what_the_same_login_does_not_reach_any_more_needs_access_and_no_other_login(memory, restore, two, clock):
    first, second = two
    async with memory.begin() as tx:
        await drop(tx, clock(), first, second)
        await tx.connections.set_authorized([first.id, second.id], False)
    clock.advance(minutes=2)
    await swapped(memory, restore, SALESFORCE, proof(ANN, "111"), [first])

    async with memory.begin() as tx:
        outage = await tx.outages.open_of_connection(second.id)
        said = [(each.outage_id, each.revision) for each in await tx.outbox.claim(clock(), 9, "me", AHEAD)]
    assert (NO_ACCESS, "AccessDenied") == (outage.cause, outage.remedy)
    told = [event for event in outage.timeline if event.detail == NO_ACCESS.code]
    assert [("disconnected", clock(), "")] == [(event.what, event.at, event.who) for event in told]
    assert (outage.id, outage.revision) in said


@pytest.mark.parametrize(
    ("lasts", "fresh"),
    [
        (False, {"expires_at": timedelta(hours=23, minutes=59)}),
        (True, {"expires_at": timedelta(days=1)}),
        (True, {"expires_at": None}),
    ],
)
async def test_a_first_login_without_a_refresh_token_must_live_for_a_day(memory, restore, clock, lasts, fresh):
    ends = fresh["expires_at"]
    short = tokens("access-2", None, expires_at=ends and clock() + ends)
    new = proof(BEN, "111", fresh=short)
    if lasts:
        assert BEN == (await swapped(memory, restore, GOOGLE, new, [])).grant.identity
        return
    with pytest.raises(Refused, match=NOT_LASTING) as refused:
        await swapped(memory, restore, GOOGLE, new, [])
    assert "no_refresh_token" == refused.value.code


async def test_a_login_without_a_refresh_token_goes_on_with_the_one_that_this_person_gave_before(
    memory, restore, two, clock
):
    short = tokens("access-2", None, expires_at=clock() + timedelta(hours=1))
    new = replace(proof(ANN, "111"), tokens=short)
    done = await swapped(memory, restore, SALESFORCE, new, two[:1])

    async with memory.read() as tx:
        held = await tx.grants.tokens(done.grant.id)
    assert ("access-2", "refresh-1") == (held.access_token.reveal(), held.refresh_token.reveal())
    assert [] == await given_back(memory, clock)


async def test_a_login_whose_key_is_gone_is_replaced_and_its_old_tokens_are_neither_used_nor_given_back(
    memory, restore, two, database_url, keys, clock
):
    other = await open_memory(database_url, [new_key(["k1"]), *keys], on_due=None, now=clock)
    async with other.begin() as tx:
        held = await tx.grants.get(two[0].grant_id)
        await tx.grants.replace(held, await tx.grants.tokens(held.id), clock())
    await other.close()
    short = tokens("access-2", None, expires_at=clock() + timedelta(hours=1))
    with pytest.raises(Refused, match=NOT_LASTING):
        await swapped(memory, restore, SALESFORCE, proof(ANN, "111", fresh=short), two[:1])
    done = await swapped(memory, restore, SALESFORCE, proof(ANN, "111", "222"), two)

    async with memory.read() as tx:
        assert "refresh-2" == (await tx.grants.tokens(done.grant.id)).refresh_token.reveal()
    assert [] == await given_back(memory, clock)
