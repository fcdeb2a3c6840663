"""Connections: what is shown of them, and when they are checked."""

from datetime import timedelta

import pytest
from practice_memory import a_grant, an_account, connected, drop, dropped, tokens, touch

from bot.memory.memory import Work
from bot.words.connection import Account, Checked, Flow, Identity, Reach, Status
from bot.words.errors import Fenced


async def test_a_connection_comes_back_as_it_was_stored(memory, clock):
    [connection] = await connected(memory, clock())
    async with memory.read() as tx:
        assert connection == await tx.connections.get(connection.id)
        assert [connection] == await tx.connections.all()
        assert [connection] == await tx.connections.of_grant(connection.grant_id)
        assert connection == await tx.connections.of_account("google_ads", "111")
        assert await tx.connections.of_account("google_ads", "222") is None
        assert await tx.connections.get("con_unknown") is None
    assert (connection.login, connection.status) == ("ann@example.com", Status.CONNECTED_WITH_AUTOTAGGING)
    assert Account("111", "Account 111") == connection.account


async def test_a_new_connection_has_work_at_once(memory, clock, due):
    [connection] = await connected(memory, clock(), flows=[Flow.COST, Flow.TAGGING])
    assert [{Work.MOVE, Work.CHECK}] == due
    async with memory.begin() as tx:
        assert [connection.id] == [due.id for due in await tx.connections.claim_checks(clock(), 10)]
        claimed = await tx.transfers.claim(clock(), 10, "me", timedelta(seconds=60))
    assert {Flow.COST, Flow.TAGGING} == {transfer.flow for transfer in claimed}


async def test_an_account_is_connected_once(memory, clock):
    await connected(memory, clock())
    with pytest.raises(Fenced):
        async with memory.begin() as tx:
            await an_account(tx, await a_grant(tx, clock(), "bob"), clock())


async def test_a_connection_that_moves_shows_its_new_login(memory, clock):
    [connection] = await connected(memory, clock())
    async with memory.begin() as tx:
        bob = await a_grant(tx, clock(), "bob")
        await tx.connections.move([connection.id], bob)
        moved = await tx.connections.get(connection.id)
        assert (bob.id, "bob@example.com") == (moved.grant_id, moved.login)
        await tx.grants.replace(bob, tokens(), clock(), identity=Identity("bob", "robert@example.com"))
        assert (await tx.connections.get(connection.id)).login == "robert@example.com"


async def test_switches_change_what_they_name_and_nothing_else(memory, clock):
    one, two = await connected(memory, clock(), "111", "222")
    async with memory.begin() as tx:
        await tx.connections.set_authorized([one.id], False)
        assert (await tx.connections.get(one.id)).status == Status.AUTHORIZATION_REQUIRED
        await tx.connections.set_authorized([one.id], True)
        await tx.connections.set_enabled(one.id, False)
        assert (await tx.connections.get(one.id)).status == Status.DISCONNECTED
        await tx.connections.set_enabled(one.id, True)
        await tx.connections.set_catching_up([one.id], True)
        assert (await tx.connections.get(one.id)).status == Status.CATCHING_UP
        await tx.connections.set_account(one.id, Account("999", "New name", "EUR", "Europe/Rome", "1"))
        renamed = (await tx.connections.get(one.id)).account
        assert Account("111", "New name", "EUR", "Europe/Rome", "1") == renamed
        assert two == await tx.connections.get(two.id)


async def test_nothing_happens_to_no_connections(memory, clock):
    async with memory.begin() as tx:
        await tx.connections.set_authorized([], True)
        await tx.connections.set_catching_up([], True)
        await tx.connections.move([], await a_grant(tx, clock()))


async def test_hostile_names_are_stored_on_both_databases(memory, clock):
    name = "<!channel> \x00 \ud800 \u202e \U0001f469\u200d\U0001f467 '; DROP TABLE grants; --"
    [connection] = await connected(memory, clock())
    async with memory.begin() as tx:
        await tx.connections.set_account(connection.id, Account("111", name))
        stored = (await tx.connections.get(connection.id)).account.name
    assert name.replace("\x00", "�").replace("\ud800", "�") == stored


async def test_it_expires_when_the_login_does_not_when_a_renewable_token_does(memory, clock):
    hour, year = clock() + timedelta(hours=1), clock() + timedelta(days=365)
    async with memory.begin() as tx:
        renewable = await a_grant(tx, clock(), "ann", expires_at=hour, refresh_expires_at=year)
        fixed = await a_grant(tx, clock(), "bob", refresh=None, expires_at=year)
        endless = await a_grant(tx, clock(), "cy", expires_at=hour)
        shown = [(await an_account(tx, grant, clock(), grant.id)).expires_at for grant in (renewable, fixed, endless)]
    assert [year, year, None] == shown


async def test_a_check_is_claimed_once_and_comes_again_if_nobody_finished_it(memory, clock):
    [connection] = await connected(memory, clock())
    async with memory.begin() as tx:
        assert [connection.id] == [due.id for due in await tx.connections.claim_checks(clock(), 10)]
        assert await tx.connections.claim_checks(clock.advance(minutes=4), 10) == []
        assert [connection.id] == [due.id for due in await tx.connections.claim_checks(clock.advance(minutes=1), 10)]
        await tx.connections.checked([Checked(connection.id, clock(), clock() + timedelta(hours=1), good=True)])
        assert await tx.connections.claim_checks(clock.advance(minutes=59), 10) == []
        [due] = await tx.connections.claim_checks(clock.advance(minutes=1), 10)
        later = await tx.connections.get(due.id)
    assert clock() - timedelta(hours=1) == later.checked_at == later.last_good_at


async def test_a_bad_check_does_not_count_as_good(memory, clock):
    [connection] = await connected(memory, clock())
    async with memory.begin() as tx:
        await tx.connections.checked([Checked(connection.id, clock(), clock(), good=False)])
        shown = await tx.connections.get(connection.id)
    assert (clock(), None) == (shown.checked_at, shown.last_good_at)


async def test_what_was_moved_counts_as_data_and_as_a_good_sign(memory, clock):
    [connection] = await connected(memory, clock())
    async with memory.begin() as tx:
        await tx.connections.moved(connection.id, clock.advance(hours=1))
        shown = await tx.connections.get(connection.id)
    assert (clock(), clock()) == (shown.last_data_at, shown.last_good_at)


async def test_paused_connections_are_not_checked(memory, clock):
    [connection] = await connected(memory, clock())
    async with memory.begin() as tx:
        await tx.connections.set_enabled(connection.id, False)
        assert await tx.connections.claim_checks(clock(), 10) == []


@pytest.mark.parametrize(
    ("remedy", "checked"), [("AuthorizationLost", False), ("AccessDenied", True), ("Misconfigured", True)]
)
async def test_a_lost_connection_is_checked_only_if_it_may_heal_by_itself(memory, clock, remedy, checked):
    [connection] = await connected(memory, clock())
    reach = Reach.ACCOUNT if remedy == "AccessDenied" else Reach.GRANT
    await dropped(memory, clock(), connection, reach=reach, remedy=remedy)
    async with memory.begin() as tx:
        await tx.connections.set_authorized([connection.id], False)
        assert checked == bool(await tx.connections.claim_checks(clock(), 10))


async def test_an_asked_check_is_due_now_and_wakes_the_workers(memory, clock, due):
    [connection] = await connected(memory, clock())
    async with memory.begin() as tx:
        await tx.connections.checked([Checked(connection.id, clock(), clock() + timedelta(hours=1), good=True)])
    due.clear()
    async with memory.begin() as tx:
        await tx.connections.ask_check([connection.id], clock.advance(seconds=1))
    async with memory.begin() as tx:
        assert connection.id == (await tx.connections.claim_checks(clock(), 10))[0].id
    assert [{Work.CHECK}] == due


async def test_a_check_asked_for_while_another_ended_is_still_to_come(memory, clock):
    [connection] = await connected(memory, clock())
    ended = clock()
    async with memory.begin() as tx:
        await tx.connections.ask_check([connection.id], clock.advance(seconds=1))
        await tx.connections.checked([Checked(connection.id, ended, ended + timedelta(hours=1), good=True)])
        assert len(await tx.connections.claim_checks(clock(), 10)) == 1


async def test_a_connection_names_its_open_outage_and_its_grants_first(memory, clock):
    [connection] = await connected(memory, clock())
    async with memory.begin() as tx:
        alone = await drop(tx, clock(), connection, reach=Reach.ACCOUNT, remedy="AccessDenied")
        assert alone.id == (await tx.connections.get(connection.id)).outage_id
        whole = await drop(tx, clock.advance(minutes=1), connection)
        assert whole.id == (await tx.connections.get(connection.id)).outage_id
        await tx.outages.close(whole.id, {}, {}, clock())
        await tx.outages.close(alone.id, {}, {}, clock())
        assert (await tx.connections.get(connection.id)).outage_id is None


async def test_the_first_crm_adopts_the_touchpoints_that_waited_for_it(memory, clock):
    async with memory.begin() as tx:
        waiting = [touch(1, clock()), touch(2, clock(), "hubspot"), touch(3, clock(), "salesforce")]
        assert await tx.touchpoints.accept(waiting, clock()) == (3, 0, 3)
    [crm] = await connected(memory, clock(), platform="salesforce", flows=[Flow.TOUCHPOINTS])
    async with memory.read() as tx:
        adopted = await tx.touchpoints.batch(crm.id, 10, clock())
        assert [(delivery.number, delivery.touchpoint.id) for delivery in adopted] == [(1, "TP2_1"), (2, "TP2_3")]
        assert (await tx.touchpoints.accept((), clock()))[2] == 1
