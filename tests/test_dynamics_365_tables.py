"""Dynamics 365's tables and limits: keys that are not ready, time-outs, and which ids it holds."""

import json
from datetime import timedelta

import pytest
from practice_dynamics_365 import desk_of_ada, named, states, touch, touches
from practice_gateway import answered

from bot.words.connection import Account
from bot.words.errors import Misconfigured, TryLater
from bot.words.freight import PushState
from platforms._dynamics_365_records import by_length, quoted
from platforms.dynamics_365 import Dynamics365, Dynamics365Settings
from sandbox.dynamics_365_schema import ATTRIBUTION_TOUCHPOINTS, TOUCHPOINTS, KeyStatus
from sandbox.faults import Fault


@pytest.fixture
async def desk():
    async with desk_of_ada() as opened:
        yield opened


# The table and its key


@pytest.mark.parametrize(
    ("status", "words", "cure"),
    [
        (KeyStatus.PENDING, "still building", "Wait"),
        (KeyStatus.IN_PROGRESS, "still building", "Wait"),
        (KeyStatus.FAILED, "could not build", "reactivate"),
    ],
)
async def test_a_key_that_is_not_active_is_the_operator_s_with_a_cure(desk, status, words, cure):
    desk.sandbox.set_key_status(status)
    for call in (desk.probe, lambda: desk.push([touch(1)])):
        with pytest.raises(Misconfigured) as caught:
            await call()
        assert words in caught.value.cause.words
        assert cure in caught.value.cause.cure
    desk.sandbox.set_key_status(KeyStatus.ACTIVE)
    await desk.probe()
    assert states(await desk.push([touch(1)])) == {PushState.SENT}


async def test_a_key_that_is_deactivated_while_pushing_is_noticed(desk):
    await desk.push([touch(1)])
    desk.sandbox.set_key_status(KeyStatus.PENDING)
    with pytest.raises(Misconfigured):
        await desk.push(touches(3))
    with pytest.raises(Misconfigured):
        await desk.probe()


async def test_a_table_or_a_key_that_is_not_there_is_the_operator_s(desk):
    desk.sandbox.drop_key()
    with pytest.raises(Misconfigured, match="no_such_key"):
        await desk.probe()
    desk.platform.settings = desk.platform.settings.model_copy(update={"object": "nonsenses"})
    with pytest.raises(Misconfigured, match="no_such_table"):
        await desk.push([touch(1)])


async def test_a_missing_table_for_attribution_stops_only_its_own_records(desk):
    del desk.sandbox.org.tables[ATTRIBUTION_TOUCHPOINTS]
    results = await desk.push([touch(1, kind="attribution_touchpoint"), touch(2)])
    assert results["TP2_1"].state is PushState.SET_ASIDE
    assert ATTRIBUTION_TOUCHPOINTS in results["TP2_1"].reason
    assert results["TP2_2"].state is PushState.SENT


# Time-outs and limits


async def test_a_record_that_makes_the_server_stumble_does_not_hold_up_the_others(desk):
    desk.sandbox.deadlock("TP2_1", times=100)
    desk.platform.settings = desk.platform.settings.model_copy(update={"batch_size": 1})
    results = await desk.push(touches(3))
    assert results["TP2_1"].state is PushState.RETRY
    assert "0x80044150" in results["TP2_1"].reason
    assert [results[key].state for key in ("TP2_0", "TP2_2")] == [PushState.SENT] * 2


async def test_a_service_protection_limit_says_when_to_come_back(desk):
    for code in ("0x80072321", "0x80072322", "0x80072326"):
        desk.sandbox.throttle(code, retry_after="17")
        with pytest.raises(TryLater) as caught:
            await desk.push([touch(1)])
        assert caught.value.after == timedelta(seconds=17)
    assert states(await desk.push([touch(1)])) == {PushState.SENT}


async def test_what_was_settled_before_a_limit_struck_is_kept(desk):
    desk.sandbox.refuse("TP2_7", "0x80040265", "no")
    desk.sandbox.faults.add(
        Fault(match="UpsertMultiple", status=429, skip=3, body='{"error":{"code":"0x80072322","message":"x"}}')
    )
    results = await desk.push(touches(8))
    assert states(results) == {PushState.SENT, PushState.RETRY}
    assert results["TP2_0"].state is PushState.SENT
    again = await desk.push([touch(int(key[4:])) for key, value in results.items() if value.state is PushState.RETRY])
    assert again["TP2_7"].state is PushState.SET_ASIDE


# Finding


async def test_find_tells_which_ids_are_there(desk):
    await desk.push(touches(5))
    assert await desk.find([touch(1), touch(7), touch(3)]) == {"TP2_1", "TP2_3"}


async def test_find_reads_every_page(desk):
    desk.sandbox.org.page = 2
    await desk.push(touches(7))
    assert await desk.find(touches(9)) == {f"TP2_{n}" for n in range(7)}


async def test_find_reads_long_lists_in_several_queries(desk):
    many = [named(f"TP2_{n}_" + "x" * 200) for n in range(200)]
    await desk.push(many)
    before = desk.calls()
    assert await desk.find(many) == {each.id for each in many}
    assert 3 < desk.calls() - before < 10


def test_queries_stay_within_an_address():
    for some in by_length([f"日本{n}" + "x" * 240 for n in range(500)], "bizible2_uniqueid"):
        assert 1 <= len(some) <= 100
    assert [len(some) for some in by_length([str(n) for n in range(250)], "c")] == [100, 100, 50]


def test_quotes_are_doubled():
    assert quoted("O'Neil''s") == "'O''Neil''''s'"


def paged(link):
    """A Dataverse that answers a query in two pages."""
    asked = []
    org = "11111111-1111-1111-1111-111111111111"

    async def fetch(_method, url, **_):
        if url.endswith("WhoAmI"):
            return answered(200, json.dumps({"OrganizationId": org, "UserId": org}))
        asked.append(url)
        more = {} if len(asked) > 1 else {"@odata.nextLink": link}
        return answered(200, json.dumps({"value": [{"bizible2_uniqueid": f"TP2_{len(asked)}"}], **more}))

    fetch.kept = {}
    return fetch, asked, Account(org, "o")


ORG = "https://contoso.crm4.dynamics.com"


async def test_the_next_page_is_asked_for_where_the_first_one_lay():
    fetch, asked, account = paged(f"{ORG}/api/data/v9.2/{TOUCHPOINTS}?$skiptoken=x")
    platform = Dynamics365(Dynamics365Settings(org_url=ORG))
    assert await platform.find(fetch, account, touches(4)) == {"TP2_1", "TP2_2"}
    assert asked[1] == f"/api/data/v9.2/{TOUCHPOINTS}?$skiptoken=x"


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/api/data/v9.2/x",
        "https://contoso.crm4.dynamics.com.evil.example/api/data/v9.2/x",
        "//evil.example/api/data/v9.2/x",
        "@evil.example/",
        "",
        7,
        "https://169.254.169.254/api/data/v9.2/",
        "https://contoso.crm4.dynamics.com/elsewhere",
    ],
)
async def test_a_next_page_elsewhere_is_not_asked_for(link):
    fetch, asked, account = paged(link)
    with pytest.raises(TryLater):
        await Dynamics365(Dynamics365Settings(org_url=ORG)).find(fetch, account, touches(4))
    assert len(asked) == 1
