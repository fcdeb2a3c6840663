"""Many touchpoints for Salesforce: one bulk job, which survives lost answers and crashes, and the CSV it is made of."""

import csv
import dataclasses
import io
from datetime import timedelta, timezone
from itertools import product

import pytest
from practice_gateway import NOW
from practice_salesforce_desk import MEDIUM, TOUCHPOINTS, desk_of_ada, states, touch, touches

from bot.words.errors import TryLater
from bot.words.freight import PushState, Touchpoint, Touchpoints
from platforms._salesforce_csv import csv_of
from platforms._salesforce_records import Page, Recorder, Records
from platforms._salesforce_results import read_failed, read_taken
from sandbox.faults import Fault, Kind
from sandbox.salesforce_job import Slowness

PLAIN = Recorder(names={}, external_id="X", date="", email="")


@pytest.fixture
async def desk():
    async with desk_of_ada() as opened:
        yield opened


async def test_up_to_2000_waiting_go_by_200_and_more_in_one_bulk_job(desk):
    assert desk.platform.batch_size(2_000) == 200
    assert desk.platform.batch_size(2_001) == 10_000
    assert desk.platform.calls_for(200) == 1
    assert desk.platform.calls_for(10_000) == 10
    assert desk.platform.daily_credits == 100_000
    assert states(await desk.push(touches(2_001))) == {PushState.SENT}
    assert len(desk.sandbox.records()) == 2_001
    assert len(desk.jobs()) == 1
    assert desk.notes.value == {}


async def test_the_job_is_noted_before_anything_is_uploaded(desk):
    desk.sandbox.faults.add(Fault(match="/batches", kind=Kind.RESET))
    with pytest.raises(TryLater):
        await desk.push(touches(2_001))
    assert desk.notes.value == {"jobs": {TOUCHPOINTS: desk.jobs()[0].id}}
    assert desk.jobs()[0].data is None


@pytest.mark.parametrize(
    "lost",
    [
        Fault(match="/batches", kind=Kind.DROP),
        Fault(match="/jobs/ingest/", kind=Kind.DROP, method="PATCH"),
        Fault(match="/jobs/ingest/", kind=Kind.DROP, method="GET"),
        Fault(match="successfulResults", kind=Kind.CUT),
        Fault(match="failedResults", kind=Kind.RESET),
    ],
    ids=["upload", "close", "look", "results", "failures"],
)
async def test_a_lost_answer_resumes_the_job_and_sends_nothing_twice(desk, lost):
    desk.sandbox.faults.add(dataclasses.replace(lost))
    with pytest.raises(TryLater):
        await desk.push(touches(2_001))
    assert states(await desk.push(touches(2_001))) == {PushState.SENT}
    assert len(desk.jobs()) == 1
    assert {each.total for each in desk.sandbox.writes.values()} == {1}


async def test_a_crash_before_the_upload_leaves_an_empty_job_and_a_new_one_is_made(desk):
    desk.sandbox.faults.add(Fault(match="/batches", kind=Kind.RESET))
    with pytest.raises(TryLater):
        await desk.push(touches(2_001))
    assert states(await desk.push(touches(2_001))) == {PushState.SENT}
    assert [str(job.state) for job in desk.jobs()] == ["Failed", "JobComplete"]
    assert {each.total for each in desk.sandbox.writes.values()} == {1}


async def test_a_job_that_takes_long_is_left_and_found_again(desk):
    desk.sandbox.bulk.slowness = Slowness(polls=8)
    with pytest.raises(TryLater):
        await desk.push(touches(2_001))
    assert states(await desk.push(touches(2_001))) == {PushState.SENT}
    assert len(desk.jobs()) == 1


async def test_waiting_for_a_job_keeps_the_claim_alive(desk):
    desk.sandbox.bulk.slowness = Slowness(polls=3)
    await desk.push(touches(2_001))
    assert len(desk.notes.saved) >= 4


async def test_a_job_that_was_forgotten_by_salesforce_is_made_anew(desk):
    desk.notes.value = {"jobs": {TOUCHPOINTS: "7505g0000000999AAA"}}
    assert states(await desk.push(touches(3))) == {PushState.SENT}
    assert desk.notes.value == {}


async def test_a_noted_job_also_answers_for_fewer_records(desk):
    desk.sandbox.faults.add(Fault(match="/batches", kind=Kind.DROP))
    with pytest.raises(TryLater):
        await desk.push(touches(2_001))
    results = await desk.push([*touches(100), touch(5_000)])
    assert states(results) == {PushState.SENT}
    assert desk.sandbox.writes["TP2_0"].total == 1
    assert desk.sandbox.writes["TP2_5000"].total == 1


async def test_each_record_of_a_job_gets_its_own_answer_in_whatever_order(desk):
    desk.sandbox.refuse("TP2_1", "FIELD_CUSTOM_VALIDATION_EXCEPTION", 'No "touchpoints", on\nMondays')
    desk.sandbox.lock("TP2_2", times=2)
    desk.sandbox.mischief.shuffle_results(times=2)
    results = await desk.push(touches(2_001))
    assert results["TP2_1"].state is PushState.SET_ASIDE
    assert 'No "touchpoints", on\nMondays' in results["TP2_1"].reason
    assert results["TP2_2"].state is PushState.RETRY
    assert results["TP2_2000"].state is PushState.SENT


async def test_what_a_complete_job_says_nothing_about_is_sent_again_and_not_taken_for_sent(desk):
    desk.sandbox.refuse("TP2_1", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "No touchpoints on Mondays")
    desk.sandbox.lock("TP2_2", times=2)
    desk.sandbox.mischief.lose_results(5)
    results = await desk.push(touches(2_001))
    assert (PushState.SET_ASIDE, PushState.RETRY) == (results.pop("TP2_1").state, results.pop("TP2_2").state)
    assert {PushState.SENT} == states(results)
    sent = [desk.sandbox.writes[key] for key in results]
    assert ({1}, 5) == ({write.created for write in sent}, sum(write.total == 2 for write in sent))


async def test_a_job_that_breaks_off_leaves_the_rest_to_smaller_calls(desk):
    desk.sandbox.bulk.stop_after = 1_000
    results = await desk.push(touches(2_300))
    assert states(results) == {PushState.SENT}
    assert {each.total for each in desk.sandbox.writes.values()} == {1}


async def test_a_job_that_is_refused_as_a_whole_names_the_records_at_fault(desk):
    results = await desk.push([*touches(2_001), touch(5_000, Nonsense__c="x")])
    retried = [result for result in results.values() if result.state is PushState.RETRY]
    assert len(retried) == 2  # 2,002 records; 2,000 went by smaller calls at once
    assert states(await desk.push([touch(2_000), touch(5_000, Nonsense__c="x")])) == {
        PushState.SENT,
        PushState.SET_ASIDE,
    }


VALUES = ["=1+1", "+1", "-1", "@x", "\tx", 'a"b', "a,b", "a\nb", "a\r\nb", "a;b", "'x'", "日本", "#", "\\n", "😀"]


async def test_values_arrive_exactly_as_they_are_by_either_way(desk):
    few = [touch(n, bizible2__Landing_Page_Raw__c=f"x{value}x") for n, value in enumerate(VALUES)]
    many = [touch(10_000 + n, bizible2__Landing_Page_Raw__c=f"x{value}x") for n, value in enumerate(VALUES)]
    await desk.push(few)
    await desk.push([*many, *touches(2_001)])
    records = desk.sandbox.records()
    assert [records[each.id]["bizible2__Landing_Page_Raw__c"] for each in many] == [f"x{v}x" for v in VALUES]
    del few


async def test_empty_values_empty_a_field_and_absent_ones_leave_it(desk):
    await desk.push([touch(1), touch(2)])
    emptied = [
        Touchpoint("TP2_1", NOW, "", "touchpoint", {MEDIUM: None}),
        Touchpoint("TP2_2", NOW, "", "touchpoint", {}),
    ]
    await desk.push([*emptied, *[touch(n) for n in range(10, 2_011)]])
    assert desk.sandbox.records()["TP2_1"][MEDIUM] is None
    assert desk.sandbox.records()["TP2_2"][MEDIUM] == "cpc"


def test_csv_is_cut_at_its_limit_between_records():
    records = [PLAIN(touch(n)) for n in range(100)]
    lines = csv_of(Records([records]), "X", 500).decode().splitlines()
    assert 10 < len(lines) < 100
    assert lines[0] == f'"X","{MEDIUM}"'
    assert lines[-1].count('"') == 4


def test_csv_says_what_any_other_writer_and_reader_of_csv_would():
    odd = ["plain", 'a "quoted" word', '"', "", "a,b", "two\nlines", "\r\n", "Été", None, True, 7, 1.5]
    records = [PLAIN(Touchpoint(f'TP2 "{n}"', NOW, "", "touchpoint", {"A": value})) for n, value in enumerate(odd)]
    said = csv_of(Records([records]), "X", 10_000).decode()
    rows = list(csv.reader(io.StringIO(said, newline=""), strict=True))
    assert [row[0] for row in rows] == ["X", *[record.id for record in records]]
    told = {"": "#N/A", None: "#N/A", True: "true", 7: "7", 1.5: "1.5"}
    assert [row[1] for row in rows] == ["A", *[told.get(value, value) for value in odd]]
    again = io.StringIO()
    csv.writer(again, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    assert again.getvalue() == said


def test_records_of_many_shapes_keep_each_value_in_its_own_column():
    renaming = Recorder(names={"Old": "New"}, external_id="X", date="At", email="Email")
    given = [
        touch("a", Old="1"),
        Touchpoint("TP2_b", NOW, "", "touchpoint", {"Z": 1, "Old": "2", "x": "its own id again"}),
        Touchpoint(
            "TP2_c", NOW, "c@example.com", "touchpoint", {"Email": "another@example.com", "Old": "3", "New": "4"}
        ),
        Touchpoint("TP2_d", NOW, "", "touchpoint", {}),
    ]
    at = "2026-11-23T09:00:00.000Z"
    rows = csv.DictReader(io.StringIO(csv_of(Records([[renaming(each) for each in given]]), "X", 10_000).decode()))
    assert [{name: value for name, value in row.items() if value} for row in rows] == [
        {"X": "TP2_a", "At": at, "Email": "ben@customer.example", MEDIUM: "cpc", "New": "1"},
        {"X": "TP2_b", "At": at, "Z": "1", "New": "2"},
        {"X": "TP2_c", "At": at, "Email": "another@example.com", "New": "4"},
        {"X": "TP2_d", "At": at},
    ]


@pytest.mark.parametrize("kept", [list, tuple], ids=["by SQLite", "by Postgres"])
def test_only_what_cannot_be_sent_is_looked_at_one_by_one(kept):
    odd = [{"A": value, "B": "b"} for value in ("a", 2, "", 'say "so"', None, True)]
    given = [Touchpoint(f"TP2_{n}", NOW, "", "touchpoint", odd[n % len(odd)]) for n in range(600)]
    given[250] = given[250]._replace(fields={"A": [], "B": "b"})
    parts = PLAIN.all(Touchpoints(*map(kept, zip(*given, strict=True))), refused := {}).parts
    assert [isinstance(part, Page) for part in parts] == [True, False, True]
    assert list(refused) == ["TP2_250"]


def test_records_of_many_shapes_together_are_what_each_is_alone():
    renaming = Recorder(names={"Old": "New"}, external_id="X", date="At", email="Email")
    there, elsewhere = NOW, NOW.astimezone(timezone(timedelta(hours=5)))
    fields = [
        {},
        {"Old": "a"},
        {"A": "b", "Z": "c"},
        {"Z": "d", "A": "e"},
        {"A": ""},
        {"A": 'say "so"'},
        {"A": 2},
        {"X": "f"},
    ]
    every = product(fields, ["", "ben@customer.example"], [there, elsewhere, there.replace(microsecond=999_999)])
    given = [Touchpoint(f"TP2_{n}", at, email, "touchpoint", each) for n, (each, email, at) in enumerate(every)]
    together, alone = renaming.all(given, {}), Records([[renaming(each) for each in given]])
    assert sorted(together) == sorted(alone)
    assert sorted(together.ids) == sorted(alone.ids)
    moments = [f"2026-11-23T09:00:00.{fraction}Z" for fraction in ("000", "000", "999")]
    assert [record.fields["At"] for record in alone] == moments * (len(given) // 3)
    said = [sorted(csv_of(records, "X", 10_000).splitlines()) for records in (together, alone)]
    assert said[0] == said[1]


def test_results_that_are_no_csv_are_not_believed():
    for said, why in (
        ('"sf__Id","X"\n"a"b,"c"', "expected after"),
        ('"sf__Id"\n"a"', "not in list"),
        ('"A","X"\n"a"', "out of range"),
    ):
        with pytest.raises(ValueError, match=why):
            read_taken(said, "X", {"a"})
    assert read_failed('"sf__Id","sf__Error"\n', "X") == read_failed("", "X") == {}


def test_only_a_row_of_its_own_says_that_a_record_was_taken():
    sf = "a0X000000000001AAA"
    odd = ["\n", f'\n"{sf}","true","TP2_2"', f'x"\n"{sf}","true","TP2_2","', 'a "quoted" word', "", f"\n{sf}", "plain"]
    for value, own_id, created in product(odd, ["TP2_1", 'TP2"1', '"TP2_2"', "TP2_1\n", "TP,2"], ["true", "false"]):
        said = io.StringIO()
        writer = csv.writer(said, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerows([["sf__Id", "sf__Created", "X", "A", "B", "C"], [sf, created, own_id, value, "TP2_2", value]])
        for awaited in ({own_id}, {own_id, "TP2_2"}, {"TP2_2"}, {own_id.partition('"')[0] or "-"}):
            assert read_taken(said.getvalue(), "X", awaited) == {own_id}


def test_one_odd_record_changes_nothing_about_those_that_are_made_with_it():
    odd = [{"A": 1.5}, {"A": None}, {"A": ""}, {"A": 'say "so"'}, {"B": "b", "A": "a"}, {"A": True}, {}]
    bad = [{"A": "\0"}, {"A": "\ud800"}, {"A": ["list"]}, {"not a name": "a"}]
    plain = [{"A": "a"}, {"A": "b\nc"}]
    for some in ([each] for each in (*odd, *bad, {"A": "  a  "})):
        given = [touch(n, **fields) for n, fields in enumerate([*plain, *some, *plain])]
        given += [touch(9, A="after")._replace(id=" 9")]
        together, alone = {}, {}
        records = PLAIN.all(given, together)
        assert sorted([record for each in given for record in PLAIN.all([each], alone)]) == sorted(records)
        assert (together, len(given)) == (alone, len(records) + len(alone))
        assert " 9" in alone
