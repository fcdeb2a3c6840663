"""The peer of `bench push`: simple-salesforce, run by .venv-bench. Arguments: address, database.

What a script around it does for the same end: read what waits, upsert it, read what became of each record, mark it sent.
"""

import csv
import io
import json
import resource
import sqlite3
import sys
from time import perf_counter, process_time

from simple_salesforce import Salesforce

AT_ONCE = 10_000


def main() -> None:
    address, path = sys.argv[1], sys.argv[2]
    force = Salesforce(instance_url="https://127.0.0.1", session_id="token", version="66.0")
    force.bulk2_url = f"{address}/services/data/v66.0/jobs/"  # it knows https only
    bulk = force.bulk2.Touchpoint__c
    sql = sqlite3.connect(path)
    wall, cpu, sent = perf_counter(), process_time(), 0
    while True:
        rows = sql.execute("SELECT id, record FROM waiting WHERE NOT sent LIMIT ?", [AT_ONCE]).fetchall()
        if not rows:
            break
        records = [{"UniqueId__c": name, **json.loads(record)} for name, record in rows]
        for job in bulk.upsert(records=records, external_id_field="UniqueId__c", wait=0.001):
            done = csv.DictReader(io.StringIO(bulk.get_successful_records(job["job_id"])))
            bulk.get_failed_records(job["job_id"])
            ids = [(row["UniqueId__c"],) for row in done]
            sql.executemany("UPDATE waiting SET sent = 1 WHERE id = ?", ids)
            sql.commit()
            sent += len(ids)
    spent = perf_counter() - wall, process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall": spent[0], "cpu": spent[1], "rows": sent, "peak": peak}))


if __name__ == "__main__":
    main()
