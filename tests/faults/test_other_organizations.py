"""People of other organizations, in a channel that is shared with them: whatever they press, type or send, nothing is done."""

import pytest
from practice_room import opened

from sandbox.slack import ANNA, MARKETING

STRANGER = "T0STRANGER"
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
