"""Touchpoints at the door: what is taken, what is refused, and that nothing breaks it."""

import io
import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.desk.intake import LISTED, BadTouchpoints, parse_csv, parse_json, parse_ndjson

GOOD = {"id": "TP2_1", "occurred_at": "2026-11-23T10:00:00+01:00"}


def problems(items, parse=parse_json):
    body = items if isinstance(items, bytes) else json.dumps(items).encode()
    with pytest.raises(BadTouchpoints) as refused:
        parse(body)
    return [str(problem) for problem in refused.value.problems]


def test_a_touchpoint_is_read_with_its_time_in_utc():
    fields = {"bizible2__Medium__c": "cpc", "n": 3, "x": 0.1, "yes": True, "none": None}
    item = {**GOOD, "email": "a@b.example", "fields": fields, "kind": "attribution_touchpoint", "crm": "hubspot"}

    [found] = parse_json(json.dumps([item]).encode())

    assert found.id == "TP2_1"
    assert found.occurred_at == datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    assert (found.email, found.kind, found.crm) == ("a@b.example", "attribution_touchpoint", "hubspot")
    assert dict(found.fields) == fields


def test_what_may_be_left_out_may_be_left_out():
    [found] = parse_json(json.dumps([GOOD]).encode())

    assert (found.email, found.kind, found.crm, dict(found.fields)) == ("", "touchpoint", None, {})


def test_an_empty_list_is_no_mistake():
    assert parse_json(b"[]") == []
    assert parse_ndjson(b"\n\n") == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"id": None}, "id: is missing"),
        ({"id": 7}, "id: expected text, not the number 7"),
        ({"id": ""}, "id: expected 1 to 255 characters, not 0"),
        ({"id": "x" * 256}, "id: expected 1 to 255 characters, not 256"),
        ({"id": "a\nb"}, "id: holds a control character"),
        ({"id": "a\ud800"}, "id: holds a control character"),
        ({"id": " a"}, "id: begins or ends with a space"),
        ({"occurred_at": None}, "it is missing"),
        ({"occurred_at": "2026-11-23T09:00:00"}, "has no zone"),
        ({"occurred_at": "2026-11-23"}, "expected a date and time"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "expected a date and time"),
        ({"occurred_at": 1763888400}, "not the number 1763888400"),
        ({"email": "nobody"}, "is no e-mail address"),
        ({"email": ["a@b.example"]}, "email: expected text, not a list"),
        ({"kind": "click"}, "kind: expected touchpoint or attribution_touchpoint, not 'click'"),
        ({"crm": "google_ads"}, "crm: expected one of salesforce, dynamics_365, hubspot"),
        ({"fields": []}, "fields: expected an object, not a list"),
        ({"fields": {"a": {"b": 1}}}, "fields: a: expected text, a number, true, false or null, not an object"),
        ({"fields": {"": 1}}, "cannot be a field's name"),
        ({"fields": {"a": "\0"}}, "fields: a: holds a character that is none"),
        ({"fields": {"a": "\udc00"}}, "fields: a: holds a character that is none"),
        ({"fields": {"a": "x" * 131_073}}, "fields: a: is longer than 131072 characters"),
        ({"medium": "cpc"}, "has the unknown key 'medium'"),
    ],
)
def test_each_mistake_has_its_own_sentence(change, what):
    [told] = problems([{**GOOD, **change}])

    assert what in told
    assert told.startswith("item 1")


@pytest.mark.parametrize(
    ("number", "what"),
    [
        ("1e999", "cannot be kept exactly"),
        ("NaN", "no JSON number"),
        ("-Infinity", "no JSON number"),
        ("1" * 5000, "more than 18 digits"),
        ("0.12345678901234567890", "cannot be kept exactly"),
        ("1e-99999999999999999999999", "cannot be kept exactly"),
    ],
)
def test_a_number_that_would_be_changed_on_the_way_is_refused(number, what):
    body = f'[{{"id": "a", "occurred_at": "2026-11-23T09:00:00Z", "fields": {{"n": {number}}}}}]'.encode()

    [told] = problems(body)

    assert what in told


def test_a_key_that_stands_twice_is_named():
    doubled = b'[{"id": "a", "id": "b", "occurred_at": "2026-11-23T09:00:00Z", "fields": {"x": 1, "x": 2}}]'

    assert problems(doubled) == ["item 1 (b): has the key 'id' twice", "item 1 (b): fields: has 'x' twice"]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "is not JSON"),
        (b'[{"id": ', "is not JSON"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"{}", "expected a JSON list"),
        (b"[" * 100_000, "nested too deeply"),
        (b'[{"fields":' * 50_000, "nested too deeply"),
    ],
)
def test_a_body_that_is_no_list_is_told_so(body, what):
    [told] = problems(body)

    assert what in told


def test_every_bad_item_is_counted_and_a_hundred_are_listed():
    with pytest.raises(BadTouchpoints) as refused:
        parse_json(json.dumps([GOOD, *([{"id": "x"}] * 250)]).encode())

    assert refused.value.count == 250
    assert len(refused.value.problems) == LISTED
    assert refused.value.problems[0].where == "item 2"


def test_ndjson_names_the_line():
    lines = b"\n".join([json.dumps(GOOD).encode(), b"", b"{]", b'{"id": "b"}'])

    assert [told.split(":")[0] for told in problems(lines, parse_ndjson)] == ["line 3", "line 4 (b)"]


def test_ndjson_is_read_from_an_open_file_too():
    assert len(parse_ndjson(io.BytesIO(json.dumps(GOOD).encode() + b"\r\n"))) == 1


def test_csv_columns_beyond_the_known_ones_are_fields_and_empty_cells_are_absent():
    text = "\ufeffid,occurred_at,email,kind,crm,Medium,Note\r\n"
    text += 'a,2026-11-23T09:00:00Z,,,,cpc,"two\nlines"\r\nb,2026-11-23T09:00:00Z,b@c.example,,salesforce,,\r\n'

    first, second = parse_csv(io.StringIO(text, newline=""))

    assert (first.id, dict(first.fields)) == ("a", {"Medium": "cpc", "Note": "two\nlines"})
    assert (second.email, second.crm, dict(second.fields)) == ("b@c.example", "salesforce", {})


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "the header is missing"),
        ("id;occurred_at\n", "expected commas"),
        ("id,email\n", "line 1: the column occurred_at is missing"),
        ("id,occurred_at,,x\n", "column 3 has no name"),
        ("id,occurred_at,x,x\n", "the column 'x' stands there twice"),
        ("id,occurred_at\na\n", "line 2 (a): has 1 cells, the header 2"),
        ('id,occurred_at\n"a\nb",2026-11-23T09:00:00Z\nc\n', "line 2 (a b): id: holds a control character"),
        ('id,occurred_at\n"a"b,2026\n', "is not CSV"),
        ("id,occurred_at,x\na,2026-11-23T09:00:00Z," + "y" * 140_000, "is not CSV"),
    ],
)
def test_wrong_csv_is_named_by_its_line(text, what):
    with pytest.raises(BadTouchpoints) as refused:
        parse_csv(io.StringIO(text, newline=""))

    assert what in str(refused.value.problems[0])


def test_a_file_that_is_not_utf_8_is_told_so():
    file = io.TextIOWrapper(io.BytesIO(b"id,occurred_at\n\xe9,2026-11-23T09:00:00Z\n"), encoding="utf-8", newline="")

    with pytest.raises(BadTouchpoints, match="is not UTF-8"):
        parse_csv(file)


def test_ten_thousand_items_take_well_under_a_second():
    items = [{**GOOD, "id": f"TP2_{n}", "fields": {"a": "b" * 40, "n": n}} for n in range(10_000)]
    body = json.dumps(items).encode()

    began = time.process_time()
    assert len(parse_json(body)) == 10_000
    assert time.process_time() - began < 1.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(["id", "occurred_at", "email", "fields", "kind", "crm", "more"])
LIKELY = st.sampled_from(["TP2_1", "2026-11-23T09:00:00Z", "touchpoint", "salesforce", "a@b.example"])


def refusal(parse, source):
    """What was refused, or None when everything was taken; anything else that is raised fails the test."""
    try:
        parse(source)
    except BadTouchpoints as refused:
        return refused
    return None


@settings(deadline=None)
@given(st.lists(st.dictionaries(KEYS, LIKELY | JSON), max_size=3) | JSON)
def test_any_json_is_either_taken_or_refused_with_reasons_that_can_be_sent(items):
    refused = refusal(parse_json, json.dumps(items).encode())

    assert refused is None or "".join(str(problem) for problem in refused.problems).encode()


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_either_taken_or_refused_with_reasons(body):
    for parse in (parse_json, parse_ndjson):
        refused = refusal(parse, body)
        assert refused is None or refused.count > 0


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_csv_is_either_taken_or_refused_with_reasons(text):
    for header in ("", "id,occurred_at,x\n"):
        refused = refusal(parse_csv, io.StringIO(header + text, newline=""))
        assert refused is None or refused.count > 0
