"""The page of changes that no test notices: written by scripts/mutate --write, with the reasons that people gave kept."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path("docs/unnoticed.md")
NO_REASON = "?"
BEGINNING = """\
# Changes that no test notices

`scripts/mutate --write` changes the code for logins, states, messages to say and seals in one small way after the other and
runs the tests that belong to it ([how and why](decisions/0012-changes-that-tests-must-notice.md)). Here is what no test
noticed, `[before -> after]`, and why that is well. The last column is written by people and is kept; `?` means that nobody has
looked yet. A file of `scripts/_proven` that is not here was not tried as a whole yet.
"""


def read() -> dict[str, tuple[str, dict[str, str]]]:
    """By file: its score in words, and what was left."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    file = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines() if PAGE.exists() else ():
        if head := re.fullmatch(r"## `(\S+)`: (.+)", line):
            file = head[1]
            found[file] = head[2], {}
        elif row := re.fullmatch(r"\| `` (.+) `` \| (.*) \|", line):
            found[file][1][row[1].replace("\\|", "|")] = row[2]
    return found


def write(counts: Mapping[str, Sequence[int]], left: Mapping[str, Sequence[str]]) -> None:
    """Files that were not looked at now stay as they stand in the page."""
    page, today = read(), datetime.now(UTC).date()
    for file, (noticed, made) in counts.items():
        _, reasons = page.get(file, ("", {}))
        told = f"{noticed} of {made} noticed, {100 * noticed / max(made, 1):.1f} %, on {today}"
        page[file] = told, {words: reasons.get(words, NO_REASON) for words in left[file]}
    parts = [BEGINNING]
    for file, (told, changes) in sorted(page.items()):
        parts.append(f"\n## `{file}`: {told}\n")
        if changes:
            parts.append("\n| change | why no test is needed |\n|---|---|\n")
            parts += [f"| `` {words.replace('|', chr(92) + '|')} `` | {why} |\n" for words, why in changes.items()]
    PAGE.write_text("".join(parts), encoding="utf-8")
