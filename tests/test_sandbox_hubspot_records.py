"""The sandbox HubSpot takes the records that the real one takes, and refuses what it refuses."""

import json

import httpx2
import pytest
from practice_hubspot import open_hub, refusal, row

from sandbox.faults import Fault, Kind
from sandbox.hubspot import ACME, CLEO
from sandbox.hubspot_schema import CONTACTS, TOUCHPOINT, TOUCHPOINT_ID


@pytest.fixture
async def hub():
    async with open_hub() as opened:
        yield opened


async def test_an_upsert_creates_then_updates_and_answers_in_no_order(hub):
    token = await hub.token()
    created = await hub.upsert(token, *(row(number) for number in range(30)))
    body = created.json()
    traces = [each["objectWriteTraceId"] for each in body["results"]]

    assert (created.status_code, body["status"]) == (200, "COMPLETE")
    assert {"numErrors", "errors"}.isdisjoint(body)
    assert sorted(traces) == sorted(f"trace-{number}" for number in range(30)) != traces
    assert {each["new"] for each in body["results"]} == {True}
    changed = (await hub.upsert(token, row(1, medium="email"))).json()["results"]
    assert [(each["new"], each["properties"]["medium"]) for each in changed] == [(False, "email")]
    assert set(hub.sandbox.records()) == {f"TP2_{number}" for number in range(30)}
    writes = hub.sandbox.writes["TP2_1"]
    assert (writes.created, writes.updated, writes.total) == (1, 1, 2)


async def test_with_trace_ids_bad_records_fail_alone_and_are_named(hub):
    hub.sandbox.refuse("TP2_5", "No cpc on Mondays.")
    hub.sandbox.trip("TP2_6")
    values = {"revenue": "much", "occurred_at": "tomorrow", "day": "1427997766000", "email": "nobody"}
    values |= {"channel": "pigeon", "first_touch": "perhaps", "hs_object_id": "1", "no_such": "x"}
    bad = [row(name, **{name: value}) for name, value in values.items()]
    answer = await hub.upsert(await hub.token(), row(1), *bad, row(5), row(6), row("space", revenue=" 7"))
    body = answer.json()

    assert (answer.status_code, body["status"], body["numErrors"]) == (207, "COMPLETE", len(values) + 3)
    assert [each["objectWriteTraceId"] for each in body["results"]] == ["trace-1"]
    found = {each["context"]["objectWriteTraceId"][0].removeprefix("trace-"): each for each in body["errors"]}
    assert (found.pop("5")["message"], found.pop("6")["category"]) == ("No cpc on Mondays.", "INTERNAL_ERROR")
    told = {name: json.loads(each["message"].partition(": ")[2])[0] for name, each in found.items()}
    assert {name: each["error"] for name, each in told.items()} == {
        "revenue": "INVALID_NUMBER",
        "occurred_at": "INVALID_LONG",
        "day": "INVALID_DATE",
        "email": "INVALID_EMAIL",
        "channel": "INVALID_OPTION",
        "first_touch": "INVALID_OPTION",
        "hs_object_id": "READ_ONLY_VALUE",
        "no_such": "PROPERTY_DOESNT_EXIST",
        "space": "INVALID_WHITESPACE",
    }
    assert told["no_such"]["message"] == 'Property "no_such" does not exist'
    assert set(hub.sandbox.records()) == {"TP2_1"}


async def test_without_trace_ids_one_bad_record_fails_them_all(hub):
    answer = await hub.upsert(await hub.token(), row(1, trace=False), row(2, trace=False, no_such="x"))

    assert refusal(answer) == (400, "VALIDATION_ERROR")
    assert "PROPERTY_DOESNT_EXIST" in answer.json()["message"]
    assert not hub.sandbox.records()


async def test_what_is_wrong_with_a_batch_fails_the_whole_batch(hub):
    token = await hub.token()
    at = f"/crm/objects/2026-03/{TOUCHPOINT}/batch/upsert"
    twice = await hub.upsert(token, row(1), row(1) | {"objectWriteTraceId": "other"})
    plain = await hub.upsert(token, row(1, key="medium"))
    answers = {
        "twice": twice,
        "one trace twice": await hub.upsert(token, row(1), row(2) | {"objectWriteTraceId": "trace-1"}),
        "not unique": plain,
        "no key": await hub.upsert(token, {"id": "1", "properties": {}}),
        "101": await hub.upsert(token, *(row(number) for number in range(101))),
        "no inputs": await hub.call(token, "POST", at, json={}),
        "no id": await hub.upsert(token, {"idProperty": TOUCHPOINT_ID, "properties": {}}),
        "no properties": await hub.upsert(token, {"id": "1", "idProperty": TOUCHPOINT_ID}),
        "a list for a value": await hub.upsert(token, row(1, medium=["a"])),
        "a list": await hub.call(token, "POST", at, json=[]),
        "no json": await hub.call(token, "POST", at, content=b"{", headers={"content-type": "application/json"}),
        "no such type": await hub.upsert(token, row(1), kind="touchpoints"),
        "no such type id": await hub.upsert(token, row(1), kind="2-99"),
    }

    assert {refusal(each)[0] for each in answers.values()} == {400}
    assert twice.json()["message"] == "Duplicate IDs found in batch input: [TP2_1]. IDs must be unique"
    assert twice.json()["context"] == {"ids": ["TP2_1"]}
    words = f"Unable to perform update/upsert by non-unique 2-3500001 property medium in portal ID {ACME}"
    assert plain.json()["message"] == words
    assert answers["no such type"].json()["message"] == "Unable to infer object type from: touchpoints"
    assert "category" not in answers["no such type"].json()
    assert answers["no such type id"].json()["message"] == "Invalid object or event type id: 2-99"
    assert not hub.sandbox.records()


async def test_an_object_answers_to_all_its_names_and_to_the_older_path(hub):
    token = await hub.token()
    for number, kind in enumerate((TOUCHPOINT, f"p{ACME}_touchpoint", "2-3500001")):
        assert (await hub.upsert(token, row(number), kind=kind)).status_code == 200
    assert (await hub.upsert(token, row(9), path="/crm/v3/objects")).status_code == 200
    assert refusal(await hub.upsert(token, row(9), path="/crm/objects/1999-01")) == (404, "OBJECT_NOT_FOUND")

    listed = (await hub.call(token, "GET", f"/crm/objects/2026-03/{TOUCHPOINT}?limit=2")).json()["results"]
    assert (len(hub.sandbox.records()), len(listed)) == (4, 2)


async def test_another_unique_property_cannot_be_taken_from_its_record(hub):
    token = await hub.token(scope="oauth crm.objects.contacts.read crm.objects.contacts.write", optional_scope="")
    first = {"id": "a", "idProperty": TOUCHPOINT_ID, "objectWriteTraceId": "1", "properties": {"email": "A@x.example"}}
    second = first | {"id": "b"}
    assert (await hub.upsert(token, first, kind=CONTACTS)).status_code == 200
    answer = await hub.upsert(token, second | {"properties": {"email": "a@x.example"}}, kind=CONTACTS)

    assert (answer.status_code, answer.json()["errors"][0]["category"]) == (207, "CONFLICT")


async def test_a_batch_read_gives_what_is_there_and_names_the_rest(hub):
    token = await hub.token()
    await hub.upsert(token, *(row(number) for number in range(3)))
    hub.sandbox.portal.archive(TOUCHPOINT, TOUCHPOINT_ID, "TP2_1")
    every, some = await hub.read(token, "TP2_0", "TP2_2"), await hub.read(token, "TP2_0", "TP2_1", "TP2_9")

    assert (every.status_code, some.status_code) == (200, 207)
    assert {each["properties"][TOUCHPOINT_ID] for each in every.json()["results"]} == {"TP2_0", "TP2_2"}
    (error,) = some.json()["errors"]
    assert (error["category"], error["context"]) == ("OBJECT_NOT_FOUND", {"ids": ["TP2_1", "TP2_9"]})
    assert refusal(await hub.read(token, "x", key="medium")) == (400, "VALIDATION_ERROR")
    assert refusal(await hub.read(token, "x", "x")) == (400, "VALIDATION_ERROR")


async def test_properties_say_whether_they_are_unique(hub):
    token, at = await hub.token(), f"/crm/properties/2026-03/{TOUCHPOINT}"
    listed = {each["name"]: each for each in (await hub.call(token, "GET", at)).json()["results"]}
    one = (await hub.call(token, "GET", f"{at}/{TOUCHPOINT_ID}")).json()

    assert one == listed[TOUCHPOINT_ID]
    assert (one["hasUniqueValue"], listed["medium"]["hasUniqueValue"]) == (True, False)
    assert listed["occurred_at"]["type"] == "datetime"
    gone = await hub.call(token, "GET", f"{at}/no_such")
    assert (*refusal(gone), gone.json()["subCategory"]) == (404, "OBJECT_NOT_FOUND", "PROPERTY_DOESNT_EXIST")


async def test_the_account_and_its_people_can_be_asked_for(hub):
    token = await hub.token(CLEO)
    details = (await hub.call(token, "GET", "/account-info/2026-03/details")).json()
    owner = (await hub.call(token, "GET", "/crm/owners/2026-03/1003?idProperty=userId")).json()

    assert details["portalId"] == 24680003
    assert (details["timeZone"], details["utcOffset"], details["companyCurrency"]) == ("Europe/Paris", "+01:00", "EUR")
    assert details["uiDomain"] == "app-eu1.hubspot.com"
    assert (owner["email"], owner["userId"]) == (CLEO, 1003)
    stranger = await hub.call(token, "GET", "/crm/owners/2026-03/1001?idProperty=userId")
    assert refusal(stranger) == (404, "OBJECT_NOT_FOUND")


async def test_locks_and_moves_answer_with_statuses_of_their_own(hub):
    token = await hub.token()
    hub.sandbox.portal.locks = 1
    assert refusal(await hub.upsert(token, row(1)))[0] == 423
    assert (await hub.upsert(token, row(1))).status_code == 200
    hub.sandbox.portal.migration = 7200
    moving = await hub.upsert(token, row(1))
    assert (moving.status_code, moving.headers["retry-after"]) == (477, "7200")


async def test_a_dropped_answer_leaves_the_records_written(hub):
    token = await hub.token()
    hub.sandbox.faults.add(Fault(match="batch/upsert", kind=Kind.DROP))
    with pytest.raises(httpx2.TransportError):
        await hub.upsert(token, row(1))
    assert set(hub.sandbox.records()) == {"TP2_1"}
