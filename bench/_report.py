"""What a measurement found: told as a table or as JSON, and kept in docs/benchmarks.md with the machine it ran on."""

import json
import os
import platform
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `scripts/bench NAME --write`. Each figure stands beside a floor or a named peer of the same run, taken in turns;
figures are medians. Compare within a table only: another machine, or the same one with other work on it, gives other figures.
"""


@dataclass
class Report:
    name: str
    rows: list[dict[str, object]] = field(default_factory=list)

    def row(self, what: str, value: float, unit: str, *, target: str = "", floor: float | None = None) -> None:
        ratio = {} if floor is None else {"of_floor": round(value / floor, 2)}
        self.rows.append({"what": what, "value": round(value, 3), "unit": unit, "target": target, **ratio})

    def tell(self, *, as_json: bool, write: bool = False) -> None:
        if as_json:
            print(json.dumps({"name": self.name, "machine": machine(), "rows": self.rows}, indent=2))
        else:
            print(self.table())
        if write:
            keep(self)

    def table(self) -> str:
        lines = ["| what | figure | beside the floor or peer | target |", "|---|---:|---:|---|"]
        for row in self.rows:
            ratio = f"{row['of_floor']} x" if "of_floor" in row else ""
            lines.append(f"| {row['what']} | {row['value']:,} {row['unit']} | {ratio} | {row['target']} |")
        return "\n".join(lines)


def machine() -> str:
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"load {load:.1f} at the end, {datetime.now(UTC):%Y-%m-%d}"
    )


def keep(report: Report) -> None:
    """Replace this measurement's part of the page, or add it."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else HEAD
    part = f"\n## {report.name}\n\n{machine()}\n\n{report.table()}\n"
    found = re.compile(rf"\n## {re.escape(report.name)}\n.*?(?=\n## |\Z)", re.DOTALL)
    page = found.sub(lambda _: part, page) if found.search(page) else page + part
    PAGE.write_text(page, encoding="utf-8")
