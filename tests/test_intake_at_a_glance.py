"""Touchpoints seen at a glance: just what the rules would have taken, and nothing that they would have refused."""

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.desk.at_a_glance import lines_at_a_glance, list_at_a_glance, rows_at_a_glance
from bot.desk.json_input import JsonProblem, read_json
from bot.desk.touchpoint_rules import CRMS, Rules

PLAIN = {
    "id": "TP2_1",
    "occurred_at": "2026-11-23T10:00:00.25+01:00",
    "email": "jo@example.com",
    "kind": "attribution_touchpoint",
    "crm": "hubspot",
    "fields": {"Campaign__c": "Été « x » : 1", "n": -7, "x": 1.5, "yes": True, "none": None, "two": "li\nnes"},
}
BARE = {"id": "TP2_2", "occurred_at": "2026-11-23T09:00:00Z"}
ODD = st.sampled_from(
    ["", " a", "a ", "a\u00a0", "a\nb", "\0", "x" * 256, "x" * 321 + "@b.example", "a@b.example", "a@", "touchpoint", "click",
     "salesforce", "google_ads", "2026-11-23", "2026-11-23T09:00:00", "2026-11-23 09:00:00+00", "0001-01-01T00:00:00+14:00",
     "2026-11-23\u230109:00:00Z", " 2026-11-23T09:00:00Z", "2026-11-23T09:00:00." + "1" * 60 + "Z", 'a":b', 'a" :b', "\\"]
)  # fmt: skip
VALUES = (
    ODD
    | st.text(max_size=5)
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.just([])
    | st.just({"a": 1})
)
ITEMS = st.one_of(
    st.just(PLAIN),
    st.just(BARE),
    st.tuples(st.sampled_from([*PLAIN, "more"]), VALUES).map(lambda change: {**PLAIN, change[0]: change[1]}),
    st.dictionaries(ODD, VALUES, max_size=3).map(lambda fields: {**BARE, "fields": fields}),
)


def by_the_rules(items):
    """Each as it is taken, or None where one is refused."""
    found = [Rules(CRMS).read(item)[0] for item in items]
    return None if None in found else found


def decoded(text):
    try:
        return read_json(text)
    except JsonProblem:
        return [None]


@settings(deadline=None)
@given(st.lists(ITEMS, max_size=3), st.sampled_from([None, (",", ":"), (" ,\t", " : ")]), st.booleans())
def test_what_is_taken_at_a_glance_is_what_the_rules_take(items, separators, escaped):
    given = [json.dumps(item, separators=separators, ensure_ascii=escaped) for item in items]
    body, lines = (
        f"[{','.join(given)}]".encode("utf-8", "replace"),
        [f"{line}\n".encode("utf-8", "replace") for line in given],
    )
    expected = by_the_rules(decoded(body))

    for seen in (list_at_a_glance(body, CRMS), lines_at_a_glance(lines, CRMS)):
        assert seen is None or repr(seen) == repr(expected)


@settings(deadline=None)
@given(
    st.lists(
        st.lists(ODD | st.sampled_from(["TP2_1", BARE["occurred_at"]]) | st.text(max_size=3), min_size=3, max_size=7)
    )
)
def test_cells_are_taken_at_a_glance_as_the_rules_take_them(rows):
    header = ["id", "Medium", "occurred_at", "email", "crm", "kind"]
    items = [{name: cell for name, cell in zip(header, cells, strict=False) if cell} for cells in rows]
    for item in items:
        item["fields"] = {"Medium": medium} if (medium := item.pop("Medium", "")) else {}
    expected = None if any(len(cells) != 6 for cells in rows) else by_the_rules(items)

    seen = rows_at_a_glance(header, rows, CRMS)
    assert seen is None or repr(seen) == repr(expected)


def test_what_is_plainly_right_needs_no_second_look():
    for escaped in (True, False):
        lines = [json.dumps(item, ensure_ascii=escaped).encode() for item in (PLAIN, BARE)]
        assert len(list_at_a_glance(b"[" + b",".join(lines) + b"]", CRMS)) == 2
        assert len(lines_at_a_glance([*lines, b" \n"], CRMS)) == 2
    assert len(list_at_a_glance(json.dumps([{**PLAIN, "id": 'a "quoted" one'}, BARE]).encode(), CRMS)) == 2
    rows = list(csv.reader(io.StringIO("a,2026-11-23T09:00:00Z,,cpc\nb,2026-11-23T09:00:00Z,b@c.example,\n")))
    assert len(rows_at_a_glance(["id", "occurred_at", "email", "Medium"], rows, CRMS)) == 2


@pytest.mark.parametrize(
    "twice",
    [
        '"id": "a", "id": "b"',
        '"id": "a", "id" : "b"',
        '"id"\n: "a", "id"\t:"b"',
        '"id": "a", "\\u0069d": "b"',
        '"id": "a", "fields": {"x": 1, "x" : 2}',
        '"id": "a", "fields": {"x\\\\": 1, "y": "\\":", "y": 2}',
        '"id": "a", "fields": {"x": {"y": 1, "y": 2}}',
        '"id": "a", "fields": {}, "fields": {"x": 1}',
        '"id": "a", "kind": null, "kind": "touchpoint"',
        '"id": "\\u0022", "fields": {"x": 1, "x": 2}',
    ],
)
def test_a_key_that_stands_twice_is_never_passed_over(twice):
    item = f'{{"occurred_at": "2026-11-23T09:00:00Z", {twice}}}'.encode()

    assert list_at_a_glance(b"[" + item + b"]", CRMS) is None
    assert lines_at_a_glance([item], CRMS) is None
    assert by_the_rules(read_json(b"[" + item + b"]")) is None


def test_an_object_that_goes_over_two_lines_is_for_the_rules():
    assert lines_at_a_glance([b'{"id": "a",\n', b'"occurred_at": "2026-11-23T09:00:00Z"}\n'], CRMS) is None
