"""What people press and type in Slack: real Bolt on real sockets, against a practice workspace and a desk in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from practice_desk import PracticeDesk
from practice_room import Room, opened, place_in
from practice_slack import practice
from sample_facts import ANNA, CHANNEL, NOW, OUTAGES, google

from bot.words.errors import SetupError, TryLater
from bot.words.facts import Reply
from bot.words.voice import SlackRefused, Spoken
from handlers.slack import workspace
from handlers.slack.line import socket_mode


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with opened() as made:
        yield made


async def test_reauthorize_opens_the_start_page_and_is_acknowledged(room: Room) -> None:
    ts = await room.alert()
    answer = await room.slack.click(CHANNEL, ts, "reauthorize")
    assert answer.acked
    assert answer.url == google().start_url
    assert room.desk.asked == []


async def test_taking_it_asks_the_desk_once_and_learns_the_name_for_the_thread(room: Room) -> None:
    ts = await room.alert()
    answer = await room.slack.click(CHANNEL, ts, "claim")
    assert answer.acked
    await room.slack.wait_for(lambda: room.desk.asked)
    assert room.desk.asked == [("claim", "out_google", ANNA)]
    text = room.ours.composer.reply(google(claimed_by=ANNA), Reply("claimed", ANNA)).text
    assert text == "Anna Berg takes care of this."


async def test_taking_what_is_over_gets_a_private_answer(room: Room) -> None:
    ts = await room.alert()
    room.desk.close("out_google")
    await room.slack.click(CHANNEL, ts, "claim")
    said = await room.slack.wait_for(lambda: room.slack.ephemerals)
    assert "over already" in said[0].words
    assert said[0].ephemeral_for == ANNA


@pytest.mark.parametrize(("choice", "hours"), [("4h", 4), ("1d", 24), ("3d", 72)])
async def test_snooze_lasts_as_long_as_was_chosen(room: Room, choice: str, hours: int) -> None:
    ts = await room.alert()
    answer = await room.slack.click(CHANNEL, ts, "snooze", value=f"{choice}:out_google")
    assert answer.acked
    await room.slack.wait_for(lambda: room.desk.asked)
    until = (NOW + timedelta(hours=hours)).isoformat()
    assert room.desk.asked == [("snooze", "out_google", ANNA, until)]


async def test_details_open_a_window_with_the_facts(room: Room) -> None:
    ts = await room.alert()
    answer = await room.slack.click(CHANNEL, ts, "details")
    assert answer.acked
    view = await room.slack.wait_for(lambda: (v := room.slack.modal()) and "con_1" in v.words and v)
    for part in ("Acme EMEA", "123-456-7800", "Token has been expired or revoked", "out_google", "What happened"):
        assert part in view.words
    assert (await room.slack.click_view("reauthorize")).acked


async def test_details_of_a_forgotten_outage_say_so(room: Room) -> None:
    ts = await room.alert(replace(google(), outage=replace(google().outage, id="out_gone")))
    await room.slack.click(CHANNEL, ts, "details")
    await room.slack.wait_for(lambda: (v := room.slack.modal()) and "not known any more" in v.words)


async def test_pause_switches_the_connection_off_and_says_how_to_resume(room: Room) -> None:
    ts = await room.alert()
    assert (await room.slack.click(CHANNEL, ts, "pause")).acked
    said = await room.slack.wait_for(lambda: room.slack.ephemerals)
    assert ("pause", "con_1", ANNA) in room.desk.asked
    assert "/redkey resume con_1" in said[0].words


async def test_pause_under_a_login_with_several_accounts_is_a_menu(room: Room) -> None:
    ts = await room.alert(google(accounts=3))
    await room.slack.click(CHANNEL, ts, "pause", value="con_2")
    await room.slack.wait_for(lambda: ("pause", "con_2", ANNA) in room.desk.asked)


async def test_every_button_of_every_message_is_acknowledged(room: Room) -> None:
    for name in ("google_disconnected", "google_no_access", "google_bad_client", "google_caught_up"):
        ts = await room.alert(OUTAGES[name])
        message = room.slack.messages()[-1]
        for element in message.elements:
            value = element["options"][0]["value"] if "options" in element else None
            assert (await room.slack.click(CHANNEL, ts, element["action_id"], value=value)).acked
        assert message.warnings == set()


async def test_buttons_of_older_versions_are_answered(room: Room) -> None:
    button = {"type": "button", "action_id": "mute_v0", "text": {"type": "plain_text", "text": "Mute"}, "value": "1"}
    old = Spoken(CHANNEL, "old", [{"type": "actions", "elements": [button]}])
    _, ts = await room.ours.voice.post(old)
    assert (await room.slack.click(CHANNEL, ts, "mute_v0")).acked
    said = await room.slack.wait_for(lambda: room.slack.ephemerals)
    assert "older version" in said[0].words


async def test_an_error_becomes_a_sentence_for_the_person_and_no_traceback(room: Room) -> None:
    ts = await room.alert()
    for trouble, sentence in (
        (RuntimeError("secret=xoxb-123"), "Something went wrong"),
        (TryLater("busy"), "try again"),
    ):
        room.desk.trouble = trouble
        before = len(room.slack.ephemerals)
        assert (await room.slack.click(CHANNEL, ts, "claim")).acked
        await room.slack.wait_for(lambda n=before: len(room.slack.ephemerals) > n)
        assert sentence in room.slack.ephemerals[-1].words
        assert "xoxb" not in room.slack.ephemerals[-1].words


async def test_a_claim_on_an_unknown_outage_is_a_sentence_too(room: Room) -> None:
    ts = await room.alert(replace(google(), outage=replace(google().outage, id="out_gone")))
    await room.slack.click(CHANNEL, ts, "claim")
    said = await room.slack.wait_for(lambda: room.slack.ephemerals)
    assert "not known any more" in said[0].words


async def test_people_of_another_organization_cannot_act(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    ts = await room.alert()
    send = room.slack.delivery.send

    async def from_outside(kind: str, payload: dict) -> object:
        payload["user"]["team_id"] = "T0STRANGER"
        return await send(kind, payload)

    monkeypatch.setattr(room.slack.delivery, "send", from_outside)
    room.slack.state.users[ANNA].team = "T0STRANGER"
    for action in ("claim", "pause", "details", "reauthorize"):
        assert (await room.slack.click(CHANNEL, ts, action)).acked
    said = await room.slack.wait_for(lambda: len(room.slack.ephemerals) == 4 and room.slack.ephemerals)
    assert all("Only members" in m.words for m in said)
    assert room.desk.asked == []
    assert room.slack.modal() is None


# Tokens, sockets, stopping


@pytest.mark.parametrize(
    ("setting", "name"),
    [({"bot_token": "xoxb-wrong"}, "slack.bot_token"), ({"app_token": "xapp-1"}, "slack.app_token")],
)
async def test_a_token_slack_refuses_stops_the_start_with_one_line(setting: dict[str, str], name: str) -> None:
    async with practice() as slack:
        ours = place_in(slack, **setting)
        ours.serve(PracticeDesk())
        with pytest.raises(SetupError) as caught:
            await ours.start()
        assert str(caught.value).startswith(name)
        assert "invalid_auth" in str(caught.value)
        assert "\n" not in str(caught.value)
        assert "xoxb-wrong" not in str(caught.value)


async def test_slack_down_at_the_start_is_waited_out_in_the_background() -> None:
    async with practice() as slack:
        slack.down()
        ours = place_in(slack)
        ours.serve(PracticeDesk())
        await ours.start()
        assert ours.state == "connecting"
        slack.up()
        try:
            await slack.wait_for(lambda: slack.sockets.sockets, 10)
            await until(lambda: ours.state == "ok")
        finally:
            await ours.stop()


async def test_a_lost_socket_is_opened_again(room: Room) -> None:
    before = room.slack.sockets.sockets[0]
    await room.slack.disconnect("refresh_requested")
    await room.slack.wait_for(lambda: [s for s in room.slack.sockets.sockets if s is not before])
    ts = await room.alert()
    assert (await room.slack.click(CHANNEL, ts, "claim")).acked


async def test_a_stop_lets_a_running_listener_finish(room: Room) -> None:
    ts = await room.alert()
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
    claim = room.desk.claim

    async def slow(outage_id: str, who: str) -> object:
        begun.set()
        await may_end.wait()
        ended.set()
        return await claim(outage_id, who)

    room.desk.claim = slow
    await room.slack.click(CHANNEL, ts, "claim")
    await begun.wait()
    stopping = asyncio.create_task(room.ours.stop(5))
    await asyncio.sleep(0)
    assert not stopping.done()
    may_end.set()
    await stopping
    assert ended.is_set()
    assert room.ours.state == "connecting"


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(8):
        while not true():  # noqa: ASYNC110 - nobody tells when a state that is worked out has changed
            await asyncio.sleep(0.01)


async def test_a_bot_token_revoked_later_is_noticed_at_once(room: Room) -> None:
    room.slack.revoke_token()
    await until(lambda: room.ours.state == "refused")
    with pytest.raises(SlackRefused):
        await room.alert()


async def test_a_bot_token_that_works_again_is_noticed_too(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "ASK_EVERY", 0.02)
    room.slack.revoke_token()
    await until(lambda: room.ours.state == "refused")
    with pytest.raises(SlackRefused):
        await room.alert()
    room.slack.restore_tokens()
    await until(lambda: room.ours.state == "ok")


async def test_an_app_token_revoked_later_is_noticed_when_the_socket_is_gone(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_mode, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(socket_mode, "ASK_AFTER", 0.01)
    room.slack.revoke_app_token()
    await until(lambda: room.ours.state == "refused")
