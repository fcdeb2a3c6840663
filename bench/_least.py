"""The least that Python does to push an outbox into Salesforce: read, written as CSV, sent, answers read, marked, in one loop.

No objects, no claim, no credits, no job that is remembered; no value is looked at, and no answer that is missing is noticed.
"""

import csv
import io
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import httpx2

AT = "/services/data/v66.0/jobs/ingest"
SOME = """SELECT number, id, email, fields FROM deliveries JOIN touchpoints ON id = touchpoint_id
    WHERE connection_id = (SELECT id FROM connections) AND state = 'waiting' AND number > ? ORDER BY number LIMIT 10000"""
MARKED = "INSERT OR REPLACE INTO sent_through SELECT id, ?, ? FROM connections"


def kept(path: Path, now: datetime) -> dict[str, float]:
    """What waits is read and marked as sent by the driver alone, as many at a time as we take."""
    rows = 0
    with closing(_all_waiting(path)) as sql:
        wall, cpu = perf_counter(), process_time()
        while found := sql.execute(SOME, [rows]).fetchall():
            rows += len(found)
            sql.execute(MARKED, [now.date().isoformat(), rows])
        return {"wall": perf_counter() - wall, "cpu": process_time() - cpu, "rows": rows, "peak": 0}


def least(address: str, path: Path, now: datetime) -> dict[str, float]:
    rows = 0
    with closing(_all_waiting(path)) as sql, httpx2.Client(base_url=address, timeout=60) as client:
        wall, cpu = perf_counter(), process_time()
        while found := sql.execute(SOME, [rows]).fetchall():
            job = client.post(AT, json={}).json()["id"]
            client.put(f"{AT}/{job}/batches", content=_written(found))
            client.patch(f"{AT}/{job}", json={})
            client.get(f"{AT}/{job}")
            told = csv.reader(io.StringIO(client.get(f"{AT}/{job}/successfulResults").text, newline=""))
            client.get(f"{AT}/{job}/failedResults")
            rows += len({row[2] for row in told}) - 1  # the head is none
            sql.execute(MARKED, [now.date().isoformat(), rows])
        return {"wall": perf_counter() - wall, "cpu": process_time() - cpu, "rows": rows, "peak": 0}


def _written(found: Sequence[tuple[Any, ...]]) -> bytes:
    fields = json.loads(f"[{','.join([row[3] for row in found])}]")
    lines = ['"UniqueId__c","Email__c","Medium__c","Source__c","Campaign__c"\n']
    for (_, own_id, email, _), held in zip(found, fields, strict=True):
        line = '","'.join((own_id, email, *held.values()))
        lines.append(f'"{line}"\n')
    return "".join(lines).encode()


def _all_waiting(path: Path) -> sqlite3.Connection:
    sql = sqlite3.connect(path, isolation_level=None)
    sql.execute("PRAGMA synchronous = FULL")
    sql.execute("DELETE FROM sent_through")
    return sql
