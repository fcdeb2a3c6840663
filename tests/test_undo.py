"""Taking the tags off again."""

from deployment import deployed

from bot.catch_up.undo import CHANGED_SINCE
from sandbox.google_ads import EMEA


async def test_every_ad_gets_back_the_suffix_it_had_and_is_not_tagged_again(tmp_path, sqlite_url):
    async with deployed(tmp_path, sqlite_url) as redkey:
        google = redkey.world.google_ads
        before = suffixes(google)
        await redkey.connect("google_ads")
        connection = next(c.connection for c in await redkey.app.desk.connections() if c.connection.account.id == EMEA)
        assert before != suffixes(google)

        would = await redkey.app.undo.run(connection.id, really=False)
        assert before != suffixes(google)
        done = await redkey.app.undo.run(connection.id, really=True)

        assert would == done
        assert done.restored
        assert not done.left
        assert before == suffixes(google)
        (after,) = [c.connection for c in await redkey.app.desk.connections() if c.connection.id == connection.id]
        assert not after.autotagging


async def test_an_ad_that_someone_changed_since_is_left_as_it_is(tmp_path, sqlite_url):
    async with deployed(tmp_path, sqlite_url) as redkey:
        google = redkey.world.google_ads
        await redkey.connect("google_ads")
        connection = next(c.connection for c in await redkey.app.desk.connections() if c.connection.account.id == EMEA)
        async with redkey.app.memory.read() as tx:
            changed = (await tx.tags.ours(connection.id))[0].ad.id
        ad_of(google, changed).final_url_suffix = "someone=else"

        done = await redkey.app.undo.run(connection.id, really=True)

        assert {changed: CHANGED_SINCE} == done.left
        assert "someone=else" == ad_of(google, changed).final_url_suffix


def suffixes(google):
    return {ad.id: ad.final_url_suffix or "" for ad in google.account(EMEA).ads.values()}


def ad_of(google, ad_id):
    return google.account(EMEA).ads[ad_id]
