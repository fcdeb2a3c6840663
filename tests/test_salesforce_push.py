"""Pushing to Salesforce: each record gets its own answer, and one bad record holds up no other."""

from datetime import timedelta

import pytest
from practice_gateway import NOW
from practice_salesforce_desk import ATTRIBUTION, MEDIUM, desk_of_ada, states, touch, touches

from bot.words.errors import TryLater
from bot.words.freight import PushState, Touchpoint
from platforms._salesforce_errors import is_passing


@pytest.fixture
async def desk():
    async with desk_of_ada() as opened:
        yield opened


async def test_records_are_upserted_with_date_and_email_and_renamed_fields(desk):
    settings = desk.platform.settings.model_copy(update={"fields": {"medium": MEDIUM}})
    desk.platform.settings = settings
    await desk.push([Touchpoint("TP2_1", NOW, "ben@customer.example", "touchpoint", {"medium": "organic"})])
    row = desk.sandbox.records()["TP2_1"]
    assert row[MEDIUM] == "organic"
    assert row["bizible2__Touchpoint_Date__c"] == "2026-11-23T09:00:00.000+0000"
    assert row["bizible2__Email__c"] == "ben@customer.example"


async def test_pushing_again_updates_and_never_doubles(desk):
    await desk.push(touches(3))
    await desk.push(touches(3))
    writes = desk.sandbox.writes
    assert {(each.created, each.updated) for each in writes.values()} == {(1, 1)}


async def test_attribution_touchpoints_go_to_their_own_object(desk):
    both = [touch(1), touch(2, kind="attribution_touchpoint")]
    assert states(await desk.push(both)) == {PushState.SENT}
    assert set(desk.sandbox.records()) == {"TP2_1"}
    assert set(desk.sandbox.records(ATTRIBUTION)) == {"TP2_2"}
    assert await desk.find(both) == {"TP2_1", "TP2_2"}


async def test_each_record_gets_its_own_answer(desk):
    desk.sandbox.refuse("TP2_1", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "No touchpoints on Mondays")
    desk.sandbox.lock("TP2_2")
    results = await desk.push(touches(5))
    assert results["TP2_1"].state is PushState.SET_ASIDE
    assert results["TP2_1"].reason == "FIELD_CUSTOM_VALIDATION_EXCEPTION: No touchpoints on Mondays"
    assert results["TP2_2"].state is PushState.RETRY
    assert [results[f"TP2_{n}"].state for n in (0, 3, 4)] == [PushState.SENT] * 3
    assert states(await desk.push([touch(2)])) == {PushState.SENT}


@pytest.mark.parametrize(
    ("code", "message", "state"),
    [
        ("DUPLICATE_VALUE", "duplicate value found", PushState.RETRY),
        (
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            "Trigger: System.LimitException: Apex CPU time limit",
            PushState.RETRY,
        ),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "Trigger: System.NullPointerException", PushState.SET_ASIDE),
        ("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", PushState.RETRY),
        ("DUPLICATES_DETECTED", "Use one of these records?", PushState.SET_ASIDE),
        ("SOMETHING_NEW", "never heard of", PushState.SET_ASIDE),
    ],
    ids=["duplicate", "cpu", "trigger", "storage", "duplicate-rule", "unknown"],
)
async def test_what_may_pass_is_tried_again_and_what_cannot_is_set_aside(desk, code, message, state):
    desk.sandbox.refuse("TP2_0", code, message)
    results = await desk.push(touches(2))
    assert (results["TP2_0"].state, results["TP2_1"].state) == (state, PushState.SENT)


@pytest.mark.parametrize(
    "code",
    [
        "ENTITY_IS_LOCKED",
        "PROCESSING_HALTED",
        "INTERNALSERVERERROR",
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "QUERY_TIMEOUT",
    ],
)
def test_what_is_no_fault_of_the_record_passes_by_itself(code):
    assert is_passing(code, "words")
    assert is_passing(code.lower(), "words")


async def test_a_record_without_a_result_is_tried_again(desk):
    desk.sandbox.mischief.lose_results(1)
    assert states(await desk.push(touches(4))) == {PushState.RETRY}
    assert states(await desk.push(touches(4))) == {PushState.SENT}


async def test_a_poisonous_record_is_found_and_the_rest_goes_through(desk):
    records = touches(60)
    records[41] = touch(41, bizible2__Count_First_Touch__c="not a number")
    results = await desk.push(records)
    assert results["TP2_41"].state is PushState.SET_ASIDE
    assert states({key: value for key, value in results.items() if key != "TP2_41"}) == {PushState.SENT}


async def test_a_field_that_is_not_there_is_named_without_a_call_per_record(desk):
    records = [touch(number, Nonsense__c="x") for number in range(150)] + [touch(999)]
    before = desk.sandbox.ledger.count("api.call")
    results = await desk.push(records)
    assert results["TP2_0"].state is PushState.SET_ASIDE
    assert "Nonsense__c" in results["TP2_0"].reason
    assert results["TP2_999"].state is PushState.SENT
    assert desk.sandbox.ledger.count("api.call") - before == 3


@pytest.mark.parametrize(
    "touchpoint",
    [
        touch(1, Medium__c=["a"]),
        touch(1, Medium__c={"a": 1}),
        touch(1, attributes="x"),
        touch(1, Id="a0x"),
        touch(1, **{"a b": 1}),
        touch(1, Medium__c="\ud800"),
        touch(1, Medium__c="a\0b"),
        touch(1, Medium__c=float("nan")),
        touch(1)._replace(id=" TP2_1"),
    ],
    ids=["list", "table", "attributes", "id", "space", "surrogate", "null", "nan", "padded-id"],
)
async def test_what_could_never_be_a_record_is_set_aside_without_a_call(desk, touchpoint):
    before = desk.sandbox.ledger.count("api.call")
    results = await desk.push([touchpoint])
    assert states(results) == {PushState.SET_ASIDE}
    assert desk.sandbox.ledger.count("api.call") == before


async def test_the_id_of_a_touchpoint_cannot_be_overwritten_by_its_fields(desk):
    await desk.push([touch(1, bizible2__UniqueId__c="other")])
    assert set(desk.sandbox.records()) == {"TP2_1"}


async def test_the_last_tenth_of_the_daily_calls_is_left_to_others(desk):
    desk.sandbox.org.calls = 89_999
    assert states(await desk.push([touch(1)])) == {PushState.SENT}
    before = desk.sandbox.ledger.count("api.call")
    with pytest.raises(TryLater) as caught:
        await desk.push([touch(2)])
    assert caught.value.after == timedelta(minutes=5)
    assert desk.sandbox.ledger.count("api.call") == before
    desk.sandbox.org.give_calls_back()
    desk.clock.moment += timedelta(minutes=5)
    assert states(await desk.push([touch(2)])) == {PushState.SENT}
