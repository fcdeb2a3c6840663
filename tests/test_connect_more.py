"""More accounts through a login that is here: only what it reaches, only while it lives, and the trail says who."""

import pytest
from practice_story import ADA, BEN, GOOGLE

from bot.memory.memory import Work
from bot.people.people import NotFound

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
