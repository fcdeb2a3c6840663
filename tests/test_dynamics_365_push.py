"""Pushing to Dynamics 365: all or nothing, and yet one bad record holds up no other."""

import asyncio
from decimal import Decimal

import pytest
from practice_dynamics_365 import MEDIUM, desk_of_ada, named, states, touch, touches
from practice_gateway import NOW

from bot.words.errors import TryLater
from bot.words.freight import PushState, Touchpoint
from sandbox.dynamics_365_schema import ATTRIBUTION_TOUCHPOINTS, TOUCHPOINTS
from sandbox.faults import Fault, Kind


@pytest.fixture
async def desk():
    async with desk_of_ada() as opened:
        yield opened


# Pushing


async def test_records_are_upserted_with_date_and_email_and_renamed_fields(desk):
    desk.sandbox.add_column(TOUCHPOINTS, "new_email")
    update = {"fields": {"medium": "Bizible2_Medium"}, "email_field": "new_email"}
    desk.platform.settings = desk.platform.settings.model_copy(update=update)
    await desk.push([Touchpoint("TP2_1", NOW, "ben@customer.example", "touchpoint", {"medium": "organic"})])
    row = desk.sandbox.records()["TP2_1"]
    assert row[MEDIUM] == "organic"
    assert row["bizible2_touchpoint_date"] == "2026-11-23T09:00:00Z"
    assert row["new_email"] == "ben@customer.example"


async def test_pushing_again_updates_and_never_doubles(desk):
    both = [touch(1), named("TP2_Person_00Q_2018-08-27:20-0")]
    await desk.push(both)
    await desk.push(both)
    assert {(each.created, each.updated) for each in desk.sandbox.writes.values()} == {(1, 1)}


async def test_a_batch_is_one_call_and_bigger_pushes_are_cut(desk):
    desk.platform.settings = desk.platform.settings.model_copy(update={"batch_size": 40})
    assert states(await desk.push(touches(100))) == {PushState.SENT}
    assert desk.calls("UpsertMultiple") == 3
    assert desk.platform.batch_size(10_000) == 40
    assert desk.platform.calls_for(100) == 100  # Microsoft counts each record
    assert desk.platform.daily_credits == 40_000


async def test_attribution_touchpoints_go_to_their_own_table(desk):
    both = [touch(1), touch(2, kind="attribution_touchpoint")]
    assert states(await desk.push(both)) == {PushState.SENT}
    assert set(desk.sandbox.records()) == {"TP2_1"}
    assert set(desk.sandbox.records(ATTRIBUTION_TOUCHPOINTS)) == {"TP2_2"}
    assert await desk.find(both) == {"TP2_1", "TP2_2"}


async def test_the_one_bad_record_is_found_and_the_rest_goes_on(desk):
    desk.sandbox.refuse("TP2_37", "0x80040265", "No touchpoints on Mondays")
    results = await desk.push(touches(100))
    bad = results.pop("TP2_37")
    assert (bad.state, bad.reason) == (PushState.SET_ASIDE, "0x80040265: No touchpoints on Mondays")
    assert states(results) == {PushState.SENT}
    assert len(desk.sandbox.records()) == 99
    assert {each.total for each in desk.sandbox.writes.values()} == {1}
    assert desk.calls("UpsertMultiple") <= 15  # 1 + 2 log2(100)
    assert desk.notes.saved  # the claim was kept alive while halving


async def test_several_bad_records_each_keep_their_own_reason(desk):
    records = touches(64)
    records[3] = touch(3, bizible2_visits="many")
    records[4] = touch(4, bizible2_visits=1_001)
    records[50] = touch(50, **{MEDIUM: "x" * 256})
    records[51] = touch(51, **{"bizible2_ContactId@odata.bind": "/contacts(00000000-0000-0000-0000-000000000009)"})
    results = await desk.push(records)
    reasons = {result.id: result.reason for result in results.values() if result.state is PushState.SET_ASIDE}
    assert set(reasons) == {"TP2_3", "TP2_4", "TP2_50", "TP2_51"}
    assert "Cannot convert the literal 'many' to the expected type 'Edm.Int32'" in reasons["TP2_3"]
    assert "go.microsoft.com" not in reasons["TP2_3"]
    assert "outside the valid range" in reasons["TP2_4"]
    assert "maximum allowed length of '255'" in reasons["TP2_50"]
    assert "Does Not Exist" in reasons["TP2_51"]
    assert len(desk.sandbox.records()) == 60


async def test_columns_that_are_not_there_are_named_without_a_call_per_record(desk):
    records = [touch(number, nonsense="x") for number in range(150)] + [touch(999)]
    desk.platform.settings = desk.platform.settings.model_copy(update={"batch_size": 200})
    before = desk.calls()
    results = await desk.push(records)
    assert results["TP2_0"].state is PushState.SET_ASIDE
    assert "no column nonsense" in results["TP2_0"].reason
    assert results["TP2_999"].state is PushState.SENT
    assert desk.calls() - before <= 5  # who, the table, the refused call, its columns, the rest


async def test_a_right_that_is_missing_on_one_record_sets_that_one_aside(desk):
    words = "Principal with id 1 does not have WriteAccess right(s) for record with id 2 of entity touchpoint"
    desk.sandbox.refuse("TP2_1", "0x80048306", words, 403)
    results = await desk.push(touches(3))
    assert results["TP2_1"].state is PushState.SET_ASIDE
    assert [results[key].state for key in ("TP2_0", "TP2_2")] == [PushState.SENT] * 2


async def test_lookups_are_bound(desk):
    contact = desk.sandbox.org.add_contact("Grace Hopper")
    await desk.push([touch(1, **{"bizible2_ContactId@odata.bind": f"/contacts({contact})"})])
    assert desk.sandbox.records()["TP2_1"]["bizible2_contactid"] == contact
    await desk.push([touch(1, **{"bizible2_ContactId@odata.bind": None})])
    assert desk.sandbox.records()["TP2_1"]["bizible2_contactid"] is None


async def test_empty_values_empty_a_column_and_absent_ones_leave_it(desk):
    await desk.push([touch(1), touch(2)])
    await desk.push([named("TP2_1", **{MEDIUM: None}), touch(2)._replace(fields={})])
    assert desk.sandbox.records()["TP2_1"][MEDIUM] is None
    assert desk.sandbox.records()["TP2_2"][MEDIUM] == "cpc"


async def test_values_arrive_exactly_as_they_are(desk):
    texts = ["=1+1", 'a"b', "a,b", "a\nb", "'x'", "日本", "😀", "\\n", "{}", " a "]
    fields = {"bizible2_count_u_shaped": Decimal("0.25"), "bizible2_visits": Decimal(7), "bizible2_converted": True}
    records = [touch(n, bizible2_landing_page_raw=text, **fields) for n, text in enumerate(texts)]
    assert states(await desk.push(records)) == {PushState.SENT}
    rows = desk.sandbox.records()
    assert [rows[each.id]["bizible2_landing_page_raw"] for each in records] == texts
    assert rows["TP2_0"]["bizible2_count_u_shaped"] == 0.25
    assert (rows["TP2_0"]["bizible2_visits"], rows["TP2_0"]["bizible2_converted"]) == (7, True)


IMPOSSIBLE = [
    touch(1, medium=["a"]),
    touch(1, medium={"a": 1}),
    touch(1, **{"@odata.id": "contacts(1)"}),
    touch(1, **{"@odata.type": "x"}),
    touch(1, **{"a b": 1}),
    touch(1, **{"a@odata.bind/../": "x"}),
    touch(1, medium="\ud800"),
    touch(1, medium="a\0b"),
    touch(1, medium=float("nan")),
    touch(1, medium=Decimal("NaN")),
    touch(1, medium=Decimal("0.1234567890123456789")),
    touch(1)._replace(id=" TP2_1"),
    touch(1, **{"bizible2_ContactId@odata.bind": ["x"]}),
]


async def test_what_could_never_be_a_record_is_set_aside_without_a_call(desk):
    before = desk.calls("UpsertMultiple")
    for touchpoint in IMPOSSIBLE:
        assert states(await desk.push([touchpoint])) == {PushState.SET_ASIDE}, touchpoint
    assert desk.calls("UpsertMultiple") == before


async def test_the_id_of_a_touchpoint_cannot_be_overwritten_by_its_fields(desk):
    await desk.push([touch(1, bizible2_UniqueId="other")])
    assert set(desk.sandbox.records()) == {"TP2_1"}


# Ids that an address cannot hold

ODD = [
    "TP2_Person_00Q3x_2018-08-27:20-0",
    "a/b",
    "a<b>c",
    "a*b",
    "100%",
    "a%2Fb",
    "a&b",
    "a\\b",
    "a?b",
    "a+b",
    "a#b",
    "O'Neil",
    'say "hi"',
    "a b",
    "日本",
    "x'),contacts('",
]


async def test_ids_that_cannot_stand_in_an_address_are_written_once_and_found(desk):
    records = [*(named(odd) for odd in ODD), touch(2)]
    await desk.push(records)
    assert states(await desk.push(records)) == {PushState.SENT}
    assert set(desk.sandbox.records()) == {*ODD, "TP2_2"}
    assert {(each.created, each.updated) for each in desk.sandbox.writes.values()} == {(1, 1)}
    assert await desk.find([*records, touch(3)]) == {*ODD, "TP2_2"}


async def test_such_a_record_that_someone_else_made_is_updated_not_doubled(desk):
    url = f"/api/data/v9.2/{TOUCHPOINTS}"
    await desk.fetch("POST", url, json={"bizible2_uniqueid": "TP2:1", MEDIUM: "organic"})
    results = await desk.push([named("TP2:1"), named("TP2:2"), touch(3)])
    assert states(results) == {PushState.SENT}
    assert desk.sandbox.records()["TP2:1"][MEDIUM] == "cpc"
    assert (desk.sandbox.writes["TP2:1"].created, desk.sandbox.writes["TP2:1"].updated) == (1, 1)


async def test_an_id_that_differs_only_in_capitals_from_another_s_is_set_aside(desk):
    await desk.push([named("TP2:a")])
    results = await desk.push([named("TP2:A"), touch(2)])
    assert results["TP2:A"].state is PushState.SET_ASIDE
    assert "'TP2:a'" in results["TP2:A"].reason
    assert results["TP2_2"].state is PushState.SENT


async def test_a_key_taken_by_a_call_that_is_still_running_is_taken_over(desk):
    desk.sandbox.faults.add(Fault(match="UpsertMultiple", kind=Kind.DROP))
    with pytest.raises(TryLater):
        await desk.push([touch(1), named("TP2:2")])
    assert states(await desk.push([touch(1), named("TP2:2")])) == {PushState.SENT}
    assert {(each.created, each.updated) for each in desk.sandbox.writes.values()} == {(1, 1)}


async def test_many_pushes_at_once_do_not_mix_their_results(desk):
    desk.sandbox.refuse("TP2_150", "0x80040265", "no")
    first, second = await asyncio.gather(desk.push(touches(100)), desk.push([touch(n) for n in range(100, 200)]))
    assert states(first) == {PushState.SENT}
    assert second.pop("TP2_150").state is PushState.SET_ASIDE
    assert states(second) == {PushState.SENT}
