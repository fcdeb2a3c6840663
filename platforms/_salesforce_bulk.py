"""One Bulk API 2.0 job of Salesforce, which may have been begun by a process that is gone.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/bulk_api_2_0_ingest.htm
"""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from typing import Any, Protocol

from bot.words.errors import Refused, TryLater
from bot.words.interfaces import Answer, Notes
from platforms._answers import expected, text
from platforms._salesforce_csv import csv_of
from platforms._salesforce_errors import not_there
from platforms._salesforce_records import Records
from platforms._salesforce_results import Told, read_results

UPLOAD_LIMIT = 30 * 1024 * 1024  # Salesforce takes 100 MB, but the results come back as large as what was sent
_DONE = {"JobComplete", "Failed", "Aborted"}
_RUNNING = timedelta(seconds=10)


class Call(Protocol):
    """An authorized call, as bot.words.interfaces.Fetch."""

    def __call__(self, method: str, url: str, **more: Any) -> Awaitable[Answer]: ...


class Bulk:
    """Jobs of one connection, one at most per object. `notes` holds their ids, saved before anything is uploaded.

    1. Create the job and save its id. A crash before the save leaves an empty job, which does nothing.
    2. Upload once, then close. Whoever finds an open job only closes it, as a second upload is refused; if nothing had
       been uploaded, the job ends without results, and its records are simply sent anew.
    3. Wait for the end, read what it says about each record. Jobs are forgotten when all of a push is answered for.
    """

    def __init__(self, call: Call, at: str, external_id: str, notes: Notes, pauses: Sequence[float]) -> None:
        self._call = call
        self._at = f"{at}/jobs/ingest"
        self._external_id = external_id
        self._notes = notes
        self._pauses = pauses

    def noted(self) -> dict[str, str]:
        """Unfinished jobs: object -> job id."""
        return dict(self._notes.value.get("jobs", {}))

    async def start(self, sobject: str, records: Records) -> None:
        job = await self._create(sobject)
        await self._note({**self.noted(), sobject: job})
        content = await asyncio.to_thread(csv_of, records, self._external_id, UPLOAD_LIMIT)
        headers = {"content-type": "text/csv; charset=UTF-8"}
        await self._call("PUT", f"{self._at}/{job}/batches", content=content, headers=headers)
        await self._call("PATCH", f"{self._at}/{job}", json={"state": "UploadComplete"})

    async def finish(self, sobject: str, records: Records) -> Told:
        """What the noted job says about its records, which are mostly these. Raises TryLater while it runs."""
        job = self.noted()[sobject]
        state = await self._state(job)
        if state == "Open":
            state = await self._close(job)
        for pause in self._pauses:
            if state is None or state in _DONE:
                break
            await asyncio.sleep(pause)
            await self._note(self.noted())  # keeps the claim on this transfer alive, or ends this push if it was lost
            state = await self._state(job)
        if state is not None and state not in _DONE:
            raise TryLater("Salesforce is still working on the bulk job", after=_RUNNING)
        return await self._results(job, records) if state else Told()

    async def forget(self) -> None:
        if self.noted():
            await self._note({})

    async def _note(self, jobs: dict[str, str]) -> None:
        rest = {key: value for key, value in self._notes.value.items() if key != "jobs"}
        await self._notes.save({**rest, "jobs": jobs} if jobs else rest)

    async def _create(self, sobject: str) -> str:
        wanted = {
            "object": sobject,
            "operation": "upsert",
            "externalIdFieldName": self._external_id,
            "contentType": "CSV",
            "lineEnding": "LF",
        }
        try:
            answer = await self._call("POST", self._at, json=wanted)
        except Refused as refused:
            if refused.code == "INVALIDJOB":
                raise not_there(refused.code, str(refused)) from refused
            raise
        with expected("Salesforce's answer about a bulk job"):
            return _job_id(answer.json()["id"])

    async def _state(self, job: str) -> str | None:
        """None: Salesforce does not know the job (any more)."""
        answer = await self._call("GET", f"{self._at}/{job}", accept=(404,))
        if answer.status == 404:
            return None
        with expected("Salesforce's answer about a bulk job"):
            return text(answer.json()["state"])

    async def _close(self, job: str) -> str | None:
        try:
            await self._call("PATCH", f"{self._at}/{job}", json={"state": "UploadComplete"})
        except Refused:  # closed meanwhile, or nothing in it
            state = await self._state(job)
            if state == "Open":
                await self._call("PATCH", f"{self._at}/{job}", json={"state": "Aborted"})
                return "Aborted"
            return state
        return await self._state(job)

    async def _results(self, job: str, records: Records) -> Told:
        taken, failed = [await self._result(job, name) for name in ("successfulResults", "failedResults")]
        with expected("The results of a bulk job"):
            return await asyncio.to_thread(read_results, taken, failed, self._external_id, records.ids)

    async def _result(self, job: str, name: str) -> str:
        headers = {"accept": "text/csv"}
        answer = await self._call("GET", f"{self._at}/{job}/{name}", headers=headers, accept=(400, 404))
        if answer.status != 200:
            return ""
        with expected("The results of a bulk job"):
            return answer.body.decode("utf-8-sig")


def _job_id(value: object) -> str:
    found = text(value)
    if not (found.isascii() and found.isalnum()):
        raise ValueError("expected a Salesforce id")
    return found
