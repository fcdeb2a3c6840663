"""Upserting many records at once, where one bad record undoes all: halve until it stands alone, and go on without it."""

from collections.abc import Sequence
from typing import Any

from bot.words.errors import AccessDenied, Refused, TryLater
from bot.words.freight import PushResult, PushState
from bot.words.interfaces import Answer, Fetch, Notes
from platforms._answers import expected, text
from platforms._dynamics_365_errors import DUPLICATES, PAYLOAD, Stumbled, is_about_one_record, reason
from platforms._dynamics_365_records import Record, any_of, by_length, target
from platforms._dynamics_365_tables import Table
from platforms._verdicts import plain_text

# https://learn.microsoft.com/power-apps/developer/data-platform/webapi/compose-http-requests-handle-errors
HEADERS = {
    "odata-version": "4.0",
    "odata-maxversion": "4.0",
    "if-none-match": "null",
    "mscrm.suppressduplicatedetection": "true",
}


class Upserts:
    """One push to one table. `results` holds what became of each record, also when `put` raised half-way."""

    def __init__(self, fetch: Fetch, api: str, table: Table, notes: Notes) -> None:
        self.results: dict[str, PushResult] = {}
        self._fetch = fetch
        self._api = api
        self._table = table
        self._notes = notes
        self._known: dict[str, str] = {}  # ids to primary keys
        self._looked: set[str] = set()
        self._columns: set[str] | None = None

    async def put(self, records: Sequence[Record]) -> None:
        """On standard tables any error rolls the whole call back, and the answer does not say which record it was.

        https://learn.microsoft.com/power-apps/developer/data-platform/bulk-operations
        """
        records = [record for record in records if record.id not in self.results]
        if not records:
            return
        try:
            await self._send(records)
        except Refused as refused:
            await self._apart(records, refused)
        except Stumbled as trouble:
            if len(records) > 1:
                raise
            self._settle(records[0], PushState.RETRY, str(trouble))
        else:
            for record in records:
                self._settle(record, PushState.SENT)

    async def _send(self, records: Sequence[Record]) -> None:
        url = f"{self._api}/{self._table.entity_set}/Microsoft.Dynamics.CRM.UpsertMultiple"
        targets = [target(record, self._table, self._known) for record in records]
        try:
            answer = await self._fetch("POST", url, json={"Targets": targets}, headers=HEADERS)
        except AccessDenied as denied:
            if not is_about_one_record(denied.cause):
                raise
            raise Refused(f"{denied.cause.code}: {reason(denied.cause.vendor)}", code=denied.cause.code) from denied
        if answer.status != 204:
            raise TryLater(f"Dynamics 365 answered HTTP {answer.status} where 204 was due", unclear=True)

    async def _apart(self, records: Sequence[Record], refused: Refused) -> None:
        """Find out which of these records it was."""
        await self._notes.save(self._notes.value)  # many calls may follow, and the claim must outlive them
        if refused.code in DUPLICATES and await self._look_up(records):
            await self.put(records)
        elif len(records) == 1:
            self._settle(records[0], PushState.SET_ASIDE, str(refused))
        elif refused.code in PAYLOAD and await self._strangers(records):
            await self.put(records)
        else:
            half = len(records) // 2
            await self.put(records[:half])
            await self.put(records[half:])

    async def _look_up(self, records: Sequence[Record]) -> bool:
        """A key that is taken: by a record someone else made, or by one of ours that another call has just made.

        True: it may go well now.
        """
        new = [record.id for record in records if record.id not in self._looked]
        self._looked.update(new)
        for ids in by_length(new, self._table.key):
            for held, primary in (await self._held(ids)).items():
                self._learn(held, primary, ids)
        return bool(new)

    def _learn(self, held: str, primary: str, ids: Sequence[str]) -> None:
        if held in ids:
            self._known[held] = primary
            return
        for each in ids:
            if each.casefold() == held.casefold():
                why = f"Dataverse does not tell this id from {held!r}, which another record has."
                self.results[each] = PushResult(each, PushState.SET_ASIDE, why)

    async def _held(self, ids: Sequence[str]) -> dict[str, str]:
        key, primary = self._table.key, self._table.primary
        params = {"$select": f"{key},{primary}", "$filter": any_of(key, ids)}
        answer = await self._fetch("GET", f"{self._api}/{self._table.entity_set}", params=params, headers=HEADERS)
        with expected("Dynamics 365's answer about the records"):
            return {text(row[key]): text(row[primary]) for row in answer.json()["value"]}

    async def _strangers(self, records: Sequence[Record]) -> bool:
        """Records that name columns the table does not have: one look instead of a call per record."""
        if self._columns is not None:
            return False
        url = f"{self._api}/EntityDefinitions(LogicalName='{self._table.logical}')/Attributes"
        answer = await self._fetch("GET", url, params={"$select": "LogicalName"}, headers=HEADERS)
        self._columns = _names(answer)
        before = len(self.results)
        for record in records:
            plain = (name for name in record.fields if "@" not in name)
            if wrong := next((name for name in plain if name not in self._columns), None):
                why = f"The table {self._table.logical} has no column {wrong}."
                self._settle(record, PushState.SET_ASIDE, why)
        return len(self.results) > before

    def _settle(self, record: Record, state: PushState, why: str = "") -> None:
        self.results[record.id] = PushResult(record.id, state, why)


def _names(answer: Answer) -> set[str]:
    with expected("Dynamics 365's description of the table"):
        columns: list[Any] = answer.json()["value"]
        return {plain_text(column["LogicalName"]) for column in columns}
