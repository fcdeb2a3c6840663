"""What Salesforce said about records: as a bulk job's CSV, and in JSON."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Self

from bot.words.connection import Json
from bot.words.freight import PushResult, PushState
from platforms._salesforce_errors import is_passing
from platforms._salesforce_records import Record, Records
from platforms._verdicts import plain_code, plain_text

_REASON_LENGTH = 500
_TAKEN = re.compile(r'\n"\w{15,18}","(?:true|false)","([^"]*)"(?!")', re.ASCII)


class Told:
    """What Salesforce said so far: whom it took, and what about each other one, which counts for more."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.others: dict[str, PushResult] = {}

    @classmethod
    def by(cls, results: Mapping[str, PushResult]) -> Self:
        told = cls()
        told.taken = {each for each, result in results.items() if result.state is PushState.SENT}
        told.others = {each: result for each, result in results.items() if each not in told.taken}
        return told

    def add(self, later: "Told") -> None:
        """The later word counts."""
        for each in later.taken & self.others.keys():
            del self.others[each]
        self.taken = self.taken | later.taken if self.taken else later.taken
        self.others |= later.others

    def without(self, records: Records) -> Records:
        if not self.taken and not self.others:
            return records
        if self.taken.issuperset(records.ids):  # as nearly always, and there are thousands
            return Records([])
        return Records([[each for each in records if each.id not in self.taken and each.id not in self.others]])


def read_results(taken: str, failed: str, external_id: str, sent: Sequence[str]) -> Told:
    """What a bulk job says about its records, which are mostly those that were `sent`. Raises ValueError."""
    told = Told()
    told.others = read_failed(failed, external_id)
    told.taken = read_taken(taken, external_id, set(sent).difference(told.others))
    return told


def read_taken(text: str, external_id: str, awaited: set[str]) -> set[str]:
    """Which records a bulk job says it took. Raises ValueError.

    A line that begins so begins a row: in the middle of a cell a quote is doubled. Where such lines name just those who are
    awaited, nobody is missing; else each cell is read, at four times the cost.
    """
    if text.startswith(f'"sf__Id","sf__Created","{external_id}"') and awaited == set(_TAKEN.findall(text)):
        return awaited
    return {own_id for (own_id,) in _rows(text, external_id)}


def read_failed(text: str, external_id: str) -> dict[str, PushResult]:
    """What a bulk job says about each record that it did not take, by its external id. Raises ValueError."""
    parted = [(record, error.partition(":")) for record, error in _rows(text, external_id, "sf__Error")]
    return {record: failure(record, code, message) for record, (code, _, message) in parted}


def _rows(text: str, external_id: str, *others: str) -> list[list[str]]:
    """Of each row the external id's cell, and those of the others."""
    try:
        rows = filter(None, csv.reader(io.StringIO(text, newline=""), strict=True))
        head, first = next(rows, []), next(rows, None)
        if first is None:
            return []
        places = [head.index(name) for name in (external_id, *others)]
        return [[row[place] for place in places] for row in chain([first], rows)]
    except (csv.Error, IndexError) as broken:
        raise ValueError(str(broken)) from broken


def read_json(records: Sequence[Record], said: Sequence[Json]) -> Iterator[PushResult]:
    """What a collections call says about each record: results stand in the order of the request."""
    for record, result in zip(records, said, strict=True):
        if result["success"] is True:
            yield PushResult(record.id, PushState.SENT)
        else:
            error = (result.get("errors") or [{}])[0]
            yield failure(record.id, plain_code(error.get("statusCode")), plain_text(error.get("message")))


def failure(record: str, code: str, message: str) -> PushResult:
    state = PushState.RETRY if is_passing(code, message) or not code else PushState.SET_ASIDE
    return PushResult(record, state, f"{code}: {message}"[:_REASON_LENGTH])


def retry(records: Iterable[Record], reason: str) -> dict[str, PushResult]:
    return {record.id: PushResult(record.id, PushState.RETRY, reason) for record in records}
