"""Access that was taken away, by account or at the token endpoint: an outage of its own kind, which heals by itself."""

from datetime import timedelta

from practice_story import GOOGLE, SALESFORCE, heals, sqlite_only

from bot.memory.memory import Work
from bot.words.connection import Reach, Status
from platforms import open_gateways
from sandbox.google_ads import AMERICAS
from storage import new_key, open_memory

# One account


async def test_an_account_that_is_taken_away_is_an_outage_of_its_own_and_its_sibling_goes_on(story, google):
    emea, americas = google
    story.world.google_ads.withdraw(AMERICAS)
    await story.pass_by(hours=1, minutes=1)

    (outage,) = await story.outages()
    assert (Reach.ACCOUNT, "AccessDenied", (americas.id,)) == (outage.reach, outage.remedy, outage.connection_ids)
    assert [Status.CONNECTED_WITH_AUTOTAGGING, Status.AUTHORIZATION_REQUIRED] == await story.statuses()
    assert story.clock() == (await story.connection(emea.id)).last_data_at

    story.world.google_ads.give_back(AMERICAS)
    assert await heals(story, outage.id, minutes=6)
    assert [Status.CONNECTED_WITH_AUTOTAGGING] * 2 == await story.statuses()
    assert 1 == len(story.posts())


async def test_an_account_that_is_taken_away_while_its_login_catches_up_lets_its_sibling_finish(story, google):
    emea, americas = google
    story.world.google_ads.revoke()
    await story.pass_by(minutes=6)
    (outage,) = await story.outages()
    await story.reauthorize(GOOGLE, outage.id)
    story.world.google_ads.withdraw(AMERICAS)
    await story.work()

    first, second = sorted(await story.outages(), key=lambda o: o.reach is Reach.ACCOUNT)
    assert ((emea.id,), True) == (first.connection_ids, first.caught_up_at is not None)
    assert ((americas.id,), None, "AccessDenied") == (second.connection_ids, second.closed_at, second.remedy)
    assert [Status.CONNECTED_WITH_AUTOTAGGING, Status.AUTHORIZATION_REQUIRED] == await story.statuses()
    assert ["disconnected", "reauthorized", "partly", "caught_up"] == [e.what for e in first.timeline]

    story.world.google_ads.give_back(AMERICAS)
    assert await heals(story, second.id, minutes=6)


@sqlite_only
async def test_one_account_that_loses_its_access_while_catching_up_reopens_its_outage(story, salesforce):
    story.world.salesforce.revoke()
    await story.pass_by(minutes=6)
    (outage,) = await story.outages()
    await story.touchpoints(1)
    await story.reauthorize(SALESFORCE, outage.id)
    story.world.salesforce.withdraw_access()
    await story.work()

    (again,) = await story.outages()
    assert ("AccessDenied", None) == (again.remedy, again.reauthorized_at)
    assert ["disconnected", "reauthorized", "reopened"] == [e.what for e in again.timeline]
    story.world.salesforce.give_access_back()
    assert await heals(story, outage.id, minutes=6)


@sqlite_only
async def test_an_account_without_access_keeps_its_outage_when_the_login_is_lost_too(story, google):
    """And one login heals both: no outage is left behind."""
    story.world.google_ads.withdraw(AMERICAS)
    await story.pass_by(minutes=6)
    story.world.google_ads.revoke()
    await story.pass_by(minutes=6)
    login, account = await story.outages(open_only=True)
    assert [(google[0].id,), (google[1].id,)] == [login.connection_ids, account.connection_ids]
    assert "AccessDenied" == account.remedy

    story.world.google_ads.give_back(AMERICAS)
    await story.reauthorize(GOOGLE, login.id)
    await story.work()

    assert [] == await story.outages(open_only=True)
    assert [Status.CONNECTED_WITH_AUTOTAGGING] * 2 == await story.statuses()


@sqlite_only
async def test_an_account_without_access_says_so_when_its_login_is_lost_and_nobody_else_would(story, salesforce):
    """The only account of its login: giving the rights back would not help any more."""
    story.world.salesforce.withdraw_access()
    await story.pass_by(minutes=6)
    story.world.salesforce.revoke()
    await story.pass_by(minutes=6)

    (outage,) = await story.outages()
    assert ("AuthorizationLost", "invalid_grant") == (outage.remedy, outage.cause.code)


# The operator's matters


async def test_a_wrong_client_secret_is_the_operators_matter_and_heals_when_put_right(story, google):
    right = story.settings.platforms[GOOGLE]["client_secret"]
    story.world.google_ads.oauth.change_secret("another")
    story.world.google_ads.oauth.expire_access_tokens()
    await story.pass_by(minutes=6)

    (outage,) = await story.outages()
    assert ("Misconfigured", Reach.GRANT, 2) == (outage.remedy, outage.reach, len(outage.connection_ids))
    assert (await story.grant(google[0])).lost_at is None

    story.world.google_ads.oauth.change_secret(right)
    assert await heals(story, outage.id, minutes=6)
    assert "" == (await story.outage(outage.id)).reauthorized_by
    assert [Status.CONNECTED_WITH_AUTOTAGGING] * 2 == await story.statuses()


@sqlite_only
async def test_a_token_that_still_works_does_not_hide_that_the_client_is_refused(story, google):
    """Noticed when refreshing ahead. Were the probe enough, the outage would heal and open again for ever."""
    story.world.google_ads.oauth.change_secret("another")
    await story.pass_by(minutes=45)
    await story.pass_by(minutes=6)
    await story.pass_by(minutes=6)

    (outage,) = await story.outages()
    assert ["disconnected"] == [e.what for e in outage.timeline]


@sqlite_only
async def test_a_login_that_dies_while_the_client_is_refused_asks_for_a_new_login(story, google):
    right = story.settings.platforms[GOOGLE]["client_secret"]
    story.world.google_ads.oauth.change_secret("another")
    story.world.google_ads.revoke()
    await story.pass_by(minutes=6)
    story.world.google_ads.oauth.change_secret(right)
    await story.pass_by(minutes=6)

    (outage,) = await story.outages()
    assert ("AuthorizationLost", "invalid_grant") == (outage.remedy, outage.cause.code)
    await story.reauthorize(GOOGLE, outage.id)
    await story.work()
    assert (await story.outage(outage.id)).caught_up_at


async def test_a_login_that_the_token_endpoint_denies_is_one_outage_for_all_it_carries(story, salesforce):
    """A deactivated user: nobody needs to log in, an administrator must act."""
    story.world.salesforce.deactivate()
    await story.pass_by(minutes=6)

    (outage,) = await story.outages()
    assert ("AccessDenied", Reach.GRANT, "inactive_user") == (outage.remedy, outage.reach, outage.cause.code)
    story.world.salesforce.reactivate()
    assert await heals(story, outage.id, minutes=6)


@sqlite_only
async def test_a_denial_at_the_token_endpoint_is_noticed_by_the_refresh_ahead(story, salesforce):
    story.world.salesforce.deactivate()
    await story.pass_by(Work.RENEW, minutes=80)

    (outage,) = await story.outages()
    assert "inactive_user" == outage.cause.code


async def test_a_missing_key_is_told_once_and_its_logins_live_again_when_it_is_back(
    story, google, database_url, keys, clock
):
    without = await open_memory(database_url, [new_key(["k1"])], on_due=None, now=clock)
    other = type(story)(story.world, without, story.gateways, clock)
    await other.pass_by(minutes=6)
    (outage,) = await other.outages()
    assert ("key_lost", 2) == (outage.cause.code, len(outage.connection_ids))
    await other.watch.unlock()
    assert (await other.grant(google[0])).lost_at
    await without.close()

    await story.watch.unlock()
    await story.work()
    assert (await story.outage(outage.id)).caught_up_at
    assert [Status.CONNECTED_WITH_AUTOTAGGING] * 2 == await story.statuses()


@sqlite_only
async def test_connections_of_a_platform_that_was_switched_off_are_left_alone(story, google, clock):
    off = open_gateways({}, timeout=timedelta(seconds=2), now=clock)
    other = type(story)(story.world, story.memory, off, clock)
    await other.pass_by(hours=3)
    await off.aclose()

    assert [] == await other.outages()
    assert (await story.grant(google[0])).refresh_started_at is None
    await story.pass_by(hours=3)
    assert story.clock() == (await story.connection(google[0].id)).last_data_at
