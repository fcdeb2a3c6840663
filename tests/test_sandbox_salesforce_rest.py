"""The sandbox Salesforce's REST API takes what the real one takes, and refuses what it refuses."""

import httpx2
import pytest
from practice_salesforce import DATE, EMAIL, MEDIUM, World, refusal, touch

from sandbox.faults import Fault, Kind
from sandbox.salesforce import SalesforceSandbox
from sandbox.salesforce_schema import ATTRIBUTION_TOUCHPOINT, TOUCHPOINT, UNIQUE_ID


@pytest.fixture
async def world():
    async with World() as opened:
        yield opened


async def test_an_upsert_creates_then_updates_the_same_record(world):
    session = await world.login()

    created = (await session.upsert(touch(1, **{DATE: "2026-11-23T10:00:00+01:00"}), touch(2))).json()
    updated = (await session.upsert(touch(1, **{MEDIUM: "email"}))).json()

    assert [(each["success"], each["created"]) for each in created] == [(True, True)] * 2
    assert updated == [{"id": created[0]["id"], "success": True, "errors": [], "created": False}]
    row = world.salesforce.records(TOUCHPOINT)["TP2_1"]
    assert (row[MEDIUM], row[DATE]) == ("email", "2026-11-23T09:00:00.000+0000")
    writes = world.salesforce.writes["TP2_1"]
    assert (writes.created, writes.updated) == (1, 1)


async def test_bad_records_fail_alone_and_in_their_place(world):
    session = await world.login()
    world.salesforce.refuse("TP2_5", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "No cpc on Mondays.")
    world.salesforce.lock("TP2_6", times=1)
    bad = [touch(1), touch(2, **{MEDIUM: "x" * 256}), touch(3, **{EMAIL: "nobody"}), {MEDIUM: "cpc"}]
    bad += [touch(5), touch(6), touch(7), touch(7), touch(8, Name="mine"), touch(9)]

    results = (await session.upsert(*bad)).json()

    assert [each["errors"][0]["statusCode"] if each["errors"] else "" for each in results] == [
        "",
        "STRING_TOO_LONG",
        "INVALID_EMAIL_ADDRESS",
        "MISSING_ARGUMENT",
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "UNABLE_TO_LOCK_ROW",
        "DUPLICATE_VALUE",
        "DUPLICATE_VALUE",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "",
    ]
    assert set(world.salesforce.records()) == {"TP2_1", "TP2_9"}
    assert (await session.upsert(touch(6))).json()[0]["success"]


async def test_all_or_none_takes_everything_back(world):
    session = await world.login()

    results = (await session.upsert(touch(1), touch(2, **{EMAIL: "nobody"}), all_or_none=True)).json()

    codes = [each["errors"][0]["statusCode"] for each in results]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "INVALID_EMAIL_ADDRESS"]
    assert not world.salesforce.records()


async def test_what_the_parser_cannot_read_fails_the_whole_call(world):
    session = await world.login()
    path = f"/composite/sobjects/{TOUCHPOINT}"
    answers = [
        await session.upsert(touch(1), touch(2, Nonsense__c="x")),
        await session.upsert(touch(1), touch(2, **{DATE: "yesterday"})),
        await session.upsert(*(touch(number) for number in range(201))),
        await session.call("PATCH", f"{path}/{UNIQUE_ID}", json={"records": [touch(1)]}),
        await session.call("PATCH", f"{path}/{MEDIUM}", json={"records": []}),
        await session.call("PATCH", f"/composite/sobjects/Nothing__c/{UNIQUE_ID}", json={"records": []}),
    ]

    assert [refusal(each) for each in answers] == [
        (400, "INVALID_FIELD"),
        (400, "JSON_PARSER_ERROR"),
        (400, "EXCEEDED_ID_LIMIT"),
        (400, "INVALID_TYPE"),
        (404, "NOT_FOUND"),
        (404, "NOT_FOUND"),
    ]
    assert not world.salesforce.records()


async def test_a_single_record_is_upserted_by_its_address(world):
    session = await world.login()
    world.salesforce.add_field(TOUCHPOINT, "Owner_Team__c", "string", 20, required=True)
    path = f"/sobjects/{TOUCHPOINT}/{UNIQUE_ID}/TP2_a%2Fb"

    missing = await session.call("PATCH", path, json={MEDIUM: "cpc"})
    created = await session.call("PATCH", path, json={MEDIUM: "cpc", "Owner_Team__c": "web"})
    updated = await session.call("PATCH", path, json={MEDIUM: None})

    assert (*refusal(missing), missing.json()[0]["fields"]) == (400, "REQUIRED_FIELD_MISSING", ["Owner_Team__c"])
    assert (created.status_code, updated.status_code) == (201, 200)
    assert world.salesforce.records()["TP2_a/b"][MEDIUM] is None


async def test_queries_find_records_and_page_through_them(world):
    session = await world.login()
    for start in range(0, 2400, 200):
        await session.upsert(*(touch(number) for number in range(start, start + 200)))
    await session.upsert({UNIQUE_ID: "it's \\ odd"})

    page = (await session.query(f"SELECT Id, {UNIQUE_ID} FROM {TOUCHPOINT} WHERE {MEDIUM} = 'CPC'")).json()
    rest = (await session.call("GET", page["nextRecordsUrl"].removeprefix("/services/data/v66.0"))).json()
    some = f"SELECT {UNIQUE_ID} FROM {TOUCHPOINT} WHERE {UNIQUE_ID} IN ('TP2_7', 'tp2_8', 'it\\'s \\\\ odd') LIMIT 5"
    found = (await session.query(some)).json()["records"]
    count = (await session.query(f"SELECT COUNT() FROM {TOUCHPOINT} WHERE {MEDIUM} != null")).json()

    assert (page["totalSize"], page["done"], len(page["records"])) == (2400, False, 2000)
    assert (rest["done"], len(rest["records"])) == (True, 400)
    assert [each[UNIQUE_ID] for each in found] == ["TP2_7", "it's \\ odd"]
    assert count == {"totalSize": 2400, "done": True, "records": []}


WRONG = {
    f"SELECT Id FROM {TOUCHPOINT} WHERE {MEDIUM} = 'open": "MALFORMED_QUERY",
    f"SELECT Id FROM {TOUCHPOINT} WHERE {MEDIUM} = '\\q'": "MALFORMED_QUERY",
    f"SELECT Id FROM {TOUCHPOINT} WHERE {MEDIUM} = 'a' OR {MEDIUM} = 'b'": "MALFORMED_QUERY",
    f"SELECT Id FROM {TOUCHPOINT} WHERE {UNIQUE_ID} IN ()": "MALFORMED_QUERY",
    f"SELECT Id, Id FROM {TOUCHPOINT}": "MALFORMED_QUERY",
    "SELECT * FROM Contact": "MALFORMED_QUERY",
    "SELECT Id FROM Contact; DROP": "MALFORMED_QUERY",
    "": "MALFORMED_QUERY",
    "SELECT Nothing__c FROM Contact": "INVALID_FIELD",
    "SELECT Id FROM Contact WHERE LastName = 5": "INVALID_FIELD",
    f"SELECT Id FROM {TOUCHPOINT} WHERE {DATE} = 'today'": "INVALID_FIELD",
    f"SELECT Id FROM {TOUCHPOINT} WHERE {DATE} > 2026-99-99T00:00:00Z": "MALFORMED_QUERY",
    "SELECT Id FROM Nothing__c": "INVALID_TYPE",
    f"SELECT Id FROM {TOUCHPOINT} LIMIT 1.5": "MALFORMED_QUERY",
}


async def test_a_wrong_query_is_refused_with_its_code(world):
    session = await world.login()

    answers = {soql: refusal(await session.query(soql)) for soql in WRONG}

    assert answers == {soql: (400, code) for soql, code in WRONG.items()}


async def test_a_query_too_long_for_an_address_is_refused(world):
    session = await world.login()

    answer = await session.query(f"SELECT Id FROM {TOUCHPOINT} WHERE {MEDIUM} = '{'x' * 16_384}'")

    assert answer.status_code == 414


async def test_objects_describe_their_fields(world):
    session = await world.login()

    answer = (await session.call("GET", f"/sobjects/{ATTRIBUTION_TOUCHPOINT}/describe")).json()

    fields = {each["name"]: each for each in answer["fields"]}
    assert (fields[UNIQUE_ID]["externalId"], fields[UNIQUE_ID]["length"]) == (True, 255)
    assert fields[DATE]["type"] == "datetime"


async def test_a_dropped_answer_leaves_the_records_written(world):
    session = await world.login()
    world.salesforce.faults.add(Fault(match="composite/sobjects", kind=Kind.DROP))

    with pytest.raises(httpx2.TransportError):
        await session.upsert(touch(1))

    assert set(world.salesforce.records()) == {"TP2_1"}


async def test_results_can_be_lost_or_shuffled_on_demand(world):
    session = await world.login()

    world.salesforce.mischief.lose_results(1)
    assert len((await session.upsert(touch(1), touch(2))).json()) == 1
    world.salesforce.mischief.shuffle_results()
    swapped = (await session.upsert(touch(1), touch(3))).json()
    assert [each["created"] for each in swapped] == [True, False]


async def test_external_ids_can_be_made_case_insensitive():
    org = SalesforceSandbox(case_sensitive_ids=False).org
    table = org.tables[TOUCHPOINT]
    key = table.sobject.named(UNIQUE_ID)

    outcomes = org.write(table, key, [{UNIQUE_ID: "tp2_A"}]) + org.write(table, key, [{UNIQUE_ID: "TP2_a"}])

    assert [each.created for each in outcomes] == [True, False]
    assert list(org.records(TOUCHPOINT)) == ["tp2_A"]
