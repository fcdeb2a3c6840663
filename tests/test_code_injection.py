"""A code that was stolen, brought back in another trip to the platform (RFC 9700 §2.1.1, §4.5)."""

import pytest
from practice_story import ADA, CLEO, GOOGLE, SALESFORCE, sqlite_only

from bot.people.people import Ending


@sqlite_only
@pytest.mark.parametrize(("platform", "stranger"), [(GOOGLE, ADA), (SALESFORCE, CLEO)])
async def test_a_code_of_another_trip_is_worth_nothing_in_this_one(story, platform, stranger):
    """Whether it is somebody else's or of another trip of the same person: the verifier that it needs is not in this one."""
    connection = (await story.connect(platform))[0]
    await story.work()
    outage = await story.drop(platform)
    params, browser = await story.leave_for(outage.id)
    stolen, _ = await story.leave_for(outage.id, stranger)
    before = await story.tokens(connection), await story.grant(connection)
    asked = story.asked(platform, "authorization_code")

    told = await story.door.finish(platform, params | {"code": stolen["code"]}, browser)

    assert Ending.FAILED == told.ending
    assert before == (await story.tokens(connection), await story.grant(connection))
    assert 1 == story.asked(platform, "authorization_code") - asked, "the platform was asked, and said no"
    assert Ending.UNKNOWN == (await story.door.finish(platform, params, browser)).ending, "this trip is over"
