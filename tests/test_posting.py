"""A file of a storm is shared at most once: one whose upload may have happened, or failed too often, is left out."""

from practice_slack import practice
from practice_story import no_sleep

from bot.alert.posting import FILE_TRIES, Attempt, Posting
from bot.words.voice import File, Spoken
from handlers.slack.line.pacing import Pacing
from handlers.slack.line.voice import SlackVoice
from sandbox.slack import MARKETING


async def test_a_file_is_shared_unless_an_earlier_try_may_have_arrived_or_there_were_too_many(clock):
    began = []

    async def note(when):
        began.append(when)

    async with practice() as slack:
        voice = SlackVoice(slack.bot_token, slack.state.base_url + "/api/", pacing=Pacing(sleep=no_sleep))
        channel, thread = await voice.post(Spoken(MARKETING, "37 logins"))
        tries = {
            "first": (None, 0),
            "last": (None, FILE_TRIES),
            "late": (None, FILE_TRIES + 1),
            "unclear": (clock(), 1),
        }
        for name, (started, attempts) in tries.items():
            file = File(f"{name}.csv", "All", "", "", b"a,b\n", media="text/csv")
            attempt = Attempt("out_1", 1, started, attempts, note)
            await Posting(voice, clock).share(attempt, lambda file=file: file, channel, thread)
        shared = [file["name"] for reply in slack.thread(channel, thread) for file in reply.files]

    assert ["first.csv", "last.csv"] == shared
    assert [clock(), clock()] == began
