"""Said once, whatever becomes of the answer; and a storm's file at most once: what may have been uploaded is left out."""

from datetime import timedelta

import pytest
from practice_slack import practice
from practice_story import no_sleep

from bot.alert.posting import FILE_TRIES, LATE, Attempt, Posting
from bot.words.voice import File, PostUnclear, Spoken
from handlers.slack.line.pacing import Pacing
from handlers.slack.line.voice import SlackVoice
from handlers.slack.looks.card import metadata
from sandbox.slack import MARKETING

NEWS = Spoken(MARKETING, "37 logins", metadata=metadata("out_1", 1))


class Teller:
    """Who has something to say in a practice workspace, and writes down when each post began."""

    def __init__(self, slack, clock):
        slack.state.now, self.slack, self.clock, self.began = clock, slack, clock, []
        self.voice = SlackVoice(slack.bot_token, slack.state.base_url + "/api/", pacing=Pacing(sleep=no_sleep))
        self.posting = Posting(self.voice, clock)

    def attempt(self, started=None, attempts=0):
        async def note(when):
            self.began.append(when)

        return Attempt("out_1", 1, started, attempts, note)

    async def shares(self, name, channel, thread, started=None, attempts=0):
        file = File(f"{name}.csv", "All", "", "", b"a,b\n", media="text/csv")
        await self.posting.share(self.attempt(started, attempts), lambda: file, channel, thread)


@pytest.fixture
async def teller(clock):
    async with practice() as slack:
        yield Teller(slack, clock)


async def test_a_file_is_shared_unless_an_earlier_try_may_have_arrived_or_there_were_too_many(teller):
    channel, thread = await teller.voice.post(NEWS)
    await teller.shares("first", channel, thread)
    await teller.shares("last", channel, thread, attempts=FILE_TRIES)
    await teller.shares("late", channel, thread, attempts=FILE_TRIES + 1)
    await teller.shares("unclear", channel, thread, started=teller.clock(), attempts=1)

    names = [file["name"] for reply in teller.slack.thread(channel, thread) for file in reply.files]
    assert ["first.csv", "last.csv"] == names
    assert [teller.clock()] * 2 == teller.began


@pytest.mark.parametrize("word", ["file_uploads_disabled", "channel_not_found", "thread_not_found", "invalid_auth"])
async def test_a_file_that_slack_does_not_take_is_left_out_and_stops_nothing(teller, word):
    channel, thread = await teller.voice.post(NEWS)
    teller.slack.fail("files.completeUploadExternal", word)
    await teller.shares("one", channel, thread)
    assert [] == [reply for reply in teller.slack.thread(channel, thread) if reply.files]


async def test_a_file_of_which_nobody_knows_whether_it_was_taken_is_left_out_too(teller):
    channel, thread = await teller.voice.post(NEWS)
    teller.slack.drop_after("files.completeUploadExternal")
    await teller.shares("one", channel, thread)
    assert 1 == len(teller.began)


async def test_a_post_whose_answer_was_lost_is_found_and_one_that_was_answered_is_waited_for_no_longer(teller):
    now = teller.clock()
    teller.slack.drop_after("chat.postMessage")
    with pytest.raises(PostUnclear):
        await teller.posting.post(teller.attempt(), NEWS)
    assert [now, now] == teller.began
    found = await teller.posting.post(teller.attempt(now, 1), NEWS)
    assert (MARKETING, True) == (found[0], found[2])

    teller.began.clear()
    teller.slack.fail("chat.postMessage", "internal_error")
    with pytest.raises(PostUnclear):
        await teller.posting.post(teller.attempt(), NEWS)
    assert [now, now - LATE] == teller.began, "Slack is done with it: there is nothing that could come later"


async def test_a_post_that_is_not_to_be_seen_is_made_again_once_it_cannot_appear_any_more(teller):
    began = teller.clock()
    teller.clock.advance(LATE - timedelta(seconds=1))
    with pytest.raises(PostUnclear):
        await teller.posting.post(teller.attempt(began, 1), NEWS)
    teller.clock.advance(seconds=1)
    channel, ts, found = await teller.posting.post(teller.attempt(began, 1), NEWS)
    assert (MARKETING, False) == (channel, found)
    assert [ts] == [message.ts for message in teller.slack.messages()]
