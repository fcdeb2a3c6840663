"""More accounts through a login that is here: only what it reaches, only while it lives, and the trail says who."""

import asyncio

import pytest
from practice_story import ADA, BEN, GOOGLE, PUBLIC, SALESFORCE, sqlite_only

from bot.memory.memory import Work
from bot.people.people import Ending, NotFound

ANNA = "U0ANNA000"


async def test_accounts_beyond_the_watched_ones_are_offered_and_watched(story):
    first, second = await story.connect(GOOGLE)
    await story.desk.remove(second.id, ANNA)
    [login] = await story.desk.reachable(GOOGLE)
    assert (ADA, [second.account.id]) == (login.login, [a.id for a in login.accounts])

    [back] = await story.desk.watch(login.grant_id, [second.account.id], ANNA)
    assert (second.id, True) == (back.connection.id, back.connection.authorized)
    assert {first.id, second.id} == {c.connection.id for c in await story.desk.connections()}
    assert [()] == [r.accounts for r in await story.desk.reachable(GOOGLE)]
    async with story.memory.read() as tx:
        acts = [(act.who, act.subject) async for act in tx.audit.rows() if act.what == "connected"]
    assert (ANNA, second.id) == acts[-1]
    with pytest.raises(NotFound):
        await story.desk.watch(login.grant_id, ["999"], ANNA)


async def test_a_lost_login_offers_nothing_and_watches_nothing(story):
    first, _ = await story.connect(GOOGLE)
    await story.work()
    await story.drop(GOOGLE)
    assert [] == await story.desk.reachable(GOOGLE)
    with pytest.raises(NotFound):
        await story.desk.watch(first.grant_id, [first.account.id], ANNA)


async def test_a_platform_that_does_not_answer_offers_nothing_for_now(story):
    await story.connect(GOOGLE)
    await story.connect(GOOGLE, BEN)
    story.world.google_ads.take_down()
    assert [] == await story.desk.reachable(GOOGLE)


async def borrowed(story, login, account, who):
    await story.desk.watch(login, [account], who)
    await story.work(Work.ANNOUNCE)


async def test_whoever_gave_the_login_is_told_by_direct_message_what_a_colleague_had_watched_with_it(story):
    _, second = await story.connect(GOOGLE)
    async with story.memory.begin() as tx:
        await tx.grants.authorized_by(second.grant_id, ANNA)
    await story.desk.remove(second.id, ANNA)
    await borrowed(story, second.grant_id, second.account.id, "U0BEN0000")
    (told,) = story.world.slack.direct_messages(ANNA)
    assert f"<@U0BEN0000> has Redkey watch 1 more account through your login {ADA} at Google Ads." in told.text.replace(
        "\u2060", ""
    ).replace("\u200b", "")
    assert second.account.name in told.words

    await borrowed(story, second.grant_id, second.account.id, "U0BEN0000")  # it is watched already
    await story.desk.remove(second.id, ANNA)
    await borrowed(story, second.grant_id, second.account.id, ANNA)  # it is her own
    assert [told] == story.world.slack.direct_messages(ANNA)


@sqlite_only
async def test_a_connect_link_lasts_until_a_login_came_through_it(story):
    with pytest.raises(NotFound, match=r"myspace is not a platform that is switched on; these are: .*google_ads, "):
        await story.desk.connect_link("myspace", ANNA)
    link = await story.desk.connect_link(GOOGLE, ANNA)
    token = link.rpartition("/")[2]
    assert f"{PUBLIC}/connect/{token}" == link

    params, browser = await story.way_back(await story.door.connect(token), allow=False)
    declined = await story.door.finish(GOOGLE, params, browser)
    assert (Ending.DECLINED, "Google Ads") == (declined.ending, declined.platform_name)
    for odd in ({"error": "server_error"}, {}, {"code": "made up"}):
        params, browser = await story.way_back(await story.door.connect(token))
        failed = await story.door.finish(GOOGLE, {"state": params["state"], **odd}, browser)
        assert (Ending.FAILED, "") == (failed.ending, failed.ref)
        assert failed.why
    page = await story.door.connect_page(token)
    assert (GOOGLE, "Google Ads", "", ()) == (page.platform, page.platform_name, page.login, page.accounts)
    params, browser = await story.way_back(await story.door.connect(token))
    done = await story.door.finish(GOOGLE, params, browser)
    assert (Ending.CHOOSE, ADA) == (done.ending, done.used_login)
    again = await story.door.connect_page(done.connect.token)
    assert (ADA, done.connect.accounts, frozenset()) == (again.login, again.accounts, again.watched)
    assert await story.door.connect_page(token) is None

    chosen = [story.door.choose(done.connect.token, [done.connect.accounts[0].id]) for _ in range(2)]
    taken = await asyncio.gather(*chosen, return_exceptions=True)
    assert [NotFound] == [type(each) for each in taken if isinstance(each, Exception)]
    [[first]] = [each for each in taken if not isinstance(each, Exception)]
    assert ANNA == (await story.grant(first.connection)).authorized_by
    assert f"{PUBLIC}/reauthorize/{first.connection.id}" == first.reauthorize_url


@sqlite_only
async def test_a_link_that_nobody_in_slack_asked_for_or_that_is_a_day_old_is_nobody_s(story):
    [link, late] = [(await story.desk.connect_link(GOOGLE, "root")).rpartition("/")[2] for _ in range(2)]
    done = await story.door.finish(GOOGLE, *await story.way_back(await story.door.connect(link)))
    async with story.memory.read() as tx:
        [grant] = await tx.grants.all()
    assert not grant.authorized_by
    assert [] == await story.desk.reachable(SALESFORCE)
    assert [] == await story.desk.reachable("myspace")
    story.clock.advance(days=1)
    for token in (late, done.connect.token, "made up"):
        assert await story.door.connect_page(token) is None
        with pytest.raises(NotFound):
            await story.door.choose(token, [])
    with pytest.raises(NotFound):
        await story.door.connect(late)
