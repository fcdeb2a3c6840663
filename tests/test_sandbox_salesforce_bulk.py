"""The sandbox Salesforce's Bulk API 2.0 takes CSV through the real one's states, and refuses what it refuses."""

import csv
import io
import time
from datetime import timedelta

import pytest
from practice_salesforce import DATE, MEDIUM, World, refusal

from sandbox.salesforce_job import Slowness
from sandbox.salesforce_schema import TOUCHPOINT, UNIQUE_ID

HEADER = f"{UNIQUE_ID},{MEDIUM}"
JOB = {"object": TOUCHPOINT, "operation": "upsert", "externalIdFieldName": UNIQUE_ID, "contentType": "CSV"}


class Bulk:
    """A person loading files."""

    def __init__(self, session):
        self.session = session

    async def create(self, **more):
        return (await self.session.call("POST", "/jobs/ingest", json=JOB | {"lineEnding": "LF"} | more)).json()["id"]

    async def put(self, job, text):
        headers = {"content-type": "text/csv"}
        return await self.session.call("PUT", f"/jobs/ingest/{job}/batches", content=text, headers=headers)

    async def state(self, job, state):
        return await self.session.call("PATCH", f"/jobs/ingest/{job}", json={"state": state})

    async def info(self, job):
        return (await self.session.call("GET", f"/jobs/ingest/{job}")).json()

    async def load(self, text, **more):
        """Create, upload, close, and look until it is done."""
        job = await self.create(**more)
        await self.put(job, text)
        await self.state(job, "UploadComplete")
        while (info := await self.info(job))["state"] in {"UploadComplete", "InProgress"}:
            pass
        return info

    async def results(self, job, kind):
        answer = await self.session.call("GET", f"/jobs/ingest/{job}/{kind}")
        return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.fixture
async def world():
    async with World() as opened:
        yield opened


@pytest.fixture
async def bulk(world):
    return Bulk(await world.login())


async def test_a_job_goes_through_its_states_to_its_results(world, bulk):
    job = await bulk.create()
    states = [(await bulk.info(job))["state"]]
    assert (await bulk.put(job, f"{HEADER}\nTP2_1,cpc\nTP2_2,email\n")).status_code == 201
    states.append((await bulk.state(job, "UploadComplete")).json()["state"])
    states += [(await bulk.info(job))["state"] for _ in range(2)]

    done = await bulk.info(job)
    rows = await bulk.results(job, "successfulResults")

    assert states == ["Open", "UploadComplete", "InProgress", "JobComplete"]
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (2, 0)
    assert [(row["sf__Created"], row[UNIQUE_ID], row[MEDIUM]) for row in rows] == [
        ("true", "TP2_1", "cpc"),
        ("true", "TP2_2", "email"),
    ]
    assert rows[0]["sf__Id"] == world.salesforce.records()["TP2_1"]["Id"]
    assert await bulk.results(job, "failedResults") == []


async def test_bad_lines_fail_alone_with_their_reason(world, bulk):
    world.salesforce.refuse("TP2_2", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "No.", (MEDIUM,))
    world.salesforce.lock("TP2_3")
    lines = ["TP2_1,cpc,", "TP2_2,cpc,", "TP2_3,cpc,", ",cpc,", "TP2_5,cpc,yesterday", "TP2_6,cpc,", "TP2_6,cpc,"]

    done = await bulk.load("\n".join([f"{HEADER},{DATE}", *lines]))
    failures = await bulk.results(done["id"], "failedResults")

    assert (done["state"], done["numberRecordsProcessed"], done["numberRecordsFailed"]) == ("JobComplete", 7, 6)
    assert failures[0]["sf__Error"] == f"FIELD_CUSTOM_VALIDATION_EXCEPTION:No.:{MEDIUM} --"
    assert [each["sf__Error"].split(":")[0] for each in failures[1:]] == [
        "UNABLE_TO_LOCK_ROW",
        "MISSING_ARGUMENT",
        "INVALID_FIELD",
        "DUPLICATE_VALUE",
        "DUPLICATE_VALUE",
    ]
    assert set(world.salesforce.records()) == {"TP2_1"}


async def test_ids_repeated_across_chunks_of_200_update(world, bulk):
    ids = [f"TP2_{number}" for number in range(200)]

    done = await bulk.load("\n".join([HEADER, *(f"{each},cpc" for each in ids), "TP2_0,email"]))

    assert done["numberRecordsFailed"] == 0
    assert world.salesforce.records()["TP2_0"][MEDIUM] == "email"
    assert world.salesforce.writes["TP2_0"].total == 2


async def test_an_empty_cell_keeps_and_a_null_mark_empties(world, bulk):
    await bulk.load(f"{HEADER}\nTP2_1,cpc\nTP2_2,cpc\n")
    await bulk.load(f"{HEADER}\nTP2_1,\nTP2_2,#N/A\n")

    rows = world.salesforce.records()
    assert (rows["TP2_1"][MEDIUM], rows["TP2_2"][MEDIUM]) == ("cpc", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{UNIQUE_ID},Nothing__c\nTP2_1,x\n", "InvalidBatch : Field name not found : Nothing__c"),
        (f"{MEDIUM}\ncpc\n", f"InvalidBatch : Field name not found : {UNIQUE_ID}"),
        (f"{HEADER}\r\nTP2_1,cpc\r\n", "ClientInputError : LineEnding is invalid on user data"),
        (f'{HEADER}\nTP2_1,c"p"c\n', "ClientInputError : Failed to parse CSV. Found unescaped quote"),
        (f'{HEADER}\nTP2_1,"cpc\n', "ClientInputError : Failed to parse CSV."),
        (f"{HEADER}\nTP2_1\n", "ClientInputError : Row 2 has 1 columns, the header has 2"),
        (f"{HEADER}\nTP2_1,\xff\n".encode("latin-1"), "ClientInputError : The file is not valid UTF-8"),
        ("", f"InvalidBatch : Field name not found : {UNIQUE_ID}"),
    ],
)
async def test_a_file_that_cannot_be_read_fails_the_job(world, bulk, text, message):
    done = await bulk.load(text)

    assert (done["state"], done["numberRecordsProcessed"]) == ("Failed", 0)
    assert done["errorMessage"].startswith(message)
    assert not world.salesforce.records()


async def test_quoted_cells_hold_commas_quotes_and_line_breaks(world, bulk):
    await bulk.load(f'{HEADER}\r\nTP2_1,"a, ""b""\r\nc"\r\n', lineEnding="CRLF")

    assert world.salesforce.records()["TP2_1"][MEDIUM] == 'a, "b"\r\nc'


async def test_wrong_jobs_are_refused(bulk):
    async def create(**job):
        return refusal(await bulk.session.call("POST", "/jobs/ingest", json=job))

    assert await create(**JOB | {"externalIdFieldName": MEDIUM}) == (400, "INVALIDJOB")
    assert await create(object=TOUCHPOINT, operation="upsert") == (400, "INVALIDJOB")
    assert await create(**JOB | {"object": "Nothing__c"}) == (400, "INVALIDENTITY")
    assert await create(**JOB | {"lineEnding": "CR"}) == (400, "INVALIDJOB")
    assert await create(**JOB | {"colour": "red"}) == (400, "JSON_PARSER_ERROR")


async def test_wrong_steps_are_refused(world, bulk):
    job = await bulk.create()
    as_json = {"content-type": "application/json"}
    wrong_type = await bulk.session.call("PUT", f"/jobs/ingest/{job}/batches", content="{}", headers=as_json)
    world.salesforce.bulk.max_bytes = 100
    too_big = await bulk.put(job, "x" * 101)
    await bulk.put(job, HEADER)
    twice = await bulk.put(job, HEADER)
    early_results = await bulk.session.call("GET", f"/jobs/ingest/{job}/failedResults")
    early_delete = await bulk.session.call("DELETE", f"/jobs/ingest/{job}")
    await bulk.state(job, "UploadComplete")
    answers = [wrong_type, too_big, twice, early_results, early_delete]
    answers += [await bulk.put(job, HEADER), await bulk.state(job, "UploadComplete"), await bulk.state(job, "Open")]

    assert [refusal(each) for each in answers] == [
        (415, "UNSUPPORTED_MEDIA_TYPE"),
        (413, "REQUEST_ENTITY_TOO_LARGE"),
        (400, "CLIENTINPUTERROR"),
        (400, "INVALIDJOBSTATE"),
        (400, "INVALIDJOBSTATE"),
        (400, "INVALIDJOBSTATE"),
        (400, "INVALIDJOBSTATE"),
        (400, "INVALIDJOB"),
    ]


async def test_an_aborted_job_writes_nothing_and_can_be_deleted(world, bulk):
    job = await bulk.create()
    await bulk.put(job, f"{HEADER}\nTP2_1,cpc\n")

    assert (await bulk.state(job, "Aborted")).json()["state"] == "Aborted"
    assert refusal(await bulk.state(job, "UploadComplete")) == (400, "INVALIDJOBSTATE")
    assert (await bulk.session.call("DELETE", f"/jobs/ingest/{job}")).status_code == 204
    assert refusal(await bulk.session.call("GET", f"/jobs/ingest/{job}")) == (404, "NOT_FOUND")
    assert not world.salesforce.records()


async def test_a_job_that_fails_half_way_tells_what_it_did_not_do(world, bulk):
    world.salesforce.bulk.stop_after = 200
    lines = [f"TP2_{number},cpc" for number in range(300)]

    done = await bulk.load("\n".join([HEADER, *lines]))
    left = await bulk.results(done["id"], "unprocessedrecords")

    assert (done["state"], done["numberRecordsProcessed"]) == ("Failed", 200)
    assert [row[UNIQUE_ID] for row in left] == [f"TP2_{number}" for number in range(200, 300)]


async def test_a_slow_job_stays_in_progress_for_its_time(world, bulk):
    world.salesforce.bulk.slowness = Slowness(polls=0, seconds=60)
    job = await bulk.create()
    await bulk.put(job, f"{HEADER}\nTP2_1,cpc\n")
    await bulk.state(job, "UploadComplete")

    assert (await bulk.info(job))["state"] == "InProgress"
    world.clock.moment += timedelta(seconds=60)
    assert (await bulk.info(job))["state"] == "JobComplete"


async def test_jobs_are_listed_and_forgotten_after_seven_days(world, bulk):
    job = (await bulk.load(f"{HEADER}\nTP2_1,cpc\n"))["id"]
    listed = (await bulk.session.call("GET", "/jobs/ingest")).json()
    world.clock.moment += timedelta(days=7)
    bulk.session.tokens |= (await bulk.session.refresh()).json()

    assert [each["id"] for each in listed["records"]] == [job]
    assert refusal(await bulk.session.call("GET", f"/jobs/ingest/{job}")) == (404, "NOT_FOUND")


async def test_a_hundred_thousand_rows_take_seconds(world, bulk):
    lines = [f"TP2_{number},cpc" for number in range(100_000)]
    began = time.perf_counter()

    done = await bulk.load("\n".join([HEADER, *lines]))

    assert time.perf_counter() - began < 20  # about 2 s on an idle machine
    assert (done["numberRecordsProcessed"], len(world.salesforce.records())) == (100_000, 100_000)
