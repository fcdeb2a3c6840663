"""Pushing to the practice HubSpot: per-record answers in any order, halved batches, nothing doubled."""

import json
import math
from decimal import Decimal

import pytest
from practice_gateway import NOW, Clock, HeldNotes, sandboxed, session
from practice_hubspot import RETRY, SENT, SET_ASIDE, at_the_desk, states, touch, touches

from bot.words.connection import Account
from bot.words.freight import Touchpoint
from sandbox.faults import Fault
from sandbox.hubspot import ACME, ADA, HubspotSandbox
from sandbox.hubspot_schema import CONTACTS, TOUCHPOINT, TOUCHPOINT_ID
from sandbox.ledger import Ledger


@pytest.fixture
async def desk():
    async with at_the_desk() as opened:
        yield opened


async def test_records_are_upserted_with_date_and_email_and_renamed_fields(desk):
    desk.set(fields={"bizible2__Medium__c": "medium"})
    await desk.push(
        [Touchpoint("TP2_1", NOW, "Ben@Customer.example", "touchpoint", {"bizible2__Medium__c": "organic"})]
    )
    row = desk.sandbox.records()["TP2_1"]
    assert (row["medium"], row["email"]) == ("organic", "ben@customer.example")
    assert row["occurred_at"] == "2026-11-23T09:00:00.000Z"


async def test_values_of_every_kind_arrive_as_texts(desk):
    fields = {
        "first_touch": True,
        "revenue": Decimal("1E+3"),
        "note": 7,
        "campaign": 0.1,
        "landing_page": 'ü 日本 \\ "',
    }
    assert states(await desk.push([touch(1, **fields)])) == {SENT}
    row = desk.sandbox.records()["TP2_1"]
    assert (row["first_touch"], row["revenue"], row["note"], row["campaign"]) == ("true", "1000", "7", "0.1")
    assert row["landing_page"] == 'ü 日本 \\ "'
    await desk.push([touch(1, note=None)])
    assert desk.sandbox.records()["TP2_1"]["note"] is None


async def test_pushing_again_updates_and_never_doubles(desk):
    await desk.push(touches(3))
    await desk.push(touches(3))
    assert {(each.created, each.updated) for each in desk.sandbox.writes.values()} == {(1, 1)}


async def test_results_are_matched_by_trace_and_not_by_place(desk):
    good, bad = touches(60), [touch(f"bad{n}", revenue="much") for n in range(40)]
    mixed = [each for pair in zip(good, bad, strict=False) for each in pair] + good[40:]
    results = await desk.push(mixed)
    assert {key for key, result in results.items() if result.state is SENT} == {each.id for each in good}
    assert {key for key, result in results.items() if result.state is SET_ASIDE} == {each.id for each in bad}
    assert len(desk.upserts()) == 1
    assert set(desk.sandbox.records()) == {each.id for each in good}


@pytest.mark.parametrize("size", [2, 40, 100])
async def test_many_records_go_in_batches(desk, size):
    desk.set(batch_size=size)
    assert states(await desk.push(touches(101))) == {SENT}
    assert len(desk.upserts()) == desk.platform.calls_for(101) == math.ceil(101 / size)
    assert desk.platform.batch_size(5_000) == size
    assert await desk.find(touches(103)) == {each.id for each in touches(101)}


async def test_a_refused_record_is_set_aside_with_hubspot_s_own_reason(desk):
    desk.sandbox.refuse("TP2_3", "No cpc on Mondays.")
    results = await desk.push([touch(1), touch(2, no_such="x", revenue="much"), touch(3)])
    assert [result.state for result in results.values()] == [SENT, SET_ASIDE, SET_ASIDE]
    assert results["TP2_2"].reason == (
        'PROPERTY_DOESNT_EXIST: Property "no_such" does not exist; INVALID_NUMBER: much was not a valid number.'
    )
    assert results["TP2_3"].reason == "VALIDATION_ERROR: No cpc on Mondays."


async def test_a_record_that_met_hubspot_s_own_trouble_is_tried_again(desk):
    desk.sandbox.trip("TP2_2")
    results = await desk.push(touches(4))
    assert (results["TP2_2"].state, results["TP2_2"].reason) == (RETRY, "INTERNAL_ERROR: internal error")
    assert (await desk.push([touch(2)]))["TP2_2"].state is SENT


async def test_a_record_hubspot_said_nothing_about_is_never_taken_for_sent(desk):
    desk.sandbox.portal.mischief.lose = 2
    results = await desk.push(touches(5))
    assert sorted(result.state for result in results.values()) == [RETRY, RETRY, SENT, SENT, SENT]
    assert states(await desk.push(touches(5))) == {SENT}


async def test_an_error_that_names_no_record_is_narrowed_down(desk):
    desk.sandbox.portal.mischief.nameless = 9
    results = await desk.push([*touches(6), touch("bad", revenue="much")])
    assert {key for key, result in results.items() if result.state is not SENT} == {"TP2_bad"}
    assert "INVALID_NUMBER" in results["TP2_bad"].reason


async def test_nameless_errors_are_halved_until_each_record_is_known(desk):
    desk.sandbox.portal.mischief.nameless = 99
    bad = [touch(f"bad{n}", revenue="much") for n in range(5)]
    results = await desk.push([*touches(6), *bad])
    assert {key for key, result in results.items() if result.state is SET_ASIDE} == {each.id for each in bad}
    assert {key for key, result in results.items() if result.state is SENT} == {each.id for each in touches(6)}


async def test_a_call_that_is_refused_as_a_whole_is_halved(desk):
    body = json.dumps({"status": "error", "message": "Invalid input JSON on line 1, column 9", "correlationId": "x"})
    desk.sandbox.faults.add(Fault(match="batch/upsert", times=1, status=400, body=body))
    assert states(await desk.push(touches(8))) == {SENT}
    desk.sandbox.faults.add(Fault(match="batch/upsert", times=None, status=400, body=body))
    results = await desk.push(touches(2))
    assert {(each.state, each.reason) for each in results.values()} == {
        (SET_ASIDE, "unknown: Invalid input JSON on line 1, column 9")
    }


async def test_ids_that_hubspot_takes_for_one_are_told_apart_by_sending_them_one_by_one():
    clock = Clock()
    sandbox = HubspotSandbox(Ledger(clock), case_sensitive_ids=False)
    async with sandboxed(sandbox, clock) as gateway:
        fetch, _ = await session(gateway, ADA)
        account = Account(ACME, "Acme")
        both = [touch("a"), touch("A")]
        results = await gateway.platform.push(fetch, account, both, HeldNotes())
        assert {each.state for each in results} == {SENT}
        assert await gateway.platform.find(fetch, account, [touch("a")]) == {"TP2_a"}


async def test_one_id_twice_in_one_push_is_written_once_as_it_was_last(desk):
    results = await desk.push([touch(1, medium="first"), touch(2), touch(1, medium="last")])
    assert states(results) == {SENT}
    assert desk.sandbox.records()["TP2_1"]["medium"] == "last"
    assert desk.sandbox.writes["TP2_1"].total == 1


async def test_what_could_never_be_a_record_is_set_aside_before_anything_is_sent(desk):
    odd = [
        touch("1 "),
        touch(2, **{"no name": "x"}),
        touch(3, medium=["a"]),
        touch(4, medium="\ud800"),
        touch(5, medium="\0"),
        touch(6, revenue=float("nan")),
        touch(7, revenue=Decimal("Infinity")),
    ]
    results = await desk.push([*odd, touch(8)])
    assert [result.state for result in results.values()] == [SET_ASIDE] * len(odd) + [SENT]
    assert all(result.reason.endswith(".") for key, result in results.items() if key != "TP2_8")


async def test_attribution_touchpoints_may_have_an_object_of_their_own(desk):
    both = [touch(1), touch(2, kind="attribution_touchpoint", firstname="Ben")]
    desk.set(attribution_object=CONTACTS)
    desk.sandbox.oauth.grants.all[0].scopes += ("crm.objects.contacts.read", "crm.objects.contacts.write")
    desk.sandbox.add_property(CONTACTS, "medium")
    desk.sandbox.add_property(CONTACTS, "occurred_at", "datetime")
    assert states(await desk.push(both)) == {SENT}
    assert set(desk.sandbox.records(TOUCHPOINT)) == {"TP2_1"}
    assert set(desk.sandbox.records(CONTACTS)) == {"TP2_2"}
    assert await desk.find(both) == {"TP2_1", "TP2_2"}


async def test_find_names_what_the_portal_holds_and_nothing_else(desk):
    await desk.push(touches(3))
    desk.sandbox.portal.archive(TOUCHPOINT, TOUCHPOINT_ID, "TP2_1")
    assert await desk.find(touches(5)) == {"TP2_0", "TP2_2"}
    assert await desk.find([touch("never")]) == set()
    await desk.push([touch("a")])
    assert await desk.find([touch("a"), touch("A")]) == {"TP2_a"}
