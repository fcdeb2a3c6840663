"""Touchpoints at the door: JSON, NDJSON and CSV are read and checked here, all or nothing, before anything is stored."""

import csv
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, TypeVar

from bot.desk.at_a_glance import lines_at_a_glance, list_at_a_glance, rows_at_a_glance
from bot.desk.json_input import JsonProblem, read_json
from bot.desk.touchpoint_rules import COLUMNS, CRMS, LONGEST_FIELD, Problem, Rules
from bot.words.freight import Touchpoint

LISTED = 100  # problems told one by one; the rest is counted
AT_ONCE = 1_000  # lines looked at together
Row = TypeVar("Row")


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

    def take(self, kind: str, number: int, item: Any) -> None:
        touchpoint, wrong = self._rules.read(item)
        if touchpoint is not None:
            self._good.append(touchpoint)
            return
        item_id = self._rules.shown_id(item)
        for what in wrong:
            self.wrong(f"{kind} {number}", what, item_id)

    def keep(self, plain: list[Touchpoint]) -> None:
        self._good += plain

    def result(self) -> list[Touchpoint]:
        if self._problems:
            raise BadTouchpoints(self._problems, self._count)
        return self._good


def parse_json(body: bytes, crms: Collection[str] = CRMS) -> list[Touchpoint]:
    """Read a JSON list of touchpoints. Raises BadTouchpoints."""
    if (plain := list_at_a_glance(body, crms)) is not None:
        return plain
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
        gathering.take("item", number, item)
    return gathering.result()


def parse_ndjson(body: bytes | Iterable[bytes], crms: Collection[str] = CRMS) -> list[Touchpoint]:
    """Read one JSON object a line; empty lines are passed over. Takes bytes or an open binary file.

    Raises BadTouchpoints.
    """
    gathering = _Gathering(crms)
    lines = body.split(b"\n") if isinstance(body, bytes) else body
    for block in _blocks(enumerate(lines, 1)):
        plain = lines_at_a_glance([line for _, line in block], crms)
        if plain is None:
            _take_lines(gathering, block)
        else:
            gathering.keep(plain)
    return gathering.result()


def _take_lines(gathering: _Gathering, lines: list[tuple[int, bytes]]) -> None:
    for number, line in lines:
        if not line.strip():
            continue
        try:
            item = read_json(line)
        except JsonProblem as problem:
            gathering.wrong(f"line {number}", str(problem))
        else:
            gathering.take("line", number, item)


def _blocks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Where one cannot be read, those before it are looked at first."""
    block: list[Row] = []
    try:
        for row in rows:
            block.append(row)
            if len(block) == AT_ONCE:
                yield block
                block = []
    except (csv.Error, UnicodeDecodeError):
        yield block
        raise
    yield block


def parse_csv(stream: Iterable[str], crms: Collection[str] = CRMS) -> list[Touchpoint]:
    """Read CSV with a header: id and occurred_at, if wanted email, kind and crm, and one column per field.

    An empty cell is an absent field. Open files with `newline=""`. Raises BadTouchpoints.
    """
    gathering = _Gathering(crms)
    csv.field_size_limit(LONGEST_FIELD + 1)  # one more, so that our own sentence about the length is the one seen
    rows = csv.reader(_without_mark(stream), strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        wrong = list(_header_problems(header))
        for what in wrong:
            gathering.wrong("line 1", what)
        if not wrong:
            for block in _blocks(_numbered(rows, lambda: rows.line_num)):
                plain = rows_at_a_glance(header, [cells for _, cells in block], crms)
                if plain is None:
                    _take_rows(gathering, header, block)
                else:
                    gathering.keep(plain)
    except csv.Error as error:
        gathering.wrong(f"line {rows.line_num}", f"is not CSV: {error}")
    except UnicodeDecodeError:
        where = f"after line {rows.line_num}" if rows.line_num else "the file"
        gathering.wrong(where, "is not UTF-8: save it as CSV UTF-8")
    return gathering.result()


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    """Spreadsheets begin a file with a byte order mark."""
    for number, line in enumerate(lines):
        yield line if number else line.removeprefix("\ufeff")


def _header_problems(header: list[str]) -> Iterator[str]:
    if not header:
        yield "the header is missing; expected id,occurred_at,email,kind,crm and one column per field"
        return
    if len(header) == 1 and any(separator in header[0] for separator in ";\t"):
        yield "expected commas between the columns"
        return
    for name in ("id", "occurred_at"):
        if name not in header:
            yield f"the column {name} is missing"
    if "" in header:
        yield f"column {header.index('') + 1} has no name"
    for name in dict.fromkeys(name for name in header if name and header.count(name) > 1):
        yield f"the column {name[:80]!r} stands there twice"


def _numbered(rows: Iterable[list[str]], line: Callable[[], int]) -> Iterator[tuple[int, list[str]]]:
    """Each with the line where it begins; empty ones are passed over."""
    last = line()
    for cells in rows:
        first, last = last + 1, line()
        if cells:
            yield first, cells


def _take_rows(gathering: _Gathering, header: list[str], rows: list[tuple[int, list[str]]]) -> None:
    own = [(name, header.index(name)) for name in COLUMNS if name in header]
    fields = [(name, n) for n, name in enumerate(header) if name not in COLUMNS]
    for first, cells in rows:
        if len(cells) != len(header):
            gathering.wrong(f"line {first}", f"has {len(cells)} cells, the header {len(header)}", cells[0][:80])
            continue
        item: dict[str, Any] = {name: cell for name, n in own if (cell := cells[n])}
        item["fields"] = {name: cell for name, n in fields if (cell := cells[n])}
        gathering.take("line", first, item)
