"""What a measurement found: told as a table or as JSON, and kept in docs/benchmarks.md with the machine it ran on."""

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `scripts/bench all`, or `scripts/bench NAME --write` for one. Each figure stands beside a floor or a named peer of
the same run, taken in turns; figures are medians where nothing else is said. Compare within a table only: another machine, or
the same one with other work on it, gives other figures. What answers for the platforms are prepared bytes of a process of
their own, or the practice world in the measuring process; the database is on the same disk, and all share the cores named.
"""
LIMIT = re.compile(
    r"(?:(?P<least>at least)|at most|under|within\D*)\s*(?P<number>[\d,.]*\d)(?P<ratio> x)?(?P<more>.* more$)?"
)


@dataclass
class Report:
    name: str
    rows: list[dict[str, object]] = field(default_factory=list)
    failure: str = ""

    def row(self, what: str, value: float, unit: str, *, target: str = "", floor: float | None = None) -> None:
        ratio = {} if floor is None else {"of_floor": round(value / floor, 2), "floor": round(floor, 3)}
        self.rows.append({"what": what, "value": round(value, 3), "unit": unit, "target": target, **ratio})

    def tell(self, *, as_json: bool, write: bool = False) -> None:
        if as_json:
            print(json.dumps({"name": self.name, "machine": machine(), "rows": self.rows}, indent=2))
        else:
            print(self.table())
        if write:
            keep(self)

    def table(self) -> str:
        if self.failure:
            return f"Not measured: {self.failure}"
        lines = ["| what | figure | beside the floor or peer | target | met |", "|---|---:|---:|---|---|"]
        for row in self.rows:
            ratio = f"{row['of_floor']} x" if "of_floor" in row else ""
            figure = f"{row['value']:,} {row['unit']}".strip()
            lines.append(f"| {row['what']} | {figure} | {ratio} | {row['target']} | {met(row)} |")
        return "\n".join(lines)


def met(row: Mapping[str, object]) -> str:
    """Read off the words of its target: "yes", "no", or "" where there is none."""
    found = LIMIT.search(str(row["target"]))
    if found is None:
        return ""
    value = row.get("of_floor", 0) if found["ratio"] else row["value"]
    beside = row.get("floor", 0)
    assert isinstance(value, int | float)
    assert isinstance(beside, int | float)
    value -= beside if found["more"] else 0
    limit = float(found["number"].replace(",", ""))
    return "yes" if (value >= limit if found["least"] else value <= limit) else "no"


def machine() -> str:
    load = os.getloadavg()[0]
    return (
        f"Redkey {_version()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, load {load:.1f} at the end, {datetime.now(UTC):%Y-%m-%d}"
    )


def _version() -> str:
    """The commit, where this is a checkout."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or "of no known commit"


def keep(report: Report) -> None:
    """Replace this measurement's part of the page, or add it. A failure takes the place of no figures."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else HEAD
    part = f"\n## {report.name}\n\n{machine()}\n\n{report.table()}\n"
    found = re.compile(rf"\n## {re.escape(report.name)}\n.*?(?=\n## |\Z)", re.DOTALL)
    if report.failure and found.search(page):
        return
    page = found.sub(lambda _: part, page) if found.search(page) else page + part
    PAGE.write_text(page, encoding="utf-8")
