"""What ends soon is told before it does, once for each step, and a renewal is told in the same message."""

from dataclasses import replace
from datetime import UTC, time, timedelta

import pytest
from practice_memory import a_grant, an_account
from practice_story import BEN, PUBLIC, SALESFORCE, Trouble, sqlite_only

from bot.alert.remind import Quiet
from bot.announce.announce import Announce
from bot.announce.endings import Endings
from bot.memory.memory import Work
from bot.memory.routes import Route, Routes
from handlers.slack.looks.announcer import SlackAnnouncer
from sandbox.slack import MARKETING

LINKEDIN, META = "linkedin_ads", "meta_ads"
SALES = "C0SALES000"


@pytest.fixture
async def linked(story):
    """A LinkedIn login, which ends after a year whatever one does."""
    connections = await story.begin_with(LINKEDIN, story.sandbox(LINKEDIN).demo_login)
    await story.work()
    return connections


async def look(story, endings=None):
    """Two replicas look at the same moment, and what they found is said."""
    for _ in range(2):
        await (endings or story.app.endings).run()
        await story.announce.run()
    await story.work(Work.ANNOUNCE)


async def days_before(story, connection, days):
    """Some hours after the moment so many days before its end."""
    end = (await story.grant(connection)).ends_at
    story.clock.advance(end - timedelta(days=days) + timedelta(hours=3) - story.clock())
    await look(story)


async def moved(story, connection, end):
    """As a refresh does that brings another end."""
    grant = await story.grant(connection)
    async with story.memory.begin() as tx:
        tokens = await tx.grants.tokens(grant.id)
        await tx.grants.replace(grant, replace(tokens, refresh_expires_at=end), story.clock())


async def test_it_is_told_at_thirty_fourteen_seven_two_and_one_days_once_each_in_one_message(story, linked):
    counts = []
    for days in (31, 30, 29, 14, 7, 2, 1):
        await days_before(story, linked[0], days)
        counts.append((len(story.posts()), len(story.replies()) if story.posts() else 0))
    assert counts == [(0, 0), (1, 0), (1, 0), (1, 1), (1, 2), (1, 3), (1, 4)]
    (post,) = story.posts()
    assert "LinkedIn Ads: a login ends on 23 Nov 2027" in post.words
    assert post.element("reauthorize")["text"]["text"] == "Renew"
    assert story.replies()[1] == "7 days left. LinkedIn Ads: a login ends on 23 Nov 2027. <@U0ANNA000>"
    assert story.replies()[3] == "1 day left. LinkedIn Ads: a login ends on 23 Nov 2027. <@U0ANNA000>"


async def test_whoever_was_away_for_weeks_tells_only_the_nearest_step(story, linked):
    await days_before(story, linked[0], 6)
    await days_before(story, linked[0], 5)

    (post,) = story.posts()
    assert "6 days left." in post.text
    assert story.replies() == []


async def test_renewing_works_while_the_login_lives_and_the_message_says_so(story, linked):
    await days_before(story, linked[0], 7)
    url = story.posts()[0].element("reauthorize")["url"]
    before = await story.grant(linked[0])

    outcome = await story.reauthorize(LINKEDIN, url.rpartition("/")[2], story.sandbox(LINKEDIN).demo_login)
    assert outcome.ending == "restored"
    assert (await story.grant(linked[0])).generation > before.generation
    await look(story)
    assert "renewed by" in story.posts()[0].words
    assert "reauthorize" not in story.posts()[0].action_ids
    story.clock.advance(days=6)
    await look(story)
    assert (len(story.posts()), story.replies(), await story.outages()) == (1, [], [])


async def test_a_login_renewed_by_another_person_moves_everything_that_one_reaches(story, linked):
    await days_before(story, linked[0], 7)
    sandbox = story.sandbox(LINKEDIN)
    sandbox.entrance.roles[BEN] = dict(sandbox.entrance.roles[sandbox.demo_login])
    assert (await story.reauthorize(LINKEDIN, linked[0].id, BEN)).ending == "restored"
    await look(story)

    assert {c.login for c in await story.connections()} == {BEN}
    assert len(linked) == 2
    assert f"renewed by {BEN}." in story.posts()[0].words


async def test_nothing_is_told_of_what_is_paused_removed_or_down_already(story, linked):
    for connection in linked:
        await story.desk.pause(connection.id, "U0ANNA000")
    await days_before(story, linked[0], 7)
    assert story.posts() == []

    for connection in linked:
        await story.desk.resume(connection.id, "U0ANNA000")
    story.sandbox(LINKEDIN).revoke()
    await story.pass_by(Work.CHECK, minutes=6)
    await look(story)
    await story.work(Work.SAY)
    (alert,) = story.posts()
    assert "disconnected" in alert.text


async def test_a_message_says_so_when_its_login_is_lost_or_switched_off_before_the_day(story, linked):
    await days_before(story, linked[0], 7)
    for connection in linked:
        await story.desk.pause(connection.id, "U0ANNA000")
    await look(story)
    assert "nothing here needs it now" in story.posts()[0].words
    for connection in linked:
        await story.desk.resume(connection.id, "U0ANNA000")
    await look(story)
    assert "Renew it now" in story.posts()[0].words
    story.sandbox(LINKEDIN).revoke()
    await story.pass_by(Work.CHECK, minutes=6)
    await look(story)
    assert "has been lost before that" in story.posts()[0].words


async def standing(story):
    async with story.memory.read() as tx:
        return [told.key for told in await tx.announcements.living(99)]


@sqlite_only
@pytest.mark.parametrize("end", ["lost", "paused"])
async def test_a_message_about_what_was_lost_or_switched_off_is_over_when_its_day_has_come(story, linked, end):
    await days_before(story, linked[0], 14)
    await look(story)
    assert 1 == len(await standing(story))
    if end == "lost":
        await story.drop(LINKEDIN)
    else:
        for connection in linked:
            await story.desk.pause(connection.id, "U0ANNA000")
    await look(story)
    assert 1 == len(await standing(story)), "until then it may be switched on again"
    story.clock.advance(days=15)
    await look(story)
    assert [] == await standing(story)
    assert 1 == len(story.posts())


async def test_a_date_that_every_refresh_moves_on_is_told_only_when_it_has_not_moved_for_long(story):
    """Twenty days after each refresh, so the steps at 30 and 20 days are every day; that at 14 is not."""
    async with story.memory.begin() as tx:
        ends = story.clock() + timedelta(days=20)
        grant = await a_grant(tx, story.clock(), platform=SALESFORCE, refresh_expires_at=ends)
        await an_account(tx, grant, story.clock())
    await look(story)
    story.clock.advance(days=5)
    await look(story)
    assert story.posts() == []

    story.clock.advance(days=2)
    await look(story)
    assert len(story.posts()) == 1


@sqlite_only
async def test_a_date_that_trembles_is_the_same_date(story, linked):
    """Platforms tell it as "in so many seconds", so each refresh puts it a little elsewhere, and on another day at times."""
    await days_before(story, linked[0], 7)
    await moved(story, linked[0], (await story.grant(linked[0])).ends_at + timedelta(hours=20))
    await look(story)
    assert story.posts()[0].element("reauthorize")
    assert story.replies() == []
    await days_before(story, linked[0], 2)
    assert (len(story.posts()), len(story.replies())) == (1, 1)


@sqlite_only
async def test_nobody_is_called_in_quiet_hours_and_the_step_is_told_after_them(story, linked):
    endings = Endings(
        story.memory, story.gateways, story.app.routes, PUBLIC, Quiet(time(11), time(14), UTC), story.clock
    )
    end = (await story.grant(linked[0])).ends_at
    story.clock.at = (end - timedelta(days=6)).replace(hour=12)
    await look(story, endings)
    assert story.posts() == []
    story.clock.advance(hours=2)
    await look(story, endings)
    assert len(story.posts()) == 1


@sqlite_only
async def test_after_the_day_the_message_says_that_it_has_come(story, linked):
    await days_before(story, linked[0], 1)
    story.clock.advance(days=1)
    await look(story)
    assert "that day has come" in story.posts()[0].text
    assert "reauthorize" not in story.posts()[0].action_ids


@sqlite_only
async def test_each_channel_hears_of_its_own(story, linked):
    here, there = linked
    await look_a_week_before(story, here, Route(connection=there.id, channel=SALES))

    for channel, told in ((MARKETING, here), (SALES, there)):
        (post,) = story.world.slack.messages(channel)
        assert [c.account.name.replace("&", "&amp;") in post.words for c in linked] == [c is told for c in linked]


@sqlite_only
async def test_a_gone_channel_leads_to_the_default_one_and_its_owners(story, linked):
    story.world.slack.archive(SALES)
    await look_a_week_before(story, linked[0], Route(LINKEDIN, channel=SALES, owners=("U0BEN0000",)))

    (post,) = story.posts()
    assert "<@U0BEN0000>" in post.blocks[0]["text"]["text"]


async def look_a_week_before(story, connection, route):
    endings = Endings(story.memory, story.gateways, Routes(MARKETING, [route]), PUBLIC, None, story.clock)
    story.app.tellers["ending"] = endings
    end = (await story.grant(connection)).ends_at
    story.clock.advance(end - timedelta(days=7) - story.clock())
    await look(story, endings)


@sqlite_only
async def test_a_post_whose_answer_is_lost_is_found_and_not_made_twice(story, linked):
    story.world.slack.drop_after("chat.postMessage")
    await days_before(story, linked[0], 7)
    await story.pass_by(Work.ANNOUNCE, minutes=2)
    assert len(story.posts()) == 1


@sqlite_only
async def test_a_post_that_is_found_and_tells_what_is_not_true_any_more_is_put_right(story, linked):
    story.world.slack.drop_after("chat.postMessage")
    await days_before(story, linked[0], 7)
    assert (await story.reauthorize(LINKEDIN, linked[0].id, story.sandbox(LINKEDIN).demo_login)).ending == "restored"
    await story.pass_by(Work.ANNOUNCE, minutes=2)
    await look(story)

    (post,) = story.posts()
    assert "renewed by" in post.words
    assert "reauthorize" not in post.action_ids


@sqlite_only
async def test_a_post_that_was_not_made_is_not_made_once_there_is_nothing_to_tell(story, linked):
    story.world.slack.fail("chat.postMessage", "internal_error")
    await days_before(story, linked[0], 7)
    assert (await story.reauthorize(LINKEDIN, linked[0].id, story.sandbox(LINKEDIN).demo_login)).ending == "restored"
    await story.pass_by(Work.ANNOUNCE, minutes=2)

    assert (story.posts(), await standing(story)) == ([], [])


@sqlite_only
@pytest.mark.parametrize("what", ["message", "reply"])
async def test_a_database_that_is_away_after_posting_makes_no_second_post(story, linked, what):
    if what == "reply":
        await days_before(story, linked[0], 7)
    end = (await story.grant(linked[0])).ends_at
    story.clock.advance(end - timedelta(days=2) - story.clock())
    await story.app.endings.run()
    *before, last = await story.workers[Work.ANNOUNCE].claim(9)
    for told in before:  # the message comes before its reply
        await story.announce.say(told)
    disk = Trouble(story.memory)
    disk.next_writes_fail(1, after=1)
    app, voice = story.app, story.voice
    await Announce(disk, app.tellers, SlackAnnouncer(), voice, app.pace, MARKETING, story.clock).say(last)
    await story.pass_by(Work.ANNOUNCE, minutes=2)

    assert (len(before), [bool(last.parent)]) == ((1, [True]) if what == "reply" else (0, [False]))
    assert (len(story.posts()), len(story.replies())) == (1, len(before))
    assert 0 == await story.pass_by(Work.ANNOUNCE, hours=1)


@sqlite_only
async def test_a_message_that_somebody_deleted_comes_back_with_the_next_step(story, linked):
    await days_before(story, linked[0], 7)
    story.world.slack.delete_message(MARKETING, story.posts()[0].ts)
    await look(story)
    assert story.posts() == []
    await days_before(story, linked[0], 2)
    assert "2 days left." in story.posts()[0].text


@sqlite_only
async def test_what_the_operator_must_change_is_told_without_a_button(story, linked):
    platform = story.gateways[LINKEDIN].platform
    ends = (story.clock() + timedelta(days=20)).date()
    platform.settings = platform.settings.model_copy(update={"client_secret_ends": ends})
    await look(story)

    (post,) = story.posts()
    assert "Redkey's client secret ends on 13 Dec 2026" in post.words
    assert post.action_ids == []
    platform.settings = platform.settings.model_copy(update={"client_secret_ends": ends.replace(year=2028)})
    await look(story)
    assert "taken care of. It ends on 13 Dec 2028 now." in story.posts()[0].words


async def logins_that_end(story, *hours, platform=LINKEDIN):
    """Logins of one day, made so many hours apart; each with an account of its own."""
    found = []
    async with story.memory.begin() as tx:
        for number, apart in enumerate(hours):
            ends = story.clock().replace(hour=3) + timedelta(days=40, hours=apart)
            grant = await a_grant(tx, story.clock(), f"person{number}", platform, refresh_expires_at=ends)
            found.append(await an_account(tx, grant, story.clock(), f"acc{number}"))
    return found


async def test_logins_that_end_on_one_day_have_one_message_in_a_channel_and_one_reply_a_step(story):
    """Whoever set it up logged in to all of them that day, hours apart: so each step comes to them hours apart too."""
    logins = await logins_that_end(story, 0, 5, 9, 14, 20)
    counts = []
    for days in (31, 30, 29, 14, 7, 2, 1):
        await days_before(story, logins[0], days)
        counts.append((len(story.posts()), len(story.replies()) if story.posts() else 0))
    assert counts == [(0, 0), (1, 0), (1, 0), (1, 1), (1, 2), (1, 3), (1, 4)]
    (post,) = story.posts()
    assert "5 logins must be renewed by" in post.words
    assert [f"person{n}@example.com" in post.words for n in range(5)] == [True] * 5
    assert post.action_ids.count("reauthorize") == 5
    assert story.replies()[3].startswith("1 day left. 5 logins must be renewed by")


@sqlite_only
async def test_a_message_for_several_counts_down_as_they_are_renewed_and_turns_green(story, linked):
    (own,) = await logins_that_end(story, 0)
    end = (await story.grant(linked[0])).ends_at
    await moved(story, own, end)
    await days_before(story, linked[0], 7)
    assert "2 logins must be renewed by" in story.posts()[0].words

    assert (await story.reauthorize(LINKEDIN, linked[0].id, story.sandbox(LINKEDIN).demo_login)).ending == "restored"
    await look(story)
    assert "1 login must be renewed by" in story.posts()[0].words
    assert "renewed by" in story.posts()[0].words

    await moved(story, own, end + timedelta(days=365))
    await look(story)
    (post,) = story.posts()
    assert "all of them are renewed." in post.words
    assert post.action_ids == []


@sqlite_only
async def test_a_login_that_comes_later_joins_the_message_of_its_day(story):
    first = await logins_that_end(story, 0, 1)
    await days_before(story, first[0], 14)
    assert "2 logins" in story.posts()[0].words

    end = (await story.grant(first[0])).ends_at
    async with story.memory.begin() as tx:
        grant = await a_grant(tx, story.clock(), "late", LINKEDIN, refresh_expires_at=end + timedelta(hours=2))
        await an_account(tx, grant, story.clock(), "late")
    await look(story)
    (post,) = story.posts()
    assert "3 logins must be renewed by" in post.words
    assert story.replies() == []


@sqlite_only
async def test_logins_of_one_day_in_two_channels_are_told_in_each(story):
    here, there = await logins_that_end(story, 0, 1)
    await look_a_week_before(story, here, Route(connection=there.id, channel=SALES))

    for channel, login in ((MARKETING, "person0"), (SALES, "person1")):
        (post,) = story.world.slack.messages(channel)
        assert "a login ends on" in post.words
        assert login in post.words
