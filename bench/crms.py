"""Touchpoints per second into HubSpot and Dynamics 365, which take them in small calls, beside the same bytes sent raw.

The far end is a counter of prepared answers in a process of its own, which takes every record. Ours is the whole path, as
in `bench push`: claim, outbox, calls, each record's own answer, settled in the same database (SQLite). The floor sends the
same bytes over one connection, made before, and throws the answers away.

The platforms' own limits are taken off, as they would be all there is to see: HubSpot takes 900 records a second at
most (90 calls of 100 in 10 seconds), Dynamics 365 3,600 (5,400 calls of 200 in 5 minutes). What is left of the processor at
these rates is what the figures for each CPU second say.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import httpx2

from bench._counter import counter
from bench._report import Report
from bench.push import NOW, backlog, moved, name, run
from platforms import open_gateways

ORG = "0f0e1d2c-0000-4000-8000-000000000001"
TABLE = {
    "LogicalName": "touchpoint",
    "PrimaryIdAttribute": "touchpointid",
    "Keys": [{"KeyAttributes": ["uniqueid"], "EntityKeyIndexStatus": "Active"}],
}
OWN: Mapping[str, Mapping[str, Any]] = {
    "hubspot": {"object": "contacts", "external_id": "uniqueid", "email_field": "email", "date_field": ""},
    "dynamics_365": {"object": "touchpoints", "external_id": "uniqueid", "email_field": "email", "date_field": ""},
}
LIMITS = {"hubspot": 900, "dynamics_365": 3_600}  # records a second


def fields(n: int) -> dict[str, str]:
    return {"medium": "cpc", "source": "google", "campaign": f"Été {n % 100}"}


def answering(_: str, path: str, body: bytes) -> tuple[int, str, bytes]:
    """HubSpot's side of a batch upsert, and Dataverse's of UpsertMultiple with what is asked before it."""
    if path.endswith("/batch/upsert"):
        given = json.loads(body)["inputs"]
        results = [{"id": "1", "new": True, "objectWriteTraceId": each["id"], "properties": {}} for each in given]
        return 200, "application/json", json.dumps({"status": "COMPLETE", "results": results}).encode()
    if path.endswith("UpsertMultiple"):
        return 204, "application/json", b""
    if path.endswith("WhoAmI"):
        return 200, "application/json", json.dumps({"OrganizationId": ORG, "UserId": ORG}).encode()
    return 200, "application/json", json.dumps({"value": [TABLE]}).encode()


async def ours(platform: str, address: str, path: Path, count: int) -> dict[str, float]:
    own = {"client_id": "c", "client_secret": "s", "api_url": address, "daily_credits": 0, **OWN[platform]}
    own |= {"org_url": address} if platform == "dynamics_365" else {}
    gateways = open_gateways({platform: own}, timeout=timedelta(seconds=60), now=lambda: NOW)
    type(gateways[platform].platform).quota = None
    return await moved(gateways, backlog(platform, ORG, address, count, fields), path, count)


async def raw(platform: str, address: str, count: int) -> dict[str, float]:
    """The same calls with the same bytes; answers are read and thrown away."""
    size = 100 if platform == "hubspot" else 200
    bodies = [_body(platform, range(start, min(start + size, count))) for start in range(0, count, size)]
    at = "/crm/objects/2026-03/contacts/batch/upsert"
    at = at if platform == "hubspot" else "/api/data/v9.2/touchpoints/Microsoft.Dynamics.CRM.UpsertMultiple"
    async with httpx2.AsyncClient(base_url=address, timeout=60) as client:
        wall, cpu = perf_counter(), process_time()
        for body in bodies:
            await client.post(at, content=body)
        return {"wall": perf_counter() - wall, "cpu": process_time() - cpu, "rows": count}


def _body(platform: str, some: range) -> bytes:
    def one(n: int) -> dict[str, Any]:
        held = {"email": f"person{n}@example.com", **fields(n)}
        if platform == "hubspot":
            traced = {"id": name(n), "idProperty": "uniqueid", "objectWriteTraceId": name(n)}
            return {**traced, "properties": {**held, "uniqueid": name(n)}}
        return {
            "@odata.type": "Microsoft.Dynamics.CRM.touchpoint",
            "@odata.id": f"touchpoints(uniqueid='{name(n)}')",
            **held,
        }

    inputs = [one(n) for n in some]
    return json.dumps({"inputs" if platform == "hubspot" else "Targets": inputs}, separators=(",", ":")).encode()


def one_round(address: str, platform: str, size: int) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        own = (sys.executable, "-P", "-m", "bench.crms", "--ours", address, "--platform", platform)
        found = {"ours": run(*own, "--size", size, "--at", f"{folder}/ours.db")}
        found["raw"] = asyncio.run(raw(platform, address, size))
        for what, one in found.items():
            assert one["rows"] == size, (what, one)
        return found


def measure(size: int, rounds: int) -> Report:
    report = Report("crms")
    with counter(answering) as address:
        for platform in OWN:
            all_ = [one_round(address, platform, size) for _ in range(rounds)]
            for unit, which in (("records/s", "wall"), ("records/CPU s", "cpu")):
                mine, floor = (size / statistics.median(one[who][which] for one in all_) for who in ("ours", "raw"))
                report.row(f"{platform}: the same bytes sent raw", floor, unit)
                report.row(f"{platform}: Redkey, beside that", mine, unit, floor=floor)
            report.row(
                f"{platform}: Redkey, beside what the platform takes",
                mine,
                unit,
                floor=LIMITS[platform],
                target="at least 3 x",
            )
            report.row(f"{platform}: peak memory", statistics.median(one["ours"]["peak"] for one in all_), "MB")
    return report


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench crms", description=__doc__)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="keep it in docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", dest="as_json")
    parser.add_argument("--ours", default="", help=argparse.SUPPRESS)
    parser.add_argument("--platform", default="", help=argparse.SUPPRESS)
    parser.add_argument("--at", type=Path, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.ours:
        print(json.dumps(asyncio.run(ours(a.platform, a.ours, a.at, a.size))))
        return 0
    measure(a.size, a.rounds).tell(as_json=a.as_json, write=a.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
