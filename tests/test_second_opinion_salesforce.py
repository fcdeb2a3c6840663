"""npm's jsforce, a client that none of us wrote, at work in the sandbox Salesforce: what it reads is what is there."""

from urllib.parse import urlsplit

import pytest
from practice_gateway import served
from practice_node import running
from practice_salesforce import CALLBACK, DATE, EMAIL, MEDIUM, VERIFIER, World, touch
from starlette.applications import Starlette
from starlette.routing import Mount

from sandbox.salesforce import ADA
from sandbox.salesforce_schema import TOUCHPOINT, UNIQUE_ID

KEYED = {"object": TOUCHPOINT, "key": UNIQUE_ID}


class Jsforce:
    """jsforce with Ada's login."""

    def __init__(self, program, world):
        self._program, self._world = program, world
        self.salesforce = world.salesforce

    async def __call__(self, what, **more):
        said = await self._program.ask(do=what, **more)
        assert "error" not in said, said["error"]
        return said["ok"]

    async def refused(self, what, **more):
        return (await self._program.ask(do=what, **more))["error"]

    async def connect(self, **more):
        settings = self._world.settings
        login = {"url": settings["login_url"], "id": settings["client_id"], "secret": settings["client_secret"]}
        await self("connect", login={**login, "redirect": CALLBACK}, **more)

    def values(self, *names):
        """What the sandbox holds, by external id."""
        return {key: {name: row.get(name) for name in names} for key, row in self.salesforce.records().items()}


@pytest.fixture(scope="session")
def program():
    with running("salesforce_client.mjs") as program:
        yield program


@pytest.fixture
async def world():
    async with World() as world:
        yield world


@pytest.fixture
async def jsforce(program, world):
    """Connected to Acme's instance at a root of its own, as instances are in the real world: jsforce relies on that."""
    jsforce, session = Jsforce(program, world), await world.login()
    tokens = {"accessToken": session.tokens["access_token"], "refreshToken": session.tokens["refresh_token"]}
    async with served(under(urlsplit(session.instance).path, world.salesforce.app)) as instance:
        await jsforce.connect(instanceUrl=instance, **tokens)
        yield jsforce


def under(path, app):
    """The app, seen from one of its paths."""
    inner = Starlette(routes=[Mount("/salesforce", app=app)])

    async def seen(scope, receive, send):
        await inner({**scope, "path": path + scope["path"]}, receive, send)

    return seen


async def test_it_logs_in_with_a_code_and_learns_its_instance(program, world):
    jsforce = Jsforce(program, world)
    await jsforce.connect()
    who = await jsforce("authorize", code=await world.code(), verifier=VERIFIER)
    state = await jsforce("state")

    assert who["id"] == world.salesforce.oauth.people[ADA].sub
    assert who["organizationId"] == world.salesforce.org.id
    assert state["instanceUrl"] == f"{world.url}/salesforce/org/acme"
    assert (await jsforce("identity"))["username"] == ADA


async def test_it_gets_a_new_session_by_itself_when_the_old_one_has_ended(jsforce):
    before = await jsforce("state")
    jsforce.salesforce.expire_sessions(ADA)
    await jsforce("limits")
    after = await jsforce("state")

    assert after["accessToken"] != before["accessToken"]
    assert [each["accessToken"] for each in after["refreshed"]] == [after["accessToken"]]
    assert after["refreshed"][0]["refreshToken"] != before["refreshToken"], "the sandbox rotates"


async def test_it_is_told_when_the_login_was_revoked(jsforce):
    jsforce.salesforce.revoke(ADA)
    error = await jsforce.refused("limits")

    assert error["message"] == "Unable to refresh session due to: expired access/refresh token"


async def test_it_reads_versions_limits_and_descriptions(jsforce):
    assert "66.0" in [each["version"] for each in await jsforce("versions")]
    used = jsforce.salesforce.org.daily_limit - (await jsforce("limits"))["DailyApiRequests"]["Remaining"]
    assert (await jsforce("state"))["limitInfo"]["apiUsage"] == {
        "used": used,
        "limit": jsforce.salesforce.org.daily_limit,
    }
    assert TOUCHPOINT in [each["name"] for each in (await jsforce("describeGlobal"))["sobjects"]]

    fields = {each["name"]: each for each in (await jsforce("describe", object=TOUCHPOINT))["fields"]}
    assert (fields[UNIQUE_ID]["externalId"], fields[UNIQUE_ID]["type"], fields[UNIQUE_ID]["length"]) == (
        True,
        "string",
        255,
    )
    assert (fields[DATE]["type"], fields["Id"]["updateable"]) == ("datetime", False)


async def test_one_record_is_created_and_then_updated(jsforce):
    first = await jsforce("upsert", **KEYED, records=touch(1))
    again = await jsforce("upsert", **KEYED, records=touch(1, **{MEDIUM: "email"}))

    assert (first["success"], first["created"], again["created"]) == (True, True, False)
    assert first["id"] == again["id"] == jsforce.salesforce.records()["TP2_1"]["Id"]
    assert {"TP2_1": {MEDIUM: "email"}} == jsforce.values(MEDIUM)


async def test_one_record_refused_is_an_error_with_salesforces_code(jsforce):
    error = await jsforce.refused("upsert", **KEYED, records=touch(1, **{MEDIUM: "x" * 256}))

    assert error["code"] == "STRING_TOO_LONG"
    assert {} == jsforce.values()


async def test_two_hundred_records_in_one_call_are_answered_for_in_their_order(jsforce):
    jsforce.salesforce.refuse("TP2_7", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "No seven")
    records = [touch(number) for number in range(200)]
    results = await jsforce("upsert", **KEYED, records=records)
    again = await jsforce("upsert", **KEYED, records=records)

    assert [7] == [number for number, each in enumerate(results) if not each["success"]]
    assert ["FIELD_CUSTOM_VALIDATION_EXCEPTION"] == [each["statusCode"] for each in results[7]["errors"]]
    held = jsforce.salesforce.records()
    assert {f"TP2_{n}": each["id"] for n, each in enumerate(results) if each["success"]} == {
        k: v["Id"] for k, v in held.items()
    }
    assert {True} == {each["created"] for each in results if each["success"]}
    assert {False} == {each["created"] for each in again if each["success"]}


async def test_all_or_none_writes_none(jsforce):
    records = [touch(1), touch(2, **{MEDIUM: "x" * 256})]
    results = await jsforce("upsert", **KEYED, records=records, allOrNone=True)

    assert ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "STRING_TOO_LONG"] == [
        each["errors"][0]["statusCode"] for each in results
    ]
    assert {} == jsforce.values()


async def test_more_than_two_hundred_in_one_call_are_refused(jsforce):
    error = await jsforce.refused("upsert", **KEYED, records=[touch(number) for number in range(201)])

    assert "EXCEEDED_MAX_SIZE_REQUEST" == error["name"] or "EXCEEDED" in f"{error}"


async def test_a_query_gives_every_page_of_what_is_there(jsforce):
    for start in (0, 200, 400):
        await jsforce(
            "upsert", **KEYED, records=[touch(n, **{EMAIL: "ben@customer.example"}) for n in range(start, start + 200)]
        )
    read = await jsforce(
        "query", soql=f"SELECT Id, {UNIQUE_ID}, {MEDIUM}, {EMAIL} FROM {TOUCHPOINT} WHERE {MEDIUM} = 'cpc'"
    )

    assert (600, 3, 600) == (read["total"], read["pages"], len(read["records"]))
    found = {row.pop(UNIQUE_ID): row for row in read["records"]}
    assert {TOUCHPOINT} == {row.pop("attributes")["type"] for row in found.values()}
    assert jsforce.values("Id", MEDIUM, EMAIL) == found


async def test_a_query_that_is_wrong_is_refused(jsforce):
    error = await jsforce.refused("query", soql=f"SELECT Nonsense__c FROM {TOUCHPOINT}")

    assert error["code"] == "INVALID_FIELD"


async def test_a_bulk_job_answers_for_each_record(jsforce):
    jsforce.salesforce.refuse("TP2_7", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "No seven")
    awkward = 'a "quoted", comma\nand a line, é 日本'
    records = [touch(number, **{MEDIUM: awkward if number == 3 else "cpc"}) for number in range(450)]
    told = await jsforce("bulk", **KEYED, records=records)

    held = jsforce.salesforce.records()
    assert {row[UNIQUE_ID]: row["sf__Id"] for row in told["successfulResults"]} == {k: v["Id"] for k, v in held.items()}
    assert {"true"} == {row["sf__Created"] for row in told["successfulResults"]}
    (failed,) = told["failedResults"]
    assert (failed[UNIQUE_ID], failed["sf__Error"].split(":")[0]) == ("TP2_7", "FIELD_CUSTOM_VALIDATION_EXCEPTION")
    assert [] == told["unprocessedRecords"]
    assert {MEDIUM: awkward} == jsforce.values(MEDIUM)["TP2_3"]


async def test_a_bulk_job_can_be_aborted_and_deleted(jsforce):
    told = await jsforce("abort", **KEYED, records=[touch(1), touch(2)])

    assert ("Aborted", "NOT_FOUND") == (told["state"], told["left"])
    assert ["TP2_1", "TP2_2"] == [row[UNIQUE_ID] for row in told["unprocessed"]]
    assert {} == jsforce.values()


async def test_logging_out_revokes_the_login(jsforce):
    await jsforce("revoke")

    assert [] == list(jsforce.salesforce.oauth.grants.alive(ADA))
