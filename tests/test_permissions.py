"""Permissions that were not given: each stops the transfer that needs it, the others go on, and everything says so."""

import pytest

from bot.commands.watch import _status
from bot.outages.marks import taggable
from bot.words.connection import Flow, Status
from bot.words.listing import connection_item
from handlers.slack.looks.connection_lists import connection_line
from handlers.words import Words


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("platform", "left_out", "stopped", "said"),
    [
        ("meta_ads", "ads_management", Flow.TAGGING, "no permission to tag ads"),
        ("linkedin_ads", "rw_ads", Flow.TAGGING, "no permission to tag ads"),
        ("linkedin_ads", "r_ads_reporting", Flow.COST, "no permission to download costs"),
    ],
)
async def test_a_permission_that_was_not_given_is_said_at_connect_at_a_renewal_and_in_connections(
    story, platform, left_out, stopped, said
):
    """Costs will work, tagging will not; or the other way round."""
    sandbox = story.sandbox(platform)
    if platform == "linkedin_ads":  # it has no boxes: it leaves out what the app is not approved for
        sandbox.oauth.withheld.add(left_out)
    link = await story.desk.connect_link(platform, "U0ANNA000")
    begun = await story.door.connect(link.rpartition("/")[2])
    params, browser = await story.way_back(begun, sandbox.demo_login, without_scopes=(left_out,))
    page = (await story.door.finish(platform, params, browser)).connect
    assert (stopped,) == page.stopped

    await story.door.choose(page.token, [page.accounts[0].id])
    await story.work()

    (facts,) = await story.desk.connections()
    assert _status(facts).endswith(f"(permission missing: {stopped})")
    assert said in connection_line(facts, Words("en"))
    assert (stopped,) == (await story.app.gallery.connection(facts.connection.id)).shown.stopped
    transfers = await story.transfers(facts.connection)
    moved = {flow for flow, transfer in transfers.items() if transfer.cursor}
    assert {Flow.COST, Flow.TAGGING} - {stopped} == moved
    status = Status.CONNECTED if stopped is Flow.TAGGING else Status.CONNECTED_WITH_AUTOTAGGING
    assert {status} == await _statuses_everywhere(story, facts.connection.id)
    assert [] == await story.outages()
    again = await story.leave_for(facts.connection.id, sandbox.demo_login, without_scopes=(left_out,))
    assert (stopped,) == (await story.door.finish(platform, *again)).stopped


async def _statuses_everywhere(story, connection_id) -> set[str]:
    """In lists, on pages, in the answer of a check, over the API, and as the numbers count them."""
    (facts,), (check,) = await story.desk.connections(), await story.desk.check(connection_id)
    shown = (await story.app.gallery.connection(connection_id)).shown

    def may_tag(platform, scopes, opted_in):
        return taggable(story.app.gateways[platform].platform, scopes, opted_in=opted_in)

    async with story.memory.read() as tx:
        counted = await tx.connections.counted(may_tag)
    told = {facts.connection.status, shown.connection.status, check.connection.status, *counted}
    return told | {connection_item(facts)["status"], (await story.app.ledger.freshness(connection_id)).status}
