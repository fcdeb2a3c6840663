"""Everything behind the listeners hangs, as where the database does: Slack has its acknowledgement in time all the same."""

import asyncio
import inspect

import pytest
from practice_desk import PracticeDesk
from practice_room import Room, place_in
from practice_slack import practice
from sample_facts import google

from handlers.slack.listeners import windows
from sandbox.slack import ANNA, MARKETING

IN_TIME = 1.0  # seconds; Slack waits three
SOON = 0.3  # a window is told "One moment…" after two seconds; here sooner


class Hanging(PracticeDesk):
    """Answers nothing until it may."""

    def __init__(self):
        super().__init__()
        self.may = asyncio.Event()
        for name, asked in inspect.getmembers(self, inspect.iscoroutinefunction):
            setattr(self, name, self._late(asked))

    def _late(self, asked):
        async def answer(*given, **more):
            await self.may.wait()
            return await asked(*given, **more)

        return answer


@pytest.fixture
async def room(monkeypatch):
    monkeypatch.setattr(windows, "ACK_WITHIN", SOON)
    async with practice() as slack:
        slack.rates.on = False
        ours, desk = place_in(slack), Hanging()
        ours.serve(desk)
        desk.may.set()
        await ours.start()
        await slack.wait_for(lambda: slack.sockets.sockets)
        try:
            yield Room(slack, ours, desk)
        finally:
            desk.may.set()
            await ours.stop()


CLICKS = {"reauthorize": None, "claim": None, "details": None, "snooze": "4h:out_google", "ask_someone": None}
COMMANDS = ["connections", "outages", "check", "connect google_ads", "pause con_2", "remove con_2", "routes", "help"]


async def test_clicks_and_commands_are_acknowledged_while_everything_behind_hangs_and_done_when_it_does_not(room):
    ts = await room.alert(google())
    room.desk.may.clear()
    clicks = (room.slack.click(MARKETING, ts, action, value=value) for action, value in CLICKS.items())
    typed = (room.slack.command("/redkey", text, patience=0.01) for text in COMMANDS)
    answers = await asyncio.gather(*clicks, *typed)
    assert len(CLICKS) + len(COMMANDS) == sum(each.acked for each in answers)
    assert max(each.seconds for each in answers) < IN_TIME
    assert "claim" not in [what for what, *_ in room.desk.asked]

    room.desk.may.set()
    await room.slack.wait_for(lambda: ("claim", "out_google", ANNA) in room.desk.asked)


async def test_an_event_is_acknowledged_while_everything_behind_hangs_and_does_not_come_twice(room):
    room.desk.may.clear()
    room.slack.delivery.retry_after = (0.0, 0.0, 0.0)
    await room.slack.open_home(patience=0.01)
    async with asyncio.timeout(IN_TIME):
        while room.slack.delivery.busy:  # noqa: ASYNC110 - an event that is acknowledged tells nobody
            await asyncio.sleep(0.01)
    room.desk.may.set()
    await room.slack.wait_for(lambda: room.slack.state.homes.get(ANNA))
    assert 1 == [what for what, *_ in room.desk.asked].count("connections")


async def test_a_window_that_is_answered_late_says_so_first(room):
    await room.slack.command("/redkey", "pause")
    room.desk.may.clear()
    answer = await room.slack.submit_view({"which": "con_2"})
    assert answer.acked
    assert answer.seconds < SOON + IN_TIME
    assert "One moment" in answer.view.words
    room.desk.may.set()
    await room.slack.wait_for(lambda: "is paused" in room.slack.modal().words)
