"""People of other organizations, in a channel that is shared with them: whatever they press, type or send, nothing is done."""

import pytest
from practice_room import opened

from sandbox.slack import ANNA, MARKETING

STRANGER = "T0STRANGER"
BEN = "U0BEN0000"
CLICKS = {"claim": None, "details": None, "reauthorize": None, "snooze": "4h:out_google", "ask_someone": None}
COMMANDS = ["connections", "connect google_ads", "pause con_2", "resume con_2", "remove con_2", "routes", "check", ""]


def theirs(payload):
    """The team of whoever did it: beside the user, or, in a command, the payload's own."""
    if isinstance(payload.get("user"), dict):
        return payload | {"user": payload["user"] | {"team_id": STRANGER}}
    return payload | {"team_id": STRANGER}


@pytest.fixture
async def room(monkeypatch):
    async with opened() as room:
        room.ts = await room.alert()
        await room.slack.command("/redkey", "remove con_2")
        room.window = room.slack.modal().id
        room.desk.asked.clear()
        send = room.slack.delivery.send
        monkeypatch.setattr(room.slack.delivery, "send", lambda kind, payload: send(kind, theirs(payload)))
        room.slack.state.users[ANNA].team = STRANGER
        yield room


async def test_nothing_that_people_of_another_organization_do_gets_further_than_a_private_no(room):
    done = [await room.slack.click(MARKETING, room.ts, action, value=value) for action, value in CLICKS.items()]
    done += [await room.slack.command("/redkey", text, patience=1) for text in COMMANDS]
    done.append(await room.slack.submit_view(view_id=room.window))
    assert all(each.acked for each in done)
    assert [] == room.desk.asked
    assert "con_2" in room.desk.known
    said = [m.words for m in room.slack.ephemerals if m.ephemeral_for == ANNA]
    assert len(CLICKS) + len(COMMANDS) == sum("Only members" in words for words in said)
    assert not [words for words in said if "Google Ads" in words]


async def test_a_member_who_acts_from_another_workspace_of_the_same_company_is_let_in(room):
    room.slack.state.users[ANNA].team = room.slack.state.users[BEN].team
    assert (await room.slack.click(MARKETING, room.ts, "claim")).acked
    await room.slack.wait_for(lambda: room.desk.asked)
    room.slack.fail("users.info", "internal_error", times=None)
    room.desk.asked.clear()
    assert (await room.slack.click(MARKETING, room.ts, "claim")).acked
    assert [] == room.desk.asked, "whose member somebody is must be known"


async def test_their_home_tab_names_nothing_of_ours_and_a_members_does():
    async with opened() as room:
        asked = []
        connections = room.desk.connections

        async def counted():
            asked.append(1)
            return await connections()

        room.desk.connections = counted
        room.slack.state.users[BEN].team = STRANGER
        theirs = await room.slack.open_home(BEN)
        assert ["section"] == [block["type"] for block in theirs.blocks]
        assert "Only members" in theirs.words
        assert not asked
        assert "Google Ads" in (await room.slack.open_home(ANNA)).words


async def test_while_slack_does_not_say_whose_member_somebody_is_nothing_is_shown_that_was_not_there():
    async with opened() as room:
        shown = await room.slack.open_home(ANNA)
        room.slack.fail("users.info", "internal_error", times=None)
        assert shown is await room.slack.open_home(ANNA, patience=0.5)
        assert await room.slack.open_home(BEN, patience=0.5) is None
        room.slack.heal()
        room.slack.fail("users.info", "user_not_found", times=None)
        assert "Only members" in (await room.slack.open_home(BEN)).words
