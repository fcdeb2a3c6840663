"""The windows of /redkey and of the Home tab: real Bolt on a real socket, against a Slack that is strict."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from practice_room import Room, opened
from sample_facts import ANNA, NOW

from bot.memory.routes import Route
from bot.people.people import Reachable
from bot.words.connection import Account
from bot.words.errors import TryLater
from sandbox.slack.model import Channel, View

BEN = "U0BEN0000"


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with opened() as made:
        yield made


async def command(room: Room, text: str) -> View:
    answer = await room.slack.command("/redkey", text)
    assert answer.acked
    assert answer.view is not None
    return answer.view


async def home(room: Room) -> View:
    view = await room.slack.open_home()
    assert view is not None
    return view


def options(view: View) -> list[str]:
    held = next(e for e in view.elements if e["action_id"] == "which")
    groups = held.get("option_groups") or [held]
    return [o["value"] for group in groups for o in group["options"]]


async def test_pause_and_resume_without_a_name_ask_which(room: Room) -> None:
    asked = await command(room, "pause")
    assert ["con_1", "con_2"] == sorted(options(asked))
    done = await room.slack.submit_view({"which": "con_2"})
    assert "Google Ads: Acme US is paused." in done.view.words
    assert ("pause", "con_2", ANNA) in room.desk.asked

    assert ["con_2"] == options(await command(room, "resume"))
    done = await room.slack.submit_view({"which": "con_2"})
    assert "is on again" in done.view.words
    answer = await room.slack.command("/redkey", "resume")
    assert "No connection is paused." in answer.text


async def test_nothing_is_done_before_something_is_chosen(room: Room) -> None:
    await command(room, "pause")
    answer = await room.slack.submit_view()
    assert {"which": "Please complete this required field."} == answer.errors
    assert "pause" not in {asked[0] for asked in room.desk.asked}


async def test_remove_without_a_name_asks_which_and_then_whether(room: Room) -> None:
    await command(room, "remove")
    asked = await room.slack.submit_view({"which": "con_2"})
    assert "Remove *Google Ads: Acme US*?" in asked.view.words
    assert "con_2" in room.desk.known
    done = await room.slack.submit_view()
    assert "is removed" in done.view.words
    assert "con_2" not in room.desk.known


async def test_connect_asks_for_the_platform_and_leads_to_the_login(room: Room) -> None:
    asked = await command(room, "connect")
    assert ["google_ads", "salesforce"] == options(asked)
    await room.slack.submit_view({"which": "salesforce"})
    assert ("connect_link", "salesforce", ANNA) in room.desk.asked
    clicked = await room.slack.click_view("connect_open")
    assert (True, "https://redkey.example.com/connect/once") == (clicked.acked, clicked.url)


async def test_accounts_that_a_login_here_reaches_are_watched_without_a_new_login(room: Room) -> None:
    room.desk.logins = [
        Reachable("grn_1", "ada@acme.example", (Account("77", "Acme Asia"), Account("88", "<!channel> & co"))),
        Reachable("grn_2", "ben@acme.example", ()),
    ]
    await home(room)
    await room.slack.click_view("home_connect")
    await room.slack.wait_for(room.slack.modal)
    form = await room.slack.submit_view({"which": "google_ads"})
    assert "Accounts of ada@acme.example" in form.view.words.replace("\u2060", "")
    assert "ben@" not in form.view.words
    empty = await room.slack.submit_view()
    assert "Choose an account" in empty.errors["accounts:grn_1"]
    done = await room.slack.submit_view({"accounts": ["77"]})
    assert "1 account is watched now:\n• Google Ads: Acme Asia" in done.view.words
    assert ("watch", "grn_1", "77", ANNA) in room.desk.asked
    await room.slack.wait_for(lambda: "Acme Asia" in room.slack.home().words)


async def test_routes_are_chosen_in_two_windows_and_kept(room: Room) -> None:
    asked = await command(room, "routes")
    assert {"platform:google_ads", "platform:salesforce", "con_1", "con_2"} == set(options(asked))
    form = await room.slack.submit_view({"which": "con_2"})
    assert "Its alerts go to <#C0REDKEY00>." in form.view.words
    given = {"route_channel": "C0SALES000", "route_people": [BEN], "route_groups": "S0MARKETIN"}
    done = await room.slack.submit_view(given)
    assert "Its alerts go to <#C0SALES000>." in done.view.words
    assert Route(channel="C0SALES000", owners=(BEN, "S0MARKETIN")) == room.desk.made["con_2"]

    again = await command(room, "routes acme us")
    held = {e["action_id"]: e for e in again.elements}
    assert "C0SALES000" == held["route_channel"]["initial_conversation"]
    assert "S0MARKETIN" == held["route_groups"]["initial_value"]
    await room.slack.submit_view({"route_forget": ["forget"]})
    assert room.desk.made["con_2"].empty


async def test_a_platform_has_a_route_too(room: Room) -> None:
    await command(room, "routes Google Ads")
    await room.slack.submit_view({"route_channel": "C0SALES000"})
    assert Route(channel="C0SALES000") == room.desk.made["google_ads"]


async def test_a_channel_that_would_not_work_is_refused_where_it_was_chosen(room: Room) -> None:
    channels = room.slack.state.channels
    channels["C0SECRET0"] = Channel("C0SECRET0", "secret", is_private=True, has_bot=False)
    channels["C0SALES000"].is_archived = True
    await command(room, "routes con_2")
    secret = await room.slack.submit_view({"route_channel": "C0SECRET0"})
    assert "/invite @Redkey" in secret.errors["route_channel"]
    archived = await room.slack.submit_view({"route_channel": "C0SALES000"})
    assert {"route_channel": "This channel is archived."} == archived.errors
    strange = await room.slack.submit_view({"route_groups": "@marketing"})
    assert "is not the id of a user group" in strange.errors["route_groups"]
    assert {} == room.desk.made


async def test_when_slack_does_not_say_what_a_channel_is_the_person_is_believed(room: Room) -> None:
    room.slack.fail("conversations.info", "internal_error", times=None)
    await command(room, "routes con_2")
    done = await room.slack.submit_view({"route_channel": "C0SALES000"})
    assert {} == done.errors
    assert "C0SALES000" == room.desk.made["con_2"].channel


@pytest.mark.parametrize("deed", ["pause", "remove", "routes"])
async def test_what_is_done_from_the_home_tab_shows_there_at_once(room: Room, deed: str) -> None:
    await home(room)
    await room.slack.click_view("home_show", value="ads")
    await room.slack.wait_for(lambda: room.slack.home().body["private_metadata"].startswith("ads"))
    before = room.slack.home().hash
    assert (await room.slack.click_view("home_more", value=f"{deed}:con_2")).acked
    await room.slack.wait_for(room.slack.modal)
    await room.slack.submit_view({"route_channel": "C0SALES000"} if deed == "routes" else None)
    shown = await room.slack.wait_for(lambda: (v := room.slack.home()).hash != before and v)
    assert shown.body["private_metadata"].startswith("ads")
    if deed == "pause":
        assert "⚪ *Google Ads: Acme US*" in shown.words
        await room.slack.close_view()
        assert (await room.slack.click_view("home_more", value="resume:con_2")).acked
        await room.slack.wait_for(lambda: "🟢 *Google Ads: Acme US*" in room.slack.home().words)
    if deed == "remove":
        assert "Acme US" not in shown.words


async def test_details_from_the_home_tab_say_whose_login_it_is_and_where_alerts_go(room: Room) -> None:
    await home(room)
    await room.slack.click_view("home_more", value="details:con_2")
    shown = await room.slack.wait_for(room.slack.modal)
    assert "Its alerts go to <#C0REDKEY00>." in shown.words
    assert "con_2" in shown.words
    await room.slack.close_view()
    await room.slack.click_view("home_details")
    lost = await room.slack.wait_for(room.slack.modal)
    assert "Authorization Required" in lost.words


async def test_renewing_from_the_menu_is_a_link_and_is_acknowledged(room: Room) -> None:
    await home(room)
    answer = await room.slack.click_view("home_more", value="renew:con_2")
    assert (True, "https://redkey.example.com/reauthorize/con_2") == (answer.acked, answer.url)
    assert room.slack.modal() is None


async def test_an_account_is_found_by_any_part_of_its_name_login_or_id(room: Room) -> None:
    one = room.desk.known["con_2"]
    for n in range(10):
        account = replace(one.connection.account, id=f"55-{n}", name=f"Shop {n}")
        room.desk.known[f"s{n}"] = replace(one, connection=replace(one.connection, id=f"s{n}", account=account))
    await home(room)
    await room.slack.click_view("home_find", value="goo shop 7")
    found = await room.slack.wait_for(lambda: (v := room.slack.home()) and "Shop 1" not in v.words and v)
    assert "Shop 7" in found.words
    assert "Acme US" not in found.words
    await room.slack.click_view("home_find", value="")
    await room.slack.wait_for(lambda: "Shop 1" in room.slack.home().words)


async def test_after_what_is_lost_comes_what_ends_soon(room: Room) -> None:
    one = room.desk.known["con_2"]
    soon = replace(one.connection, id="con_3", expires_at=NOW + timedelta(days=12))
    soon = replace(soon, account=replace(soon.account, name="Zebra"))
    room.desk.known["con_3"] = replace(one, connection=soon)
    view = await home(room)
    assert "1 connection needs a login · 1 login ends within a month" in view.words
    assert view.words.index("Acme EMEA") < view.words.index("Zebra") < view.words.index("Acme US")
    await room.slack.click_view("home_show", value="ends_soon")
    await room.slack.wait_for(lambda: "Acme" not in room.slack.home().words)


async def test_a_full_page_of_lost_connections_of_a_thousand_stays_within_slacks_limits(room: Room) -> None:
    one = room.desk.known["con_1"]
    room.desk.known = {f"c{n}": replace(one, connection=replace(one.connection, id=f"c{n}")) for n in range(1000)}
    view = await home(room)
    assert "Page 1 of 50" in view.words
    assert 20 == sum(e["action_id"] == "home_details" for e in view.elements)
    assert len(view.blocks) <= 100
    for verb in ("pause", "remove", "routes"):
        assert "/redkey" in (await command(room, verb)).words
        await room.slack.close_view()


async def test_what_goes_wrong_behind_a_home_button_is_told_in_a_window(room: Room) -> None:
    await home(room)
    room.desk.trouble = TryLater("the database is away")
    await room.slack.click_view("home_more", value="pause:con_2")
    told = await room.slack.wait_for(room.slack.modal)
    assert "Please try again in a minute." in told.words


async def test_what_goes_wrong_in_a_window_is_told_in_it(room: Room) -> None:
    await command(room, "pause")
    room.desk.trouble = TryLater("the database is away")
    done = await room.slack.submit_view({"which": "con_2"})
    assert "Please try again in a minute." in done.view.words


async def test_a_window_that_comes_too_late_for_slack_is_replaced_by_a_private_sentence(room: Room) -> None:
    room.slack.state.triggers.lifetime = -1.0
    answer = await room.slack.command("/redkey", "pause")
    assert "Please try again in a minute." in answer.text
    assert answer.message.ephemeral_for == ANNA


async def test_windows_are_in_the_language_of_whoever_reads_them(room: Room) -> None:
    room.slack.state.users[ANNA].locale = "fr-FR"
    asked = await command(room, "routes con_2")
    assert "Canal des alertes" in asked.words
    assert "Ce qui reste vide suit les réglages." in asked.words


@pytest.mark.parametrize("renewed_from_the_menu", [False, True])
async def test_whoever_left_the_home_tab_to_log_in_finds_it_up_to_date(room: Room, renewed_from_the_menu: bool) -> None:
    room.ours.following._every = 0.01
    await home(room)
    await room.slack.click_view("home_show", value="ads")
    if renewed_from_the_menu:
        await room.slack.click_view("home_more", value="renew:con_1")
    else:
        await room.slack.click_view("reauthorize", value="con_1")
    one = room.desk.known["con_1"]
    asked = len(room.desk.asked)
    await room.slack.wait_for(lambda: "🔴" in room.slack.home().words)
    while ("connection", "con_1") not in room.desk.asked[asked:]:  # noqa: ASYNC110 - nobody tells when a desk is asked
        await asyncio.sleep(0.005)
    for change, sign in ({"authorized": True, "catching_up": True}, "🟠"), ({"catching_up": False}, "🟢"):
        one = room.desk.known["con_1"] = replace(one, connection=replace(one.connection, **change))
        line = f"{sign} *Google Ads: Acme EMEA*"
        shown = await room.slack.wait_for(lambda s=line: (v := room.slack.home()) and s in v.words and v)
        assert shown.body["private_metadata"].startswith("ads")
    await asyncio.gather(*room.ours.following._tasks.values())


async def test_a_window_of_an_older_version_is_answered(room: Room) -> None:
    await command(room, "pause")
    room.slack.modal().body["callback_id"] = "retired"
    done = await room.slack.submit_view({"which": "con_2"})
    assert "older version" in done.view.words
