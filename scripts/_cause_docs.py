"""Writes docs/causes.md from the error tables in platforms/: each cause an alert can name, its cure, the platform's codes."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured
from platforms import load
from platforms._verdicts import Verdict

PAGE = Path(__file__).parent.parent / "docs" / "causes.md"
WHO = {
    AuthorizationLost: "whoever logs in",
    AccessDenied: "whoever gives rights",
    Misconfigured: "whoever runs Redkey",
}
SHARED = {"microsoft_advertising": ["_entra"], "dynamics_365": ["_entra"]}
HEAD = """# Causes by code

<!-- Written by scripts/docs from the files in platforms/. -->

What an alert, a page or `redkey doctor` gives as the reason, with its cure and with the codes by which the platform says it:
the `Code` at the end of an alert, and the `code` in the log. Microsoft writes `AADSTS` before its numbers.
"""


def page() -> str:
    return "\n".join([HEAD, *(_section(key, platform.name) for key, platform in load().items())])


def _section(key: str, name: str) -> str:
    codes: dict[Verdict, list[str]] = {}
    for part in [f"_{key}_errors", *SHARED.get(key, [])]:
        for code, verdict in _verdicts(import_module(f"platforms.{part}")):
            known = codes.setdefault(verdict, [])
            if code and code not in known:
                known.append(code)
    rows = [
        f"| {_cell(v.words)} | {_cell(v.cure)} | {WHO[v.remedy]} | {', '.join(f'`{code}`' for code in sorted(found))} |"
        for v, found in codes.items()
    ]
    return "\n".join([f"## {name}\n", "| what is said | what to do | by | codes |", "|---|---|---|---|", *rows, ""])


def _verdicts(module: ModuleType) -> Iterator[tuple[str, Verdict]]:
    for held in vars(module).values():
        if isinstance(held, Verdict):
            yield "", held
        elif isinstance(held, Mapping):
            yield from ((str(code), each) for code, each in held.items() if isinstance(each, Verdict))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
