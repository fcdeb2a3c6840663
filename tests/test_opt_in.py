"""Making ads anew is opted in to per connection, after a look at what would be done."""

import pytest
from practice_story import GOOGLE

from bot.people.people import NotFound
from bot.words.connection import Flow, Status
from bot.words.errors import SetupError

META = "meta_ads"


@pytest.fixture
async def meta(story):
    found = await story.connect(META, story.sandbox(META).demo_login)
    await story.work()
    return found


async def ours(story, connection):
    async with story.memory.read() as tx:
        return {change.ad.id for change in await tx.tags.ours(connection.id)}


async def test_ads_are_only_named_until_somebody_has_seen_the_preview_and_opted_in(story, meta):
    first, *others = meta
    assert set() == {ad for each in meta for ad in await ours(story, each)}
    with pytest.raises(SetupError, match=f"redkey tagging preview {first.id}"):
        await story.app.opt_in.opt_in(first.id)

    assert {Status.CONNECTED} == {each.connection.status for each in await story.desk.connections()}
    shown = await story.app.opt_in.preview(first.id)
    assert shown.changes
    assert all(change.wanted.endswith("utm_content={{ad.id}}") for change in shown.changes)
    assert set() == await ours(story, first)

    await story.app.opt_in.opt_in(first.id)
    await story.work()
    assert Status.CONNECTED_WITH_AUTOTAGGING == (await story.desk.connection(first.id)).connection.status
    done = await ours(story, first)
    assert done
    assert done <= {change.ad.id for change in shown.changes}
    assert all([not await ours(story, each) for each in others])


async def test_an_old_preview_does_not_count_and_an_opt_out_ends_it(story, meta):
    first = meta[0]
    await story.app.opt_in.preview(first.id)
    story.clock.advance(hours=25)
    with pytest.raises(SetupError, match="preview"):
        await story.app.opt_in.opt_in(first.id)
    await story.app.opt_in.preview(first.id)
    await story.app.opt_in.opt_in(first.id)
    assert (await story.connection(first.id)).opted_in
    await story.app.opt_in.opt_out(first.id)
    await story.work()
    assert set() == await ours(story, first)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_an_opt_in_needs_first_is_said_in_one_line(story, meta):
    story.gateways[META].platform.forbidden = "set tag_by_recreating = true"
    await story.app.opt_in.preview(meta[0].id)
    with pytest.raises(SetupError, match="tag_by_recreating"):
        await story.app.opt_in.opt_in(meta[0].id)
    with pytest.raises(NotFound, match="con_x"):
        await story.app.opt_in.preview("con_x")
    emea, _ = await story.connect(GOOGLE)
    with pytest.raises(SetupError, match="Google Ads needs no opt-in"):
        await story.app.opt_in.opt_in(emea.id)
    assert Flow.TAGGING in await story.transfers(emea)
