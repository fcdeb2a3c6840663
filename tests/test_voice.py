"""How we speak in Slack, against a workspace on a real socket that can fail in every way Slack does."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from practice_slack import practice
from sample_facts import CHANNEL, OUTAGES, REPLIES

from bot.words.errors import TryLater
from bot.words.voice import ChannelGone, MessageGone, PostUnclear, SlackRefused, Spoken
from handlers.slack.line.pacing import Pacing
from handlers.slack.line.voice import SAME_FOR, SlackVoice
from handlers.slack.looks.messages import SlackComposer
from sandbox.slack import SlackWorkspace

ALERT = SlackComposer().outage(OUTAGES["google_disconnected"])
GREEN = SlackComposer().outage(OUTAGES["google_caught_up"])
REPLY = SlackComposer().reply(*REPLIES["reauthorized"])


class Ticking:
    """Seconds that pass only when someone sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
async def slack() -> AsyncIterator[SlackWorkspace]:
    async with practice() as workspace:
        workspace.rates.on = False
        yield workspace


def voice_in(slack: SlackWorkspace, clock: Ticking | None = None, timeout: float = 5) -> SlackVoice:
    ticking = clock or Ticking()
    pacing = Pacing(ticking, ticking.sleep)
    url = slack.state.base_url + "/api/"
    return SlackVoice(slack.bot_token, url, timeout=timeout, pacing=pacing, clock=ticking)


@pytest.fixture
def voice(slack: SlackWorkspace) -> SlackVoice:
    return voice_in(slack)


async def test_a_post_arrives_as_it_was_composed(slack: SlackWorkspace, voice: SlackVoice) -> None:
    channel, ts = await voice.post(ALERT)
    message = slack.messages()[0]
    assert (message.channel, message.ts) == (channel, ts)
    assert message.color == "#D92D20"
    assert message.action_ids == ["reauthorize", "claim", "snooze", "details", "ask_someone", "pause"]
    assert message.metadata == ALERT.metadata
    args = slack.calls_of("chat.postMessage")[0].args
    assert args["unfurl_links"] in {False, "0", "false"}
    assert args["parse"] == "none"


@pytest.mark.parametrize("name", OUTAGES)
async def test_slack_takes_every_message_we_compose(slack: SlackWorkspace, voice: SlackVoice, name: str) -> None:
    for language in ("en", "fr"):
        await voice.post(SlackComposer(language).outage(OUTAGES[name]))
    assert [c.error for c in slack.calls_of("chat.postMessage")] == [None, None]


async def test_an_edit_replaces_everything(slack: SlackWorkspace, voice: SlackVoice) -> None:
    channel, ts = await voice.post(ALERT)
    await voice.update(GREEN, channel, ts)
    message = slack.messages()[0]
    assert message.color == "#12B76A"
    assert message.action_ids == ["details"]
    assert len(slack.messages()) == 1


async def test_what_is_said_already_is_not_sent_again_but_for_a_look_now_and_then(slack: SlackWorkspace) -> None:
    clock = Ticking()
    voice = voice_in(slack, clock)
    channel, ts = await voice.post(ALERT)
    later = replace(ALERT, metadata={**ALERT.metadata, "event_payload": {"outage": "out_google", "revision": 9}})
    await voice.update(later, channel, ts)
    assert slack.calls_of("chat.update") == []
    clock.now += SAME_FOR
    await voice.update(later, channel, ts)
    assert len(slack.calls_of("chat.update")) == 1


async def test_an_answer_lost_after_sending_is_unclear_and_nothing_is_sent_twice(
    slack: SlackWorkspace, voice: SlackVoice
) -> None:
    slack.drop_after("chat.postMessage")
    with pytest.raises(PostUnclear):
        await voice.post(ALERT)
    assert len(slack.messages()) == 1


@pytest.mark.parametrize("error", ["internal_error", "fatal_error", "service_unavailable", "request_timeout"])
async def test_errors_after_which_the_post_may_stand_are_unclear(
    slack: SlackWorkspace, voice: SlackVoice, error: str
) -> None:
    slack.fail("chat.postMessage", error, done=True)
    with pytest.raises(PostUnclear):
        await voice.post(ALERT)
    assert len(slack.calls_of("chat.postMessage")) == 1


async def test_a_page_of_html_with_a_server_error_is_unclear(slack: SlackWorkspace, voice: SlackVoice) -> None:
    slack.fail("chat.postMessage", status=503)
    with pytest.raises(PostUnclear):
        await voice.post(ALERT)


async def test_no_answer_in_time_is_unclear(slack: SlackWorkspace) -> None:
    slack.delay("chat.postMessage", 3)
    with pytest.raises(PostUnclear):
        await voice_in(slack, timeout=1).post(ALERT)


async def test_slack_out_of_reach_is_tried_later_and_nothing_is_unclear() -> None:
    voice = SlackVoice("xoxb-1", "http://127.0.0.1:9/api/", timeout=2)
    with pytest.raises(TryLater):
        await voice.post(ALERT)
    with pytest.raises(TryLater):
        await voice.update(ALERT, CHANNEL, "1.1")


async def test_too_many_requests_are_tried_later_when_slack_says(slack: SlackWorkspace, voice: SlackVoice) -> None:
    slack.fail("chat.postMessage", "ratelimited", retry_after=7)
    with pytest.raises(TryLater) as caught:
        await voice.post(ALERT)
    assert caught.value.after == timedelta(seconds=7)
    slack.heal()
    await voice.post(ALERT)
    assert len(slack.messages()) == 1


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        ("channel_not_found", ChannelGone),
        ("is_archived", ChannelGone),
        ("not_in_channel", ChannelGone),
        ("restricted_action_read_only_channel", ChannelGone),
        ("invalid_auth", SlackRefused),
        ("account_inactive", SlackRefused),
        ("token_revoked", SlackRefused),
        ("missing_scope", SlackRefused),
        ("something_new", TryLater),
    ],
)
async def test_each_refusal_says_what_to_do_next(
    slack: SlackWorkspace, voice: SlackVoice, error: str, meaning: type[Exception]
) -> None:
    slack.fail("chat.postMessage", error)
    with pytest.raises(meaning):
        await voice.post(ALERT)
    channel, ts = await voice.post(ALERT)
    slack.fail("chat.update", error)
    with pytest.raises(meaning):
        await voice.update(GREEN, channel, ts)


@pytest.mark.parametrize(
    "error", ["invalid_blocks", "msg_blocks_too_long", "msg_too_long", "invalid_attachments", "metadata_too_large"]
)
async def test_an_alert_is_never_lost_to_its_looks(slack: SlackWorkspace, voice: SlackVoice, error: str) -> None:
    slack.fail("chat.postMessage", error)
    channel, ts = await voice.post(ALERT)
    message = slack.messages()[0]
    assert message.text.startswith(ALERT.text)
    assert OUTAGES["google_disconnected"].start_url in message.text
    assert message.attachments == []
    slack.fail("chat.update", error)
    await voice.update(GREEN, channel, ts)
    assert slack.messages()[0].text.startswith(GREEN.text)


async def test_a_message_that_someone_deleted_is_gone(slack: SlackWorkspace, voice: SlackVoice) -> None:
    channel, ts = await voice.post(ALERT)
    slack.delete_message(channel, ts)
    with pytest.raises(MessageGone):
        await voice.update(GREEN, channel, ts)


async def test_an_edit_is_repeated_because_repeating_it_is_harmless(slack: SlackWorkspace, voice: SlackVoice) -> None:
    channel, ts = await voice.post(ALERT)
    slack.drop_after("chat.update")
    await voice.update(GREEN, channel, ts)
    assert slack.messages()[0].color == "#12B76A"


async def test_a_reply_stands_in_the_thread(slack: SlackWorkspace, voice: SlackVoice) -> None:
    channel, ts = await voice.post(ALERT)
    await voice.post(replace(REPLY, thread=ts))
    assert [m.text for m in slack.thread(channel, ts)] == [REPLY.text]
    assert len(slack.messages()) == 1


async def test_a_broadcast_reply_is_shown_in_the_channel_too(slack: SlackWorkspace, voice: SlackVoice) -> None:
    channel, ts = await voice.post(ALERT)
    await voice.post(replace(REPLY, thread=ts, broadcast=True))
    assert slack.thread(channel, ts)[0].broadcast


async def test_a_reply_to_a_deleted_message_is_taken_back(slack: SlackWorkspace, voice: SlackVoice) -> None:
    """Slack would leave it standing alone in the channel, and say ok."""
    channel, ts = await voice.post(ALERT)
    slack.delete_message(channel, ts)
    with pytest.raises(MessageGone):
        await voice.post(replace(REPLY, thread=ts))
    assert slack.messages() == []


async def test_a_post_of_unclear_outcome_is_found_by_its_metadata(slack: SlackWorkspace, voice: SlackVoice) -> None:
    since = slack.state.now() - timedelta(seconds=10)
    slack.drop_after("chat.postMessage")
    with pytest.raises(PostUnclear):
        await voice.post(ALERT)
    assert await voice.find(CHANNEL, "out_google", None, None, since) == slack.messages()[0].ts
    assert await voice.find(CHANNEL, "out_other", None, None, since) is None


async def test_a_reply_is_found_by_its_revision_and_never_taken_for_the_message(
    slack: SlackWorkspace, voice: SlackVoice
) -> None:
    since = slack.state.now() - timedelta(seconds=10)
    channel, ts = await voice.post(ALERT)
    assert await voice.find(channel, "out_google", 3, ts, since) is None
    _, reply = await voice.post(replace(REPLY, thread=ts))
    assert await voice.find(channel, "out_google", 3, ts, since) == reply
    assert await voice.find(channel, "out_google", 4, ts, since) is None
    assert await voice.find(channel, "out_google", None, None, since) == ts


async def test_whoever_cannot_look_does_not_claim_that_nothing_is_there(
    slack: SlackWorkspace, voice: SlackVoice
) -> None:
    since = slack.state.now()
    for error in ("missing_scope", "internal_error", "ratelimited", "not_in_channel"):
        slack.fail("conversations.history", error, times=5)
        with pytest.raises(PostUnclear):
            await voice.find(CHANNEL, "out_google", None, None, since)
        slack.heal()


async def test_posts_to_one_channel_go_at_one_a_second_after_a_small_burst(slack: SlackWorkspace) -> None:
    clock = Ticking()
    voice = voice_in(slack, clock)
    for _ in range(5):
        await voice.post(ALERT)
    assert clock.slept == [1.0, 1.0]
    with pytest.raises(ChannelGone):
        await voice.post(replace(ALERT, channel="C0NOBODY00"))
    assert clock.slept == [1.0, 1.0]


async def test_a_long_queue_goes_back_to_the_outbox_instead_of_holding_a_worker() -> None:
    clock = Ticking()

    async def hold(_: float) -> None:
        """Everybody waits at once: time stands still."""

    pacing = Pacing(clock, hold)
    for _ in range(8):
        await pacing.turn(CHANNEL)
    with pytest.raises(TryLater) as caught:
        await pacing.turn(CHANNEL)
    assert caught.value.after == timedelta(seconds=6)


async def test_the_pace_is_one_slack_itself_accepts() -> None:
    """With the workspace's own rates on and real time: a burst is not refused."""
    async with practice() as slack:
        voice = SlackVoice(slack.bot_token, slack.state.base_url + "/api/")
        quick = Spoken(CHANNEL, "one of a few")
        await asyncio.gather(*(voice.post(quick) for _ in range(3)))
        assert [c.error for c in slack.calls_of("chat.postMessage")] == [None] * 3
