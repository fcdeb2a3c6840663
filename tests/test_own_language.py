"""Each person is answered in their own language; the channel keeps the one that was set."""

from collections.abc import AsyncIterator

import pytest
from practice_room import Room, opened
from practice_slack import client, practice
from sample_facts import CHANNEL

from handlers.slack.listeners.own_language import KNOWN_FOR, Locales

CHLOE = "U0CHLOE00"


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with opened() as made:
        yield made


async def test_private_answers_windows_and_home_follow_the_person(room: Room) -> None:
    ts = await room.alert()
    await room.slack.click(CHANNEL, ts, "details", user=CHLOE)
    view = await room.slack.wait_for(lambda: (v := room.slack.modal(CHLOE)) and "con_1" in v.words and v)
    home = await room.slack.open_home(CHLOE)
    said = await room.slack.command("/redkey", "connections", user=CHLOE)

    assert "Autorisation requise" in view.words
    assert home is not None
    assert "Autorisation requise" in home.words
    assert "Autorisation requise" in said.text
    assert "Authorization Required" in room.slack.messages()[0].words


async def test_someone_else_at_the_same_time_gets_theirs(room: Room) -> None:
    assert "Autorisation requise" in (await room.slack.command("/redkey", "connections", user=CHLOE)).text
    assert "Authorization Required" in (await room.slack.command("/redkey", "connections")).text


async def test_an_error_is_told_in_the_language_of_the_person(room: Room) -> None:
    ts = await room.alert()
    room.desk.trouble = RuntimeError("x")
    await room.slack.click(CHANNEL, ts, "claim", user=CHLOE)
    said = await room.slack.wait_for(lambda: room.slack.ephemerals)
    assert "Redkey" in said[0].words
    assert "Something went wrong" not in said[0].words


async def test_a_french_channel_and_an_english_reader() -> None:
    async with opened(language="fr") as room:
        ts = await room.alert()
        await room.slack.click(CHANNEL, ts, "pause")
        said = await room.slack.wait_for(lambda: room.slack.ephemerals)
        assert "is paused" in said[0].words
        assert "Autorisation requise" in room.slack.messages()[0].words


async def test_slack_is_asked_once_an_hour_and_what_was_known_survives_its_bad_days() -> None:
    async with practice() as slack:
        seconds = [0.0]
        locales = Locales(client(slack), lambda: seconds[0])
        assert ["fr", "fr", "en"] == [await locales.of(u) for u in (CHLOE, CHLOE, "U0ANNA000")]
        assert len(slack.calls_of("users.info")) == 2
        slack.state.users[CHLOE].locale = "de-DE"
        seconds[0] = KNOWN_FOR + 1
        slack.fail("users.info", "internal_error")
        assert await locales.of(CHLOE) == "fr"
        assert await locales.of(CHLOE) == ""
        assert await locales.of("U0NOBODY0") == ""
