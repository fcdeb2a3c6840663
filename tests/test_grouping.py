"""One login with many accounts is one outage, one message and one way back; a part that comes back is told apart."""

import pytest
from practice_story import ADA, BEN, GOOGLE, telling

from bot.memory.memory import Work
from bot.words.connection import Status
from handlers.slack.looks.details_view import details_view
from handlers.words import Words

MANAGER = "1000000001"
MANY = 12


@pytest.fixture
async def story(memory, clock):
    """Ada's login reaches a dozen accounts."""
    async with telling(memory, clock) as story:
        for n in range(MANY - 2):
            story.world.google_ads.add_account(f"5{n:09d}", f"Shop {n}", ADA, under=MANAGER, ads=0)
        await story.begin_with(GOOGLE)
        await story.work()
        yield story


async def test_a_login_with_many_accounts_is_one_message_and_its_details_list_them_all(story):
    outage = await story.drop(GOOGLE)
    await story.work()

    (post,) = story.posts()
    assert f"{MANY} accounts are disconnected" in post.words
    named = post.words.partition("*Accounts:*")[2].partition("Login:")[0]
    assert named.count("Shop ") + named.count("Acme ") == 10
    assert "and 2 more" in post.words
    details = str(details_view(await story.app.facts.of(outage.id), Words()))
    assert all(c.account.name in details and c.id in details for c in await story.connections())


async def test_one_login_heals_all_its_siblings_in_one_message(story):
    outage = await story.drop(GOOGLE)
    await story.work()
    assert (await story.reauthorize(GOOGLE, outage.id)).ending == "restored"
    await story.work()

    assert {c.status for c in await story.connections()} == {Status.CONNECTED_WITH_AUTOTAGGING}
    (post,) = story.posts()
    assert post.attachments[0]["color"] == "#12B76A"
    assert sum("caught up" in text for text in story.replies()) == 1


async def test_a_login_that_brings_back_only_some_says_which_are_missing(story):
    outage = await story.drop(GOOGLE)
    await story.work(Work.SAY)
    back = [c.account.id for c in await story.connections()][:3]
    story.world.google_ads.oauth.people[BEN].accounts.extend(back)
    assert (await story.reauthorize(GOOGLE, outage.id, BEN)).ending == "partly"
    await story.work()

    told = next(text for text in story.replies() if "does not reach" in text)
    assert "3 accounts" in told
    assert "have messages of their own now" in told
    assert len(await story.outages(open_only=True)) == MANY - 3
    for _ in range(4):
        await story.pass_by(Work.SAY, seconds=4)
    assert len(story.posts()) <= 5
