"""Ask someone else: a link for one reauthorization, once, for a day, that can be taken back; and who used it is told."""

import json
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from deployment import deployed
from practice_room import opened
from practice_story import ADA, BEN, SALESFORCE, sqlite_only
from sample_facts import ANNA, CHANNEL

from bot.memory.audit import verified
from bot.memory.memory import Work
from bot.people.people import Ending, NotFound
from bot.reauthorize.guests import Guests
from sandbox.person import consent

BERTA = "U0BERTA00"


@pytest.fixture
async def story(story):
    await story.begin_with(SALESFORCE)
    await story.work()
    return story


async def asked(story, *, same_login=True):
    outage = await story.drop(SALESFORCE)
    await story.work(Work.SAY)
    url = await story.desk.ask_guest(outage.id, ANNA, same_login=same_login)
    await story.work(Work.SAY)
    return outage, url.rpartition("/")[2]


async def use(story, token, person=ADA, **more):
    params, browser = await story.way_back(await story.door.guest(token), person, **more)
    return await story.door.finish(SALESFORCE, params, browser)


async def last(story, outage):
    event = (await story.outage(outage.id)).timeline[-1]
    return event.what, event.who


async def acts(story):
    async with story.memory.read() as tx:
        rows = [act async for act in tx.audit.rows()]
        assert (await verified(tx.audit.rows())).broken is None
    return [(act.what, act.who) for act in rows if act.what.startswith("guest") or act.what == "reauthorized"]


async def test_the_link_mends_this_outage_once_and_everybody_sees_who_used_it(story):
    outage, token = await asked(story)
    page = await story.door.guest_page(token)
    assert (page.platform_name, [a.name for a in page.accounts]) == ("Salesforce", ["Acme"])

    done = await use(story, token)
    assert (done.ending, done.ref) == (Ending.RESTORED, "")
    assert await story.door.guest_page(token) is None
    with pytest.raises(NotFound):
        await story.door.guest(token)
    await story.work()
    assert "Somebody asked a person outside Slack to log in." in story.replies()[0]
    assert f"The link for somebody outside Slack was used by {ADA}." in story.replies()
    assert await acts(story) == [("guest_link", ANNA), ("guest_used", ADA), ("reauthorized", ADA)]
    assert (await story.outage(outage.id)).closed_at


async def test_a_link_that_was_taken_back_or_is_a_day_old_opens_nothing(story):
    outage, token = await asked(story)
    params, browser = await story.way_back(await story.door.guest(token), ADA)  # is at the platform already
    link = story.world.slack.thread(CHANNEL, story.posts()[0].ts)[0].element("take_back")["value"]
    assert await story.desk.take_back(link, "U0BEN0000") is True
    assert await story.desk.take_back(link, "U0BEN0000") is False
    assert await story.door.guest_page(token) is None
    late = await story.door.finish(SALESFORCE, params, browser)
    assert late.ending is Ending.FAILED
    assert "taken back" in late.why
    assert not (await story.outage(outage.id)).reauthorized_at

    again = (await story.desk.ask_guest(outage.id, ANNA, same_login=True)).rpartition("/")[2]
    story.clock.advance(days=1)
    assert await story.door.guest_page(again) is None


async def test_only_the_login_of_so_far_is_taken_unless_the_maker_says_otherwise(story):
    outage, token = await asked(story)
    wrong = await use(story, token, BEN)
    assert (wrong.ending, wrong.ref) == (Ending.WRONG_ACCOUNT, "")
    assert await story.door.guest_page(token) is not None  # it is not used up by that
    assert ("wrong_account", BEN) == (await last(story, outage))
    assert 1 == story.world.salesforce.ledger.count("grant.revoked", person=BEN)

    any_login = (await story.desk.ask_guest(outage.id, ANNA, same_login=False)).rpartition("/")[2]
    assert (await use(story, any_login, BEN)).ending is Ending.RESTORED
    (connection,) = await story.connections()
    assert connection.login == BEN
    assert (await story.grant(connection)).authorized_by == ""


@sqlite_only
async def test_saying_no_uses_nothing_up_and_a_mended_outage_needs_no_link(story):
    outage, token = await asked(story)
    assert (await use(story, token, allow=False)).ending is Ending.DECLINED
    assert await story.door.guest_page(token) is not None
    await story.reauthorize(SALESFORCE, outage.id)
    assert await story.door.guest_page(token) is None
    with pytest.raises(NotFound):
        await story.door.guest(token)
    with pytest.raises(NotFound):
        await story.desk.ask_guest(outage.id, ANNA, same_login=True)


@sqlite_only
async def test_who_made_a_link_and_who_took_it_back_stands_in_the_audit_log_the_timeline_and_the_thread(story):
    story.alert._composer._name_of = {ANNA: "Anna", BERTA: "Berta"}.get
    outage, _ = await asked(story)
    link = story.world.slack.thread(CHANNEL, story.posts()[0].ts)[0].element("take_back")["value"]
    await story.desk.take_back(link, BERTA)
    await story.work(Work.SAY)
    assert ["Anna asked a person outside Slack", "The link for somebody outside Slack was taken back."] == [
        reply.partition(" to log in.")[0] for reply in story.replies()
    ]

    async with story.memory.read() as tx:
        made, revoked = [act async for act in tx.audit.rows() if act.what.startswith("guest")]
    until = (story.clock() + timedelta(days=1)).isoformat()
    assert (made.what, made.who, made.subject) == ("guest_link", ANNA, link)
    assert made.detail == {"outage": outage.id, "until": until}
    assert (revoked.what, revoked.who, revoked.subject) == ("guest_revoked", BERTA, link)
    assert revoked.detail == {"outage": outage.id}
    told = (await story.outage(outage.id)).timeline[-2:]
    assert [("guest_link", ANNA), ("guest_revoked", BERTA)] == [(event.what, event.who) for event in told]


@sqlite_only
async def test_the_platform_is_told_whose_login_is_wanted_where_no_other_will_do(story):
    outage, token = await asked(story)
    any_login = (await story.desk.ask_guest(outage.id, ANNA, same_login=False)).rpartition("/")[2]
    ways = [(await story.door.guest(each)).url for each in (token, any_login)]
    assert [[ADA], None] == [parse_qs(urlsplit(way).query).get("login_hint") for way in ways]


@sqlite_only
async def test_the_link_of_a_house_whose_address_ends_in_a_slash_has_only_one(story):
    outage = await story.drop(SALESFORCE)
    guests = Guests(story.memory, story.gateways, story.app.guests._consents, "https://redkey.example/", story.clock)
    url = await guests.ask(outage.id, ANNA, same_login=True)
    assert url.startswith("https://redkey.example/guest/")


@sqlite_only
async def test_two_people_with_one_link_are_one_login(story):
    _, token = await asked(story)
    first = await story.way_back(await story.door.guest(token), ADA)
    second = await story.way_back(await story.door.guest(token), ADA)
    assert (await story.door.finish(SALESFORCE, *first)).ending is Ending.RESTORED
    assert (await story.door.finish(SALESFORCE, *second)).ending in {Ending.FAILED, Ending.ALREADY}


async def test_the_token_stands_nowhere_but_in_the_answer(story, memory):
    _, token = await asked(story)
    await use(story, token)
    await story.work()
    async with memory.begin() as tx:
        tables = ("guest_links", "outage_events", "outbox", "consents", "audit")
        connection = tx.consents._tx.connection
        for table in tables:
            rows = (await connection.exec_driver_sql(f"SELECT * FROM {table}")).all()
            assert token not in repr(rows), table
    said = [c.args for c in story.world.slack.calls]
    assert token not in json.dumps(said)


async def test_the_window_makes_the_link_and_shows_it_to_its_maker_alone():
    async with opened() as room:
        ts = await room.alert()
        await room.slack.click(CHANNEL, ts, "ask_someone")
        view = await room.slack.wait_for(room.slack.modal)
        assert "By making it you approve of whoever uses it." in view.words
        answer = await room.slack.submit_view({"ask_who": "any"})
        assert "https://redkey.example.com/guest/once" in answer.view.words
        assert room.desk.asked == [("ask_guest", "out_google", ANNA, "any")]
        assert "guest/once" not in json.dumps([c.args for c in room.slack.calls])


async def test_a_guest_needs_no_slack_and_sees_no_other_page(tmp_path, sqlite_url, monkeypatch):
    monkeypatch.setenv("REDKEY_WEB__REQUIRE_SLACK_LOGIN", "true")
    async with deployed(tmp_path, sqlite_url) as redkey:
        desk, door = redkey.app.desk, redkey.app.door
        token = (await desk.connect_link(SALESFORCE, ANNA)).rpartition("/")[2]
        begun = await door.connect(token)
        async with httpx2.AsyncClient() as browser:
            query = parse_qs(urlsplit(await consent(browser, begun.url, ADA)).query)
        chosen = (await door.finish(SALESFORCE, {k: v[0] for k, v in query.items()}, begun.browser)).connect
        await door.choose(chosen.token, [a.id for a in chosen.accounts])
        redkey.sandbox(SALESFORCE).revoke()
        await desk.check()
        outage = (await redkey.until(lambda: desk.outages(open_only=True)))[0].outage
        url = await redkey.app.desk.ask_guest(outage.id, ANNA, same_login=True)
        async with httpx2.AsyncClient(timeout=20) as web:
            page = await web.get(url)
            assert page.status_code == 200
            assert page.headers["referrer-policy"] == "no-referrer"
            assert ADA not in page.text
            assert (await web.head(url)).status_code == 200
            begun = await web.post(url)
            async with httpx2.AsyncClient() as browser:
                back = await consent(browser, begun.headers["location"], ADA)
            done = await web.get(back)
            assert re.search(r'data-told="restored"', done.text)
            assert (await web.get(url)).status_code == 404
            start = url.partition("/guest")[0] + f"/reauthorize/{outage.id}"
            assert (await web.get(start)).headers["location"].startswith("/signin")
