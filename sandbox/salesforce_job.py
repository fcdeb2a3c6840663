"""One bulk job of the sandbox Salesforce: its states, its answers, and the work itself."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sandbox.salesforce_csv import BadFile, Upload, read_row, read_upload
from sandbox.salesforce_org import CHUNK, Org, Outcome, Table
from sandbox.salesforce_schema import Field, stamp

_CHUNKS_PER_TURN = 5
"""How much is worked before others in the same process get their turn."""


class JobState(StrEnum):
    OPEN = "Open"
    UPLOAD_COMPLETE = "UploadComplete"
    IN_PROGRESS = "InProgress"
    JOB_COMPLETE = "JobComplete"
    FAILED = "Failed"
    ABORTED = "Aborted"


@dataclass(frozen=True)
class Slowness:
    """How long a job still says InProgress when its work is done: so many looks and so many seconds (both)."""

    polls: int = 1
    seconds: float = 0


@dataclass
class Job:
    id: str
    table: Table
    key: Field
    line_ending: str
    api_version: str
    created_by: str
    created: datetime
    slowness: Slowness
    state: JobState = JobState.OPEN
    data: bytes | None = None
    upload: Upload | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    closed: datetime | None = None
    looks: int = 0
    error: str | None = None
    stop_after: int | None = None
    deleted: bool = False

    def looked_at(self) -> None:
        if self.closed is not None:
            self.looks += 1

    def state_at(self, now: datetime) -> JobState:
        """The state as told: a finished job may still say that it is in progress."""
        if self.state not in {JobState.JOB_COMPLETE, JobState.FAILED} or self.closed is None:
            return self.state
        slow = self.looks <= self.slowness.polls or now - self.closed < timedelta(seconds=self.slowness.seconds)
        return JobState.IN_PROGRESS if slow else self.state

    def opened(self) -> dict[str, object]:
        return {
            "id": self.id,
            "operation": "upsert",
            "object": self.table.sobject.name,
            "createdById": self.created_by,
            "createdDate": stamp(self.created),
            "systemModstamp": stamp(self.closed or self.created),
            "state": str(self.state),
            "externalIdFieldName": self.key.name,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.api_version),
            # No slash in front, as the real one answers it: it is relative to the instance URL.
            "contentUrl": f"services/data/v{self.api_version}/jobs/ingest/{self.id}/batches",
            "lineEnding": self.line_ending,
            "columnDelimiter": "COMMA",
        }

    def shown(self, now: datetime) -> dict[str, object]:
        state = self.state_at(now)
        failures = sum(each.error is not None for each in self.outcomes)
        shown = {
            **self.opened(),
            "state": str(state),
            "jobType": "V2Ingest",
            "numberRecordsProcessed": len(self.outcomes),
            "numberRecordsFailed": failures,
            "retries": 0,
            "totalProcessingTime": len(self.outcomes) // 10,
            "apiActiveProcessingTime": len(self.outcomes) // 20,
            "apexProcessingTime": 0,
        }
        return {**shown, "errorMessage": self.error} if self.error and state is JobState.FAILED else shown


async def process(job: Job, org: Org) -> None:
    """Read the upload and write it, 200 rows at a time; others get their turn in between."""
    try:
        job.upload = await asyncio.to_thread(read_upload, job.data or b"", job.table.sobject, job.key, job.line_ending)
    except BadFile as problem:
        job.error = str(problem)
        if job.state is not JobState.ABORTED:
            job.state = JobState.FAILED
        return
    if job.state is JobState.UPLOAD_COMPLETE:
        job.state = JobState.IN_PROGRESS
    for number, start in enumerate(range(0, len(job.upload.cells), CHUNK)):
        if not number % _CHUNKS_PER_TURN:
            await asyncio.sleep(0)
        if job.state is not JobState.IN_PROGRESS:
            return
        if job.stop_after is not None and start >= job.stop_after:
            job.error, job.state = "InternalServerError : Too many failures while processing", JobState.FAILED
            return
        _write(job, job.upload, org, start)
    if job.state is JobState.IN_PROGRESS:
        job.state = JobState.JOB_COMPLETE


def _write(job: Job, upload: Upload, org: Org, start: int) -> None:
    rows = [read_row(upload.columns, cells) for cells in upload.cells[start : start + CHUNK]]
    job.outcomes += org.write(job.table, job.key, rows)
