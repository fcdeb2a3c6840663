"""Removing a connection: its login is given back unless others need it, dead ones are left alone, history stays."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from deployment import deployed
from practice_memory import a_grant, an_account
from practice_story import GOOGLE, SALESFORCE, sqlite_only

from bot.memory.memory import Work
from bot.people.people import LoginEnd, NotFound
from bot.words.connection import Secret
from storage import new_key, open_memory

ROOT = Path(__file__).parent.parent
ANNA = "U0ANNA000"
DYNAMICS = "dynamics_365"


def revoked(story, platform):
    return story.sandbox(platform).ledger.count("revoke_request")


async def test_the_login_of_a_removed_connection_is_revoked_at_the_platform(story, salesforce):
    gone = await story.desk.remove(salesforce.id, ANNA)
    await story.work()

    assert LoginEnd.REVOKED is gone.login
    assert 1 == revoked(story, SALESFORCE)
    async with story.memory.read() as tx:
        acts = [(act.who, act.subject, act.detail) async for act in tx.audit.rows() if act.what == "removed"]
    assert [(ANNA, salesforce.id, {"account": salesforce.account.id})] == acts
    assert None is await story.tokens(salesforce)
    assert [] == await story.desk.connections()
    with pytest.raises(NotFound, match=salesforce.id):
        await story.desk.remove(salesforce.id, ANNA)


@sqlite_only
async def test_of_two_people_who_remove_it_at_once_one_does(story, salesforce):
    both = [story.desk.remove(salesforce.id, who) for who in (ANNA, "U0BEN0000")]
    done = await asyncio.gather(*both, return_exceptions=True)
    await story.work()
    assert [NotFound] == [type(each) for each in done if isinstance(each, Exception)]
    assert 1 == revoked(story, SALESFORCE)


@sqlite_only
@pytest.mark.parametrize(("refresh", "given_back"), [("refresh-1", "refresh-1"), (None, "access-1")])
async def test_the_refresh_token_is_given_back_or_the_access_token_where_there_is_none(story, refresh, given_back):
    async with story.memory.begin() as tx:
        grant = await a_grant(tx, story.clock(), platform="linkedin_ads", refresh=refresh)
        connection = await an_account(tx, grant, story.clock())
    await story.desk.remove(connection.id, ANNA)
    async with story.memory.begin() as tx:
        [(_, *queued)] = await tx.revocations.claim(story.clock(), 9)
    assert ["linkedin_ads", Secret(given_back), grant.identity.id] == queued


@sqlite_only
async def test_who_logs_in_again_right_after_a_removal_does_not_lose_that_login_too(story, emea):
    """Google ends everything of a person with any token of theirs."""
    assert LoginEnd.REVOKED is (await story.desk.remove(emea.id, ANNA)).login
    await story.connect(GOOGLE)
    await story.work()
    assert 0 == revoked(story, GOOGLE)
    assert "" == await story.watch.check(await story.connection(emea.id))


@sqlite_only
async def test_where_a_platform_takes_no_login_back_it_is_forgotten_here(story):
    (connection,) = await story.begin_with(DYNAMICS, story.sandbox(DYNAMICS).demo_login)
    assert LoginEnd.FORGOTTEN is (await story.desk.remove(connection.id, ANNA)).login
    assert await story.tokens(connection) is None
    async with story.memory.read() as tx:
        assert 0 == await tx.revocations.waiting()


@sqlite_only
async def test_a_login_whose_key_is_gone_is_removed_all_the_same(story, salesforce, database_url, keys):
    other = await open_memory(database_url, [new_key(["k1"]), *keys], on_due=None, now=story.clock)
    async with other.begin() as tx:
        held = await tx.grants.get(salesforce.grant_id)
        await tx.grants.replace(held, await tx.grants.tokens(held.id), story.clock())
    await other.close()

    assert LoginEnd.DEAD is (await story.desk.remove(salesforce.id, ANNA)).login
    assert [] == await story.desk.connections()


async def test_a_login_that_a_sibling_uses_lives_on(story, google):
    emea, americas = google
    assert LoginEnd.SHARED is (await story.desk.remove(emea.id, ANNA)).login
    await story.pass_by(hours=3)
    assert 0 == revoked(story, GOOGLE)
    assert [americas.id] == [c.id for c in await story.connections()]
    assert story.clock() == (await story.connection(americas.id)).last_data_at

    assert LoginEnd.REVOKED is (await story.desk.remove(americas.id, ANNA)).login
    await story.work()
    assert 1 == revoked(story, GOOGLE)


async def test_a_dead_login_is_never_tried_again_and_the_message_says_who_removed_it(story, salesforce):
    outage = await story.drop(SALESFORCE)
    await story.work(Work.SAY)
    asked = story.asked(SALESFORCE), len(story.sandbox(SALESFORCE).ledger)
    assert LoginEnd.DEAD is (await story.desk.remove(salesforce.id, ANNA)).login
    await story.work(Work.SAY)
    (post,) = story.posts()
    assert f"Removed by <@{ANNA}>" in str(post.attachments)
    await story.pass_by(days=8)

    assert asked == (story.asked(SALESFORCE), len(story.sandbox(SALESFORCE).ledger))
    ended = await story.outage(outage.id)
    assert ("removed", ANNA) == (ended.timeline[-1].what, ended.timeline[-1].who)
    assert (ended.closed_at, None) == (ended.timeline[-1].at, ended.caught_up_at)
    assert [post.ts] == [each.ts for each in story.posts()]
    assert None is await story.door.start_page(salesforce.id)


@sqlite_only
async def test_an_outage_of_several_accounts_goes_on_without_the_removed_one(story, google):
    emea, americas = google
    outage = await story.drop(GOOGLE)
    assert LoginEnd.SHARED is (await story.desk.remove(emea.id, ANNA)).login
    assert (americas.id,) == (await story.outage(outage.id)).connection_ids
    last = (await story.outage(outage.id)).timeline[-1]
    assert ("removed", ANNA, emea.account.name) == (last.what, last.who, last.detail)
    await story.reauthorize(GOOGLE, outage.id)
    await story.work()

    assert (await story.outage(outage.id)).caught_up_at
    assert [americas.id] == [c.id for c in await story.connections()]


@sqlite_only
async def test_once_the_last_account_of_an_outage_is_removed_nothing_is_counted_for_it_any_more(story, google):
    paused, last = google
    outage = await story.drop(GOOGLE)
    await story.reauthorize(GOOGLE, outage.id)
    await story.desk.pause(paused.id, ANNA)
    assert any(transfer.mark for transfer in (await story.transfers(paused)).values())
    await story.desk.remove(last.id, ANNA)
    assert (await story.outage(outage.id)).closed_at
    assert not any(transfer.mark for transfer in (await story.transfers(paused)).values())


async def test_history_stays_and_connecting_the_account_again_brings_it_back(story, google):
    emea, _ = google
    ledger = story.app.ledger
    before = [row async for row in ledger.costs(None, None)]
    await story.desk.remove(emea.id, ANNA)
    assert [(c.id, r) for c, r, _ in before] == [(c.id, r) for c, r, _ in [x async for x in ledger.costs(None, None)]]

    assert emea.id in {c.id for c in await story.connect(GOOGLE)}
    back = await story.connection(emea.id)
    assert (True, True, None) == (back.enabled, back.authorized, back.removed_at)
    await story.pass_by(hours=2)
    assert story.clock() == (await story.connection(emea.id)).last_data_at


async def test_touchpoints_wait_for_the_next_crm_once_the_only_one_is_removed(story, salesforce):
    await story.desk.remove(salesforce.id, ANNA)
    await story.touchpoints(1, 2)
    await story.work()
    assert {} == dict(story.world.salesforce.records())

    await story.connect(SALESFORCE)
    await story.work()
    assert 2 == len(story.world.salesforce.records())


# On the command line


async def command(folder, *words):
    """`redkey` as the process it is, with the settings in this folder: exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", "bot", "--config", str(folder / "redkey.toml"), *words),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    out, _ = await process.communicate()
    return process.returncode, out.decode()


async def test_redkey_remove_takes_a_connection_out_beside_the_running_bot(tmp_path, sqlite_url):
    async with deployed(tmp_path, sqlite_url) as redkey:
        await redkey.connect(SALESFORCE)
        (found,) = await redkey.app.desk.connections()
        its = found.connection.id

        code, said = await command(tmp_path, "remove", its)
        assert (1, "") == (code, said)  # nobody sits there who could say yes

        code, said = await command(tmp_path, "remove", its, "--yes")
        assert (0, f"removed {its} (Salesforce: Acme); its login is revoked at Salesforce\n") == (code, said)
        assert [] == await redkey.app.desk.connections()
        assert [] == list(redkey.world.salesforce.oauth.grants.alive())
