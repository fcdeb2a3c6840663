"""The bot's own token where the Slack app rotates it: it goes on speaking, and no refresh token is used twice."""

import asyncio
from datetime import timedelta

import pytest
from deployment import ShiftedClock, redeployed
from practice_desk import PracticeDesk
from practice_room import place_in
from practice_slack import practice
from practice_story import no_sleep, sqlite_only
from sqlalchemy import text

from bot.announce.announce import Announce
from bot.commands.doctor import examine
from bot.logins.bot_token import AGAIN, AHEAD, KIND, BotToken, Muted
from bot.own_token import own_token
from bot.settings.file import load
from bot.settings.settings import Settings
from bot.words.connection import SLACK, Secret
from bot.words.errors import AuthorizationLost, Misconfigured, SetupError, TryLater
from bot.words.pace import Pace
from bot.words.voice import SlackRefused, Spoken
from handlers.slack.line.pacing import Pacing
from handlers.slack.line.rotation import SlackRotation
from handlers.slack.line.voice import SlackVoice
from handlers.slack.looks.announcer import SlackAnnouncer
from sandbox.slack import MARKETING
from sandbox.world import World
from storage import open_memory

TIMEOUT = timedelta(seconds=2)
MARGIN = TIMEOUT * 2


class Bot:
    """As much of the bot as speaks. `again` is what a restart makes of it."""

    def __init__(self, memory, slack, clock, first):
        self.memory, self.slack, self.clock, self.first = memory, slack, clock, first
        api_url = slack.state.base_url + "/api/"
        secret = Secret(slack.openid.client_secret)
        rotation = SlackRotation(slack.openid.client_id, secret, api_url=api_url, timeout=2, now=clock)
        self.token = BotToken(memory, rotation, Secret(first), clock, request_timeout=TIMEOUT, channel=MARKETING)
        self.voice = SlackVoice(self.token, api_url, timeout=2, pacing=Pacing(sleep=no_sleep))

    def again(self, memory=None, first=None):
        return Bot(memory or self.memory, self.slack, self.clock, first or self.first)

    async def says(self, words):
        await self.voice.post(Spoken(MARKETING, words))

    async def renews(self):
        """What the workers do when it is due; says whether it was."""
        async with self.memory.begin() as tx:
            due = await tx.grants.claim_renewals(self.clock(), 10)
        for grant in due:
            assert grant.platform == SLACK
            await self.token.renew(grant)
        return bool(due)

    async def announces(self):
        announce = Announce(
            self.memory, {KIND: Muted()}, SlackAnnouncer(), self.voice, Pace(TIMEOUT, TIMEOUT), MARKETING, self.clock
        )
        await announce.run()
        async with self.memory.begin() as tx:
            due = await tx.announcements.claim(self.clock(), 9, "rep_1", TIMEOUT)
        for told in due:
            await announce.say(told)

    @property
    def said(self):
        return [message.text for message in self.slack.messages()]


@pytest.fixture
async def slack(clock):
    async with practice() as slack:
        slack.state.now, slack.rates.on = clock, False
        yield slack


@pytest.fixture
def bot(memory, slack, clock):
    return Bot(memory, slack, clock, slack.rotation.install())


async def test_it_goes_on_speaking_through_rotations_and_restarts(bot):
    words = []
    for turn in range(5):
        words += [f"before {turn}", f"after {turn}"]
        await bot.says(words[-2])
        assert not await bot.renews()
        bot.clock.advance(timedelta(hours=12) - AHEAD)
        assert await bot.renews()
        await bot.says(words[-1])
        if turn % 2:
            bot = bot.again()

    assert words == bot.said
    assert 6 == bot.slack.rotation.refreshed  # the first one at the start
    assert 0 == bot.slack.rotation.refused


async def test_after_a_day_switched_off_the_first_word_renews_the_token(bot):
    await bot.says("one")
    bot.clock.advance(days=3)
    await bot.again().says("two")

    assert ["one", "two"] == bot.said
    assert 0 == len([call for call in bot.slack.calls if call.error == "token_expired"])


@sqlite_only
async def test_a_token_that_slack_ends_early_is_renewed_at_once_and_the_word_is_said_once(bot):
    await bot.says("one")
    bot.slack.state.rotating[bot.slack.bot_token] = bot.clock()
    await bot.says("two")

    assert ["one", "two"] == bot.said
    assert ["token_expired"] == [call.error for call in bot.slack.calls if call.error]


async def test_two_replicas_renew_it_once(bot, database_url, keys, clock):
    second = await open_memory(database_url, keys, on_due=None, now=clock)
    other = bot.again(second if "postgresql" in database_url else bot.memory)
    try:
        await asyncio.gather(bot.says("one"), other.says("two"))
        bot.slack.state.rotating[bot.slack.bot_token] = clock()
        clock.advance(seconds=2)
        await asyncio.gather(bot.says("three"), other.says("four"), bot.says("five"), other.says("six"))
    finally:
        await second.close()

    assert {"one", "two", "three", "four", "five", "six"} == set(bot.said)
    assert (2, 0) == (bot.slack.rotation.refreshed, bot.slack.rotation.refused)


@sqlite_only
async def test_a_refresh_that_never_arrived_is_made_once_more_when_it_can_no_longer_arrive(bot):
    await bot.says("one")
    bot.clock.advance(timedelta(hours=12) - AHEAD)
    bot.slack.fail("oauth.v2.access", status=503)
    await bot.renews()
    await bot.says("two")
    assert not await bot.renews()

    bot.clock.advance(MARGIN)
    assert await bot.renews()
    assert 2 == bot.slack.rotation.refreshed

    bot.clock.advance(hours=3)
    await bot.says("three")
    assert ["one", "two", "three"] == bot.said


async def test_a_lost_answer_is_told_while_the_old_token_speaks_on_and_a_new_install_heals(bot):
    await bot.says("one")
    bot.clock.advance(timedelta(hours=12) - AHEAD)
    bot.slack.drop_after("oauth.v2.access")
    await bot.renews()
    bot.clock.advance(MARGIN)
    await bot.renews()

    assert "log in again" in bot.token.refused.lower()
    assert 1 == bot.slack.rotation.refused  # the used refresh token was shown once more, not again and again
    for _ in range(2):
        await bot.announces()
        bot.clock.advance(AGAIN)
        await bot.renews()
    _, warning = bot.slack.messages()
    assert "on no alert can come here. Slack does not renew the token" in warning.text
    await bot.says("two")

    bot.clock.advance(AHEAD)
    with pytest.raises(SlackRefused):
        await bot.says("lost")
    healed = bot.again(first=bot.slack.rotation.install())
    await healed.says("three")
    await healed.announces()
    assert "Slack renews Redkey's token again." == warning.text
    bot.slack.delete_message(MARKETING, warning.ts)
    assert ["one", "two", "three"] == bot.said

    await bot.again().says("four")  # a replica that has the older settings
    assert ["one", "two", "three", "four"] == bot.said


@sqlite_only
async def test_slack_being_down_is_no_refusal(bot):
    bot.slack.down()
    with pytest.raises(TryLater):
        await bot.says("one")
    bot.slack.up()
    bot.clock.advance(MARGIN)
    await bot.says("two")

    assert ["two"] == bot.said


@sqlite_only
async def test_a_wrong_client_or_a_used_token_stops_the_start_in_one_line(bot):
    bot.slack.openid.client_secret = "another"
    with pytest.raises(SetupError, match=r"slack\.refresh_token: Slack refuses it \(bad_client_secret\); install"):
        await place_in(bot.slack, bot_token=bot.token, now=bot.clock).start()
    used = bot.again(first="xoxe-1-used")
    bot.slack.openid.client_secret = "sandbox-slack-client-secret"
    assert place_in(bot.slack, bot_token=used.token).state == "connecting"


@sqlite_only
async def test_slack_asking_to_wait_is_waited_for_as_long_as_it_says_and_loses_nothing(bot):
    bot.slack.fail("oauth.v2.access", "ratelimited", retry_after=40)
    with pytest.raises(TryLater) as caught:
        await bot.token.current()
    assert (caught.value.after, caught.value.unclear) == (timedelta(seconds=40), False)
    await bot.says("two")

    assert ["two"] == bot.said
    assert 1 == bot.slack.rotation.refreshed


def test_a_bot_whose_token_slack_does_not_rotate_renews_none(memory, clock):
    settings = {"bot_token": "xoxb-1", "app_token": "xapp-1", "channel": MARKETING}
    key, web = {"keys": ["k1:" + "A" * 43]}, {"public_url": "http://127.0.0.1:8080"}
    assert own_token(Settings.model_validate({"slack": settings, "secrets": key, "web": web}), memory, clock) is None


async def test_what_holds_no_bot_token_is_taken_for_none(slack, clock):
    api_url = slack.state.base_url + "/api/"
    rotation = SlackRotation("1", Secret("2"), api_url=api_url, timeout=2, now=clock)
    good = {"access_token": "xoxe.xoxb-1", "refresh_token": "xoxe-2", "expires_in": 43200, "token_type": "bot"}
    assert clock() + timedelta(hours=12) == rotation._read(good).expires_at
    assert clock() + timedelta(seconds=1) == rotation._read(good | {"expires_in": 1}).expires_at
    lives = [{"expires_in": wrong} for wrong in ("soon", None, 0, -1)]
    for wrong in ({"access_token": ""}, {"refresh_token": None}, {"token_type": "user"}, *lives):
        with pytest.raises(TryLater) as caught:
            rotation._read(good | wrong)
        assert caught.value.unclear


async def test_no_token_lies_open_in_the_database_and_it_is_nobodys_login(bot):
    await bot.says("one")
    async with bot.memory._database.reading.connect() as connection:
        rows = str((await connection.execute(text("SELECT * FROM grants"))).all())
    async with bot.memory.read() as tx:
        assert [] == await tx.grants.all()

    assert "slack" in rows
    assert "xox" not in rows


@sqlite_only
async def test_a_click_is_answered_with_the_token_of_today(bot):
    """Bolt copies its client for every request: the copy must not keep yesterday's token."""
    ours = place_in(bot.slack, bot_token=bot.token, now=bot.clock)
    ours.serve(PracticeDesk())
    await ours.start()
    try:
        await bot.slack.wait_for(lambda: bot.slack.sockets.sockets)
        assert await bot.slack.open_home() is not None
        bot.clock.advance(days=1)
        assert await bot.slack.open_home(user="U0BEN0000") is not None
    finally:
        await ours.stop()
    assert not [call for call in bot.slack.calls if call.error]


@sqlite_only
async def test_a_refused_token_is_told_by_its_cause(bot):
    with pytest.raises(AuthorizationLost) as caught:
        await bot.again(first="xoxe-1-unknown").token.current()
    assert "invalid_refresh_token" == caught.value.cause.code


async def test_the_whole_bot_alerts_and_answers_with_a_token_that_rotates(sqlite_url, tmp_path):
    clock = ShiftedClock()
    async with World.open(now=clock) as world:
        world.slack.rates.on = False
        own = {"slack": {"bot_token": "", "refresh_token": world.slack.rotation.install()}}
        async with redeployed(world, tmp_path, sqlite_url, clock, sections=own) as bot:
            await bot.connect("salesforce")
            clock.advance(hours=10, minutes=1)
            bot.app.dispatcher.tick()
            await world.slack.wait_for(lambda: world.slack.rotation.refreshed == 2)
            alert = await bot.drop("salesforce")
            clock.advance(hours=11)
            assert (await world.slack.click(MARKETING, alert.ts, "claim")).acked
        async with redeployed(world, tmp_path, sqlite_url, clock, sections=own) as bot:
            await bot.log_in(alert, bot.sandbox("salesforce").demo_login)
            await bot.receipt("salesforce", alert)
        lines: list[str] = []
        code = await examine(lambda: load(tmp_path / "redkey.toml"), lines.append)

    assert (0, []) == (code, [line for line in lines if line.startswith("WRONG")])
    assert 0 == world.slack.rotation.refused


@sqlite_only
async def test_what_slack_refuses_is_asked_about_again_after_minutes_and_forgotten_once_it_is_well(bot):
    await bot.says("one")
    assert "" == bot.token.refused
    bot.clock.advance(timedelta(hours=12) - AHEAD)
    bot.slack.openid.client_secret = "another"
    await bot.renews()
    assert "slack.client_secret" in bot.token.refused
    bot.clock.advance(minutes=6)
    assert not await bot.renews()

    bot.slack.openid.client_secret = "sandbox-slack-client-secret"
    bot.clock.advance(AGAIN)
    assert await bot.renews()
    assert "" == bot.token.refused


@sqlite_only
async def test_an_answer_that_nobody_knows_is_no_refusal_and_is_asked_about_again_within_a_minute(bot):
    await bot.says("one")
    bot.clock.advance(timedelta(hours=12) - AHEAD)
    bot.slack.fail("oauth.v2.access", "out_to_lunch")
    await bot.renews()
    assert not await bot.renews()
    bot.clock.advance(minutes=1)
    assert await bot.renews()
    assert ("", 2) == (bot.token.refused, bot.slack.rotation.refreshed)


@sqlite_only
async def test_a_stop_waits_for_a_renewal_that_is_under_way(bot):
    await bot.says("one")
    bot.clock.advance(timedelta(hours=12) - AHEAD)
    renewal = asyncio.create_task(bot.renews())
    await bot.slack.wait_for(lambda: bot.slack.rotation.refreshed == 2)
    renewal.cancel()
    await bot.token.drain(5)
    async with bot.memory.read() as tx:
        assert (await tx.grants.of_identity(SLACK, "bot")).refresh_started_at is None


async def test_slacks_own_word_tells_whether_the_settings_or_a_new_install_is_the_cure(slack, clock):
    """The words: https://docs.slack.dev/reference/methods/oauth.v2.access#errors"""
    rotation = SlackRotation("1", Secret("2"), api_url=slack.state.base_url + "/api/", timeout=2, now=clock)
    dead = ("account_inactive", "invalid_auth", "invalid_refresh_token", "token_expired", "token_revoked")
    cures = dict.fromkeys(("bad_client_secret", "invalid_client_id"), "Basic Information") | dict.fromkeys(dead, "anew")
    for word, cure in cures.items():
        slack.fail("oauth.v2.access", word)
        with pytest.raises((AuthorizationLost, Misconfigured)) as caught:
            await rotation.refresh(Secret("3"))
        assert cure in caught.value.cause.cure


async def test_an_answer_that_is_no_text_may_have_used_the_token_up(clock):
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n"
        writer.write(head + b"Connection: close\r\n\r\n\xff\xfe")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/"
        with pytest.raises(TryLater) as caught:
            await SlackRotation("1", Secret("2"), api_url=url, timeout=2, now=clock).refresh(Secret("3"))
    assert caught.value.unclear
