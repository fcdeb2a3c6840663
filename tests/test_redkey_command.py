"""/redkey and the Home tab: real Bolt on a real socket; every answer is private."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from practice_room import Room, opened
from sample_facts import ANNA, google

from bot.words.connection import Status


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with opened() as made:
        yield made


async def said(room: Room, text: str) -> str:
    answer = await room.slack.command("/redkey", text)
    assert answer.acked
    assert answer.message is not None
    assert answer.message.ephemeral_for == ANNA
    return answer.text


async def test_redkey_without_a_known_word_explains_itself(room: Room) -> None:
    for text in ("", "help", "nonsense <!channel>", "HELP"):
        shown = await said(room, text)
        for verb in ("connections", "outages", "connect", "check", "pause", "resume", "remove", "routes"):
            assert f"/redkey {verb}" in shown
        assert ("There is no" in shown) is text.startswith("nonsense")


async def test_redkey_connections_lists_what_needs_a_person_first(room: Room) -> None:
    shown = await said(room, "connections")
    assert shown.index("Acme EMEA") < shown.index("Acme US")
    assert "Authorization Required" in shown
    assert "Connected with Autotagging" in shown
    assert "con_2" in shown


async def test_redkey_routes_says_which_channel_hears_of_what(room: Room) -> None:
    one = room.desk.known["con_2"]
    room.desk.known["con_2"] = replace(one, channel="C0SALES000")
    await room.slack.command("/redkey", "routes")
    shown = room.slack.modal().words
    assert "<#C0REDKEY00> · Google Ads: Acme EMEA" in shown
    assert "<#C0SALES000> · Google Ads: Acme US" in shown


async def test_redkey_outages_links_to_each_start_page(room: Room) -> None:
    shown = await said(room, "outages")
    assert google().start_url in shown
    assert "Salesforce: Acme Sales" in shown


@pytest.mark.parametrize("text", ["connect google_ads", "connect Google Ads", "connect google-ads"])
async def test_redkey_connect_gives_a_link_for_once(room: Room, text: str) -> None:
    shown = await said(room, text)
    assert "<https://redkey.example.com/connect/once|Connect Google Ads>" in shown
    assert ("connect_link", "google_ads", ANNA) in room.desk.asked


async def test_redkey_connect_without_a_platform_names_those_there_are(room: Room) -> None:
    shown = await said(room, "connect myspace")
    assert "google_ads" in shown
    assert "Salesforce" in shown
    assert room.desk.asked == []


async def test_redkey_check_probes_one_or_all(room: Room) -> None:
    everything = await said(room, "check")
    assert "This login has expired." in everything
    assert "works" in everything
    one = await said(room, "check con_2")
    assert "Acme EMEA" not in one
    assert "works" in one


async def test_redkey_pause_and_resume_take_an_id_or_a_name(room: Room) -> None:
    assert "is paused" in await said(room, "pause con_2")
    assert "Connected with Autotagging" in await said(room, "resume acme us")
    assert room.desk.known["con_2"].connection.status is Status.CONNECTED_WITH_AUTOTAGGING


async def test_redkey_with_an_unknown_id_lists_the_known_ones(room: Room) -> None:
    for verb in ("check", "pause", "resume"):
        shown = await said(room, f"{verb} con_<!channel>")
        assert "There is no connection" in shown
        assert "<!channel>" not in shown
        assert "con_1" in shown


async def test_answers_to_someone_whose_language_is_not_known_are_in_the_one_that_was_set() -> None:
    async with opened(language="fr") as room:
        room.slack.fail("users.info", "internal_error", times=None)
        shown = await said(room, "connections")
        assert "Autorisation requise" in shown
        assert "Connecté avec balisage automatique" in shown


async def test_the_home_tab_shows_every_connection_and_the_way_back(room: Room) -> None:
    view = await room.slack.open_home()
    assert view is not None
    assert "1 connection needs a login" in view.words
    assert view.words.index("Acme EMEA") < view.words.index("Acme US")
    answer = await room.slack.click_view("reauthorize")
    assert answer.acked
    assert answer.url == "https://redkey.example.com/reauthorize/con_1"


async def test_a_thousand_connections_are_pages_of_twenty(room: Room) -> None:
    one = room.desk.known["con_2"]
    room.desk.known |= {f"c{n}": replace(one, connection=replace(one.connection, id=f"c{n}")) for n in range(1000)}
    first = await room.slack.open_home()
    assert first is not None
    assert "Page 1 of 51" in first.words
    assert "Acme EMEA" in first.words
    assert (await room.slack.click_view("home_on")).acked
    second = await room.slack.wait_for(lambda: (v := room.slack.home()) and "Page 2 of 51" in v.words and v)
    assert "Acme EMEA" not in second.words
    assert len([b for b in second.blocks if b["type"] == "section"]) == 20
    await room.slack.click_view("home_back")
    await room.slack.wait_for(lambda: (v := room.slack.home()) and "Page 1 of 51" in v.words)


async def test_the_home_tab_can_be_filtered(room: Room) -> None:
    await room.slack.open_home()
    assert (await room.slack.click_view("home_show", value="needs_action")).acked
    shown = await room.slack.wait_for(lambda: (v := room.slack.home()) and "Acme US" not in v.words and v)
    assert "Acme EMEA" in shown.words
    await room.slack.click_view("home_show", value="crm")
    await room.slack.wait_for(lambda: (v := room.slack.home()) and "No connection is like that." in v.words)
    await room.slack.click_view("home_show", value="all")
    await room.slack.wait_for(lambda: (v := room.slack.home()) and "Acme US" in v.words)


async def test_redkey_remove_asks_first_and_tells_what_became_of_the_login(room: Room) -> None:
    await room.slack.command("/redkey", "remove con_2")
    asked = room.slack.modal()
    assert asked is not None
    assert "Google Ads: Acme US" in asked.words
    assert ("remove", "con_2", ANNA) not in room.desk.asked

    await room.slack.submit_view()
    await room.slack.wait_for(lambda: "revoked at Google Ads" in room.slack.modal().words)
    assert ("remove", "con_2", ANNA) in room.desk.asked
    assert "con_2" not in room.desk.known


async def test_redkey_remove_without_a_known_id_says_which_there_are(room: Room) -> None:
    assert "con_2" in await said(room, "remove con_99")


async def test_what_someone_else_has_removed_meanwhile_is_told_in_the_window(room: Room) -> None:
    await room.slack.command("/redkey", "remove con_2")
    del room.desk.known["con_2"]
    await room.slack.submit_view()
    await room.slack.wait_for(lambda: "not there any more" in room.slack.modal().words)
