"""Every measurement, one after another, kept in docs/benchmarks.md; one that fails loses nobody else's figures."""

import argparse
import json
import subprocess
import sys
from time import perf_counter

from bench._report import Report, keep

# What is run, in this order, its usual sizes and its quick ones. Together the usual ones take about ten minutes on two cores.
RUNS: dict[str, tuple[str, str]] = {
    "start": ("", "--rounds 1"),
    "watch": ("--connections 100000", "--connections 2000 --ticks 4 --rounds 1"),
    "story": ("", "--rounds 1"),
    "intake": ("", "--size 5000 --rounds 1"),
    "pages": ("", "--connections 100 --outages 500 --rounds 3"),
    "edge": ("", "--requests 1000"),
    "ack": ("", "--seconds 3 --rows 200000"),
    "replicas": ("", "--size 3000 --checks 300 --processes 1 2"),
    "cost": ("", "--accounts 1 --ads 100 --rounds 1"),
    "push": ("", "--size 3000 --rounds 1"),
    "crms": ("--size 30000", "--size 1000"),
    "storm": ("", "--logins 500 --within 10"),
}
LONGEST = 300  # seconds for one of them


def run(name: str, options: str) -> Report:
    command = [sys.executable, "-P", "-m", f"bench.{name}", "--json", *options.split()]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=True)
        found = json.loads(told.stdout)
        return Report(name, found["rows"])
    except subprocess.TimeoutExpired:
        return _failed(name, f"it did not end within {LONGEST} s")
    except subprocess.CalledProcessError as error:
        print(error.stderr[-3000:], file=sys.stderr)
        return _failed(name, (error.stderr.strip().splitlines() or ["it said nothing"])[-1])
    except (ValueError, KeyError, TypeError) as error:
        return _failed(name, f"its answer cannot be read: {error}")


def _failed(name: str, why: str) -> Report:
    return Report(name, failure=why.replace("|", "/")[:200])


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench all", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: whether they run, not how fast")
    parser.add_argument("--only", nargs="*", default=list(RUNS), choices=list(RUNS), metavar="NAME")
    parser.add_argument("--no-write", action="store_true", help="leave docs/benchmarks.md as it is")
    asked = parser.parse_args()
    failed = []
    for name in asked.only:
        began = perf_counter()
        report = run(name, RUNS[name][asked.quick])
        print(f"\n## {name} ({perf_counter() - began:.0f} s)\n\n{report.table()}", flush=True)
        if report.failure:
            failed.append(name)
        if not asked.no_write:
            keep(report)
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
