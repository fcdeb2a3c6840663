"""Paused connections: neither probed nor told of, and their resume tells what happened meanwhile."""

from practice_story import GOOGLE, heals, sqlite_only

from bot.words.connection import Reach, Status
from sandbox.google_ads import AMERICAS


async def test_a_paused_connection_is_neither_probed_nor_told_of_and_its_resume_tells(story, salesforce):
    await story.desk.pause(salesforce.id, "U0ANNA000")
    calls = story.world.salesforce.ledger.count("api")
    story.world.salesforce.revoke()
    await story.pass_by(hours=3)
    assert [] == await story.outages()
    assert calls == story.world.salesforce.ledger.count("api")

    await story.desk.resume(salesforce.id, "U0ANNA000")
    await story.work()
    (outage,) = await story.outages()
    assert (salesforce.id,) == outage.connection_ids
    assert 1 == len(story.posts())


@sqlite_only
async def test_a_paused_account_whose_login_was_lost_meanwhile_joins_the_outage_there_is(story, google):
    emea, americas = google
    await story.desk.pause(americas.id, "U0ANNA000")
    story.world.google_ads.revoke()
    await story.pass_by(minutes=6)
    await story.desk.resume(americas.id, "U0ANNA000")
    await story.desk.resume(americas.id, "U0ANNA000")

    (outage,) = await story.outages()
    assert (emea.id, americas.id) == outage.connection_ids
    assert ["disconnected", "joined"] == [e.what for e in outage.timeline]


@sqlite_only
async def test_a_paused_account_is_well_again_when_its_login_is(story, google):
    """Else its resume would tell of a loss that is over."""
    americas = google[1]
    right = story.settings.platforms[GOOGLE]["client_secret"]
    await story.desk.pause(americas.id, "U0ANNA000")
    story.world.google_ads.oauth.change_secret("another")
    story.world.google_ads.oauth.expire_access_tokens()
    await story.pass_by(minutes=6)
    (outage,) = await story.outages()
    story.world.google_ads.oauth.change_secret(right)
    assert await heals(story, outage.id, minutes=6)

    assert [Status.CONNECTED_WITH_AUTOTAGGING, Status.DISCONNECTED] == await story.statuses()
    await story.desk.resume(americas.id, "U0ANNA000")
    await story.work()
    assert 1 == len(await story.outages())


@sqlite_only
async def test_an_account_that_was_paused_because_it_had_no_access_is_asked_anew_on_resume(story, google):
    """The login is alive, so nothing may be said of a login that died."""
    americas = google[1]
    story.world.google_ads.withdraw(AMERICAS)
    await story.pass_by(minutes=6)
    await story.desk.pause(americas.id, "U0ANNA000")
    await story.desk.resume(americas.id, "U0ANNA000")
    await story.work()

    (outage,) = await story.outages(open_only=True)
    assert ("AccessDenied", Reach.ACCOUNT) == (outage.remedy, outage.reach)
    await story.desk.pause(americas.id, "U0ANNA000")
    story.world.google_ads.give_back(AMERICAS)
    await story.desk.resume(americas.id, "U0ANNA000")
    await story.work()
    assert [] == await story.outages(open_only=True)
    assert [Status.CONNECTED_WITH_AUTOTAGGING] * 2 == await story.statuses()
