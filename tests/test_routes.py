"""Which channel hears of what: what people choose in Slack, what the settings say, and which of the two counts."""

import json

import pytest
from practice_story import GOOGLE, SALESFORCE

from bot.memory.routes import Route, Routes
from bot.people.people import NotFound
from handlers.slack.listeners.route_window import route_form
from handlers.words import Words
from sandbox.slack import MARKETING

ANNA, BEN = "U0ANNA000", "U0BEN0000"
SALES = "C0SALES000"


def test_a_connection_outranks_its_platform_and_slack_outranks_the_settings_of_the_same_rank():
    file = [Route(connection="con_1", channel="C1FILE"), Route("google_ads", channel="C2FILE", owners=("U0FILE00",))]
    routes = Routes("C0DEFAULT", file)
    assert ("C1FILE", ("U0FILE00",)) == (
        routes.channel_of("google_ads", "con_1"),
        routes.owners_of("google_ads", "con_1"),
    )

    by_platform = routes.over([Route("google_ads", channel="C2SLACK", owners=("U0SLACK0",))])
    assert "C1FILE" == by_platform.channel_of("google_ads", "con_1")
    assert "C2SLACK" == by_platform.channel_of("google_ads", "con_2")
    assert ("U0SLACK0",) == by_platform.owners_of("google_ads", "con_1")

    by_connection = routes.over([Route(connection="con_1", owners=("U0OWN000",))])
    assert ("C1FILE", ("U0OWN000",)) == (
        by_connection.channel_of("google_ads", "con_1"),
        by_connection.owners_of("google_ads", "con_1"),
    )
    assert "C0DEFAULT" == by_connection.channel_of("salesforce", "con_9")


async def test_the_next_alert_goes_where_somebody_said_in_slack_and_mentions_whom_they_named(story):
    (salesforce,) = await story.connect(SALESFORCE)
    await story.work()
    facts = await story.desk.reroute("", salesforce.id, Route(channel=SALES, owners=(BEN,)), ANNA)
    assert (SALES, (BEN,)) == (facts.channel, facts.owners)
    assert (ANNA, story.clock()) == (facts.made.made_by, facts.made.made_at)
    [listed] = await story.desk.connections()
    assert (SALES, (BEN,)) == (listed.channel, listed.owners)
    assert f"Chosen by <@{ANNA}>, <!date^" in json.dumps(route_form(facts, Words("en")))

    outage = await story.drop(SALESFORCE)
    await story.work()
    assert SALES == outage.channel
    assert [] == story.world.slack.messages(MARKETING)
    (post,) = story.world.slack.messages(SALES)
    assert f"<@{BEN}>" in post.words

    back = await story.desk.reroute("", salesforce.id, Route(), ANNA)
    assert (MARKETING, (), None) == (back.channel, back.owners, back.made)
    async with story.memory.read() as tx:
        noted = [(act.who, act.subject, act.detail["channel"]) async for act in tx.audit.rows() if act.what == "routed"]
    assert [(ANNA, salesforce.id, SALES), (ANNA, salesforce.id, "")] == noted


async def test_a_platform_can_be_routed_and_what_is_not_there_cannot(story):
    google = await story.connect(GOOGLE)
    await story.desk.reroute(GOOGLE, "", Route(channel=SALES), ANNA)
    assert {SALES} == {c.channel for c in await story.desk.connections()}
    assert (MARKETING, SALES) == (
        (await story.desk.route(SALESFORCE)).channel,
        (await story.desk.route("", google[0].id)).channel,
    )
    for platform, connection in (("myspace", ""), ("", "con_unknown"), ("", "")):
        with pytest.raises(NotFound):
            await story.desk.route(platform, connection)
        with pytest.raises(NotFound):
            await story.desk.reroute(platform, connection, Route(channel=SALES), ANNA)
