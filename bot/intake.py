"""Touchpoints at the door: JSON, NDJSON and CSV are read and checked here, all or nothing, before anything is stored."""

import csv
import json
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from bot.connection import Touchpoint
from bot.json_input import JsonProblem, read_json
from bot.touchpoint_rules import CRMS, LONGEST_FIELD, Problem, Rules

LISTED = 100  # problems told one by one; the rest is counted
COLUMNS = ("id", "occurred_at", "email", "kind", "crm")


class BadTouchpoints(Exception):
    """Something in the batch is wrong, so nothing of it was taken. `problems` lists the first hundred, `count` has all."""

    def __init__(self, problems: list[Problem], count: int) -> None:
        first = problems[0]
        super().__init__(f"{count} touchpoint problem{'s' if count > 1 else ''}; the first: {first}")
        self.problems = problems
        self.count = count


class _Gathering:
    """Checks item after item and keeps the good ones for as long as there is no bad one."""

    def __init__(self, crms: Collection[str]) -> None:
        self._rules = Rules(crms)
        self._good: list[Touchpoint] = []
        self._problems: list[Problem] = []
        self._count = 0

    def wrong(self, where: str, what: str, item_id: str = "") -> None:
        self._count += 1
        if len(self._problems) < LISTED:
            self._problems.append(Problem(where, item_id, what))

    def take(self, where: str, item: Any) -> None:
        touchpoint, wrong = self._rules.read(item)
        if touchpoint is not None:
            self._good.append(touchpoint)
            return
        item_id = self._rules.shown_id(item)
        for what in wrong:
            self.wrong(where, what, item_id)

    def result(self) -> list[Touchpoint]:
        if self._problems:
            raise BadTouchpoints(self._problems, self._count)
        return self._good


def parse_json(body: bytes, crms: Collection[str] = CRMS) -> list[Touchpoint]:
    """Read a JSON list of touchpoints. Raises BadTouchpoints."""
    gathering = _Gathering(crms)
    try:
        items = read_json(body)
    except JsonProblem as problem:
        gathering.wrong("body", str(problem))
        return gathering.result()
    if not isinstance(items, list):
        gathering.wrong("body", "expected a JSON list of touchpoints: [{…}, {…}]")
        return gathering.result()
    for number, item in enumerate(items, 1):
        gathering.take(f"item {number}", item)
    return gathering.result()


def parse_ndjson(body: bytes | Iterable[bytes], crms: Collection[str] = CRMS) -> list[Touchpoint]:
    """Read one JSON object a line; empty lines are passed over. Takes bytes or an open binary file.

    Raises BadTouchpoints.
    """
    gathering = _Gathering(crms)
    lines = body.split(b"\n") if isinstance(body, bytes) else body
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            item = read_json(line)
        except JsonProblem as problem:
            gathering.wrong(f"line {number}", str(problem))
        else:
            gathering.take(f"line {number}", item)
    return gathering.result()


def parse_csv(stream: Iterable[str], crms: Collection[str] = CRMS) -> list[Touchpoint]:
    """Read CSV with a header: id and occurred_at, if wanted email, kind and crm, and one column per field.

    An empty cell is an absent field. Open files with `newline=""`. Raises BadTouchpoints.
    """
    gathering = _Gathering(crms)
    csv.field_size_limit(LONGEST_FIELD + 1)  # one more, so that our own sentence about the length is the one seen
    rows = csv.reader(stream, strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        if header:
            header[0] = header[0].removeprefix("\ufeff").strip('"')
        for what in _header_problems(header):
            gathering.wrong("line 1", what)
        if not gathering._problems:  # noqa: SLF001 - our own
            _take_rows(gathering, header, rows, lambda: rows.line_num)
    except csv.Error as error:
        gathering.wrong(f"line {rows.line_num}", f"is not CSV: {error}")
    except UnicodeDecodeError:
        gathering.wrong(f"line {rows.line_num + 1}", "is not UTF-8")
    return gathering.result()
