"""Tagging new ads: each once, each written down before it is asked for, and late ones counted as lost."""

from practice_story import GOOGLE, sqlite_only

from bot.catch_up.undo import Undo
from bot.memory.memory import Work
from bot.words.connection import Flow, Status
from sandbox.faults import Fault, Kind
from sandbox.google_ads import EMEA


def ad(story, number):
    return list(story.world.google_ads.account(EMEA).ads.values())[number]


async def test_a_change_is_written_down_before_it_is_asked_for(story):
    """The answer is lost, the change is made: it is ours all the same, and can be undone."""
    (emea,) = await story.begin_with(GOOGLE, accounts=[EMEA])
    story.world.google_ads.faults.add(Fault(match="ads:mutate", kind=Kind.DROP))
    was = ad(story, 2).final_url_suffix
    transfer = await story.claim(Flow.TAGGING)
    story.world.google_ads.faults.add(Fault(match="googleAds:search", kind=Kind.HANG, skip=1))
    await story.app.mover.run(transfer)
    async with story.memory.read() as tx:
        planned = await tx.tags.unanswered(emea.id)
    assert planned[ad(story, 2).id] == ad(story, 2).final_url_suffix != was
    story.world.google_ads.faults.clear()

    await story.pass_by(Work.MOVE, minutes=1)
    assert [] == story.world.google_ads.untagged(EMEA)
    async with story.memory.read() as tx:
        assert {} == await tx.tags.unanswered(emea.id)
        mine = {change.ad.id: change.before for change in await tx.tags.ours(emea.id)}
    assert was == mine[ad(story, 2).id]
    undone = await Undo(story.memory, story.gateways, story.watch, story.clock).run(emea.id, really=True)
    assert was == undone.restored[ad(story, 2).id] == ad(story, 2).final_url_suffix


@sqlite_only
async def test_an_ad_is_changed_once_and_a_strangers_is_left_alone(story, emea):
    changed = [e["ad"] for e in story.world.google_ads.ledger.where("ad.changed")]
    await story.pass_by(Work.MOVE, hours=5)

    assert len(changed) == len(set(changed)) == story.world.google_ads.ledger.count("ad.changed")
    assert ad(story, 1).id not in changed, "a third party does its tagging"
    assert "&utm_source=google&utm_medium=cpc&utm_campaign=old" in ad(story, 3).final_urls[0]
    assert "utm_content={creative}" == ad(story, 3).final_url_suffix
    assert ad(story, 5).id in changed, "a paused ad may be switched on any time"


@sqlite_only
async def test_new_ads_are_tagged_with_the_next_pass(story, emea):
    story.world.google_ads.add_ads(EMEA, 3)
    await story.pass_by(Work.MOVE, hours=2)

    assert [] == story.world.google_ads.untagged(EMEA)


async def test_ads_made_during_an_outage_are_tagged_and_counted_as_lost(story, emea):
    outage = await story.drop(GOOGLE)
    made = story.world.google_ads.add_ads(EMEA, 7)
    story.clock.advance(hours=30)
    await story.reauthorize(GOOGLE, outage.id)
    await story.work()

    told = await story.outage(outage.id)
    assert [] == story.world.google_ads.untagged(EMEA)
    assert (7, 7) == (told.recovered["ads_tagged"], told.lost["ads_untagged"])
    async with story.memory.read() as tx:
        micros, clicks = await tx.costs.of_ads(emea.id, [each.id for each in made], outage.opened_at.date())
    assert (clicks, {"EUR": micros}) == (told.lost["clicks"], told.lost["cost_micros"])
    assert clicks > 0


@sqlite_only
async def test_ads_whose_tagging_was_answered_too_late_are_counted_as_lost_too(story, emea):
    outage = await story.drop(GOOGLE)
    story.world.google_ads.add_ads(EMEA, 4)
    await story.reauthorize(GOOGLE, outage.id)
    story.world.google_ads.faults.add(Fault(match="ads:mutate", kind=Kind.DROP))
    await story.work()
    await story.pass_by(minutes=5)

    told = await story.outage(outage.id)
    assert (4, 4) == (told.recovered["ads_tagged"], told.lost["ads_untagged"])


@sqlite_only
async def test_an_ad_that_the_platform_refuses_holds_nobody_up_and_hides_nothing(story, emea):
    """Also in the outages after: the ads made meanwhile are still counted."""
    refused, *_ = story.world.google_ads.add_ads(EMEA, 2)
    story.world.google_ads.refuse_ad(refused.id)
    await story.pass_by(Work.MOVE, hours=3)
    async with story.memory.read() as tx:
        assert {refused.id} == await tx.tags.refused(emea.id)

    outage = await story.drop(GOOGLE)
    story.world.google_ads.add_ads(EMEA, 5)
    story.clock.advance(hours=1)
    await story.reauthorize(GOOGLE, outage.id)
    await story.work()
    told = await story.outage(outage.id)
    assert told.caught_up_at
    assert 5 == told.lost["ads_untagged"]
    assert [refused] == story.world.google_ads.untagged(EMEA)


@sqlite_only
async def test_tagging_that_is_switched_off_during_the_catch_up_is_not_waited_for(story, emea):
    outage = await story.drop(GOOGLE)
    story.world.google_ads.add_ads(EMEA, 2)
    await story.reauthorize(GOOGLE, outage.id)
    async with story.memory.begin() as tx:
        await tx.connections.set_autotagging(emea.id, False)
    await story.work()

    assert (await story.outage(outage.id)).caught_up_at
    assert 2 == len(story.world.google_ads.untagged(EMEA))
    assert Status.CONNECTED == (await story.connection(emea.id)).status
