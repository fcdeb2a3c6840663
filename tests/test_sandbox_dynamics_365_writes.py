"""The sandbox Dynamics 365 writes as the real one does: all or nothing, and only by keys that are active."""

from urllib.parse import quote

import pytest
from practice_dataverse import LOGICAL, TYPE, at_dataverse, refused, target

from sandbox.dynamics_365_schema import TOUCHPOINTS, UNIQUE_ID, KeyStatus


@pytest.fixture
async def world():
    async with at_dataverse() as opened:
        yield opened


# Writing


async def test_many_are_upserted_without_a_word(world):
    for _ in range(2):
        answer = await world.upsert(target("TP1", bizible2_medium="cpc"), target("TP2"))
        assert (answer.status_code, answer.content) == (204, b"")
    assert {(each.created, each.updated) for each in world.sandbox.writes.values()} == {(1, 1)}
    assert world.sandbox.records()["TP1"]["bizible2_medium"] == "cpc"


async def test_one_bad_record_undoes_the_whole_call_and_nobody_says_which(world):
    await world.upsert(target("TP1", bizible2_medium="old"))
    world.sandbox.refuse("TP3", "0x80040265", "Not today")
    answer = await world.upsert(target("TP1", bizible2_medium="new"), target("TP2"), target("TP3"))
    assert refused(answer) == (400, "0x80040265")
    assert "TP3" not in answer.text
    assert {name: row["bizible2_medium"] for name, row in world.sandbox.records().items()} == {"TP1": "old"}
    assert world.sandbox.writes["TP1"].total == 1
    world.sandbox.accept("TP3")
    assert (await world.upsert(target("TP2"), target("TP3"))).status_code == 204


BAD = [
    ({**target("TP1"), "nonsense": 1}, "0x80048d19", "Invalid property 'nonsense' was found"),
    (
        target("TP1", bizible2_visits="7"),
        "0x80048d19",
        "Cannot convert the literal '7' to the expected type 'Edm.Int32'",
    ),
    (target("TP1", bizible2_visits=1.5), "0x80048d19", "Edm.Int32"),
    (target("TP1", bizible2_visits=True), "0x80048d19", "Edm.Int32"),
    (target("TP1", bizible2_visits=1_001), "0x8004432f", "outside the valid range"),
    (target("TP1", bizible2_count_u_shaped=-1), "0x80044330", "outside the valid range"),
    (target("TP1", bizible2_medium=7), "0x80048d19", "Edm.String"),
    (target("TP1", bizible2_medium="x" * 256), "0x80044331", "exceeded the maximum allowed length of '255'"),
    (target("TP1", bizible2_converted="yes"), "0x80048d19", "Edm.Boolean"),
    (target("TP1", bizible2_touchpoint_date="yesterday"), "0x80048d19", "Edm.DateTimeOffset"),
    (target("TP1", bizible2_contactid="x"), "0x80048d19", "Invalid property"),
    (target("TP1", **{"bizible2_contactid@odata.bind": "/contacts(x)"}), "0x80048d19", "An undeclared property"),
    (target("TP1", **{"bizible2_ContactId@odata.bind": "/leads(x)"}), "0x80048d19", "Resource not found"),
    ({"@odata.id": target("TP1")["@odata.id"]}, "0x80048d19", "@odata.type"),
    ({**target("TP1"), "@odata.type": "Microsoft.Dynamics.CRM.contact"}, "0x80048d19", "@odata.type"),
    ({**TYPE, "@odata.id": "contacts(bizible2_uniqueid='TP1')"}, "0x80060888", "Resource not found"),
    ({**TYPE, "@odata.id": f"{TOUCHPOINTS}(nonsense='TP1')"}, "0x80060888", "is not valid for resource"),
    ({**TYPE, "@odata.id": f"{TOUCHPOINTS}(bizible2_medium='TP1')"}, "0x80060890", "not a defined key"),
    *((target(f"a{letter}b"), "0x80060888", "query syntax") for letter in "/<>*%&:\\?+"),
    (target("it's"), "0x80060888", "query syntax"),
]


async def test_what_dataverse_refuses_is_refused_in_its_words(world):
    for given, code, words in BAD:
        answer = await world.upsert(given)
        assert refused(answer) == (400, code), given
        assert words in answer.json()["error"]["message"], given
    assert not world.sandbox.records()


async def test_lookups_must_lead_to_a_record(world):
    nobody = "00000000-0000-0000-0000-000000000009"
    answer = await world.upsert(target("TP1", **{"bizible2_ContactId@odata.bind": f"/contacts({nobody})"}))
    assert refused(answer) == (404, "0x80040217")
    contact = world.sandbox.org.add_contact("Grace Hopper")
    answer = await world.upsert(target("TP1", **{"bizible2_ContactId@odata.bind": f"/contacts({contact})"}))
    assert answer.status_code == 204
    (row,) = (await world.get(TOUCHPOINTS)).json()["value"]
    assert row["_bizible2_contactid_value"] == contact


@pytest.mark.parametrize("status", [KeyStatus.PENDING, KeyStatus.IN_PROGRESS, KeyStatus.FAILED])
async def test_a_key_that_is_not_active_is_none(world, status):
    world.sandbox.set_key_status(status)
    assert refused(await world.upsert(target("TP1"))) == (400, "0x80060890")


async def test_keys_are_unique_whatever_their_capitals(world):
    await world.upsert(target("TP1"))
    own = {**TYPE, "@odata.id": f"{TOUCHPOINTS}(00000000-0000-0000-0000-000000000001)", UNIQUE_ID: "tp1"}
    answer = await world.upsert(own)
    assert refused(answer) == (412, "0x80060892")
    assert "A record with the same value" in answer.json()["error"]["message"]
    assert refused(await world.upsert(target("TP2"), target("TP2"))) == (412, "0x80060892")
    assert (await world.upsert(target("tp1", bizible2_medium="x"))).status_code == 204
    assert world.sandbox.records()["TP1"]["bizible2_medium"] == "x"


async def test_records_may_be_addressed_by_their_primary_key_of_our_making(world):
    own = {**TYPE, "@odata.id": f"{TOUCHPOINTS}(00000000-0000-0000-0000-000000000001)", UNIQUE_ID: "a:b"}
    for _ in range(2):
        assert (await world.upsert(own)).status_code == 204
    body = {**TYPE, f"{LOGICAL}id": "00000000-0000-0000-0000-000000000001", "bizible2_medium": "cpc"}
    assert (await world.upsert(body)).status_code == 204
    assert world.sandbox.records()["a:b"]["bizible2_medium"] == "cpc"
    assert world.sandbox.writes["a:b"].created == 1


async def test_what_is_no_call_for_many_is_refused(world):
    path = f"{TOUCHPOINTS}/Microsoft.Dynamics.CRM.UpsertMultiple"
    for body in ({}, {"Targets": []}, {"Targets": [1]}, {"Targets": {}}, {"Targets": [], "More": 1}, []):
        assert (await world.call("POST", path, json=body)).status_code == 400
    assert (
        await world.call("POST", path, content=b"{", headers={"content-type": "application/json"})
    ).status_code == 400
    assert (await world.call("POST", path, content=b"{}")).status_code == 415
    assert (await world.call("GET", path)).status_code in {404, 405}
    assert (await world.call("DELETE", TOUCHPOINTS)).status_code == 405


async def test_single_records_are_upserted_read_and_made(world):
    key = f"{TOUCHPOINTS}({UNIQUE_ID}='TP1')"
    assert refused(await world.get(key)) == (404, "0x80060891")
    assert (await world.call("PATCH", key, json={}, headers={"if-match": "*"})).status_code == 404
    made = await world.call("PATCH", key, json={"bizible2_medium": "cpc"})
    assert (made.status_code, made.content) == (204, b"")
    primary = made.headers["odata-entityid"].rpartition("(")[2].rstrip(")")
    assert (await world.get(f"{TOUCHPOINTS}({primary})", select=UNIQUE_ID)).json()[UNIQUE_ID] == "TP1"
    assert (await world.call("PATCH", key, json={}, headers={"if-none-match": "*"})).status_code == 412
    nobody = "00000000-0000-0000-0000-000000000009"
    assert refused(await world.get(f"{TOUCHPOINTS}({nobody})")) == (404, "0x80040217")
    odd = f"{TOUCHPOINTS}({UNIQUE_ID}='{quote('a:b', safe='')}')"
    assert refused(await world.get(odd)) == (400, "0x80060888")
    assert (await world.call("POST", TOUCHPOINTS, json={UNIQUE_ID: "a:b"})).status_code == 204
    assert refused(await world.call("POST", TOUCHPOINTS, json={UNIQUE_ID: "A:B"})) == (412, "0x80060892")


async def test_too_many_at_once_end_in_sql_s_time_out_and_deadlocks_pass(world):
    world.sandbox.org.most_at_once = 2
    assert refused(await world.upsert(*(target(f"TP{n}") for n in range(3)))) == (500, "0x80044151")
    world.sandbox.deadlock("TP1")
    assert refused(await world.upsert(target("TP1"))) == (500, "0x80044150")
    assert (await world.upsert(target("TP1"))).status_code == 204


async def test_old_and_future_versions_of_the_api_are_not_there(world):
    headers = {"authorization": f"Bearer {world.token}"}
    for version in ("v8.2", "v10.0"):
        answer = await world.browser.get(f"{world.org_url()}/api/data/{version}/WhoAmI", headers=headers)
        assert answer.status_code == 404
