"""Writes docs/faults.md from the tests of tests/faults and their like: what goes wrong on purpose, and what holds then."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "faults.md"
BESIDES = (
    "test_kill",
    "test_takeover",
    "test_blind",
    "test_platform_down",
    "test_refresh",
    "test_refresh_lost_answers",
    "test_token_endpoint",
    "test_gateway",
    "test_salesforce_push",
    "test_salesforce_bulk",
    "test_hubspot_push",
    "test_dynamics_365_push",
    "test_slack_failures",
    "test_slack_clicks",
    "test_voice",
    "test_sandbox_faults",
    "test_addresses",
    "test_audit",
    "test_code_injection",
    "test_id_tokens",
    "test_lost_keys",
    "test_restore",
    "test_restore_old_tokens",
    "test_restore_two_people",
    "test_storage_sealing",
    "test_storage_upgrade",
)
HEAD = """# Faults

<!-- Written by scripts/docs from the tests. -->

What goes wrong on purpose in the tests, and what holds then. Each sentence is the name of a test; those marked with *sweep*
go through far more of the same, with `scripts/test --sweeps`.

Some can be made longer: `MANY_STRANGERS=100000` (requests of strangers), `REDKEY_LOST_ANSWERS=1000`, `REDKEY_EXPIRIES=10000`
(of tokens, each met by eight workers in two processes), `REDKEY_LINKS=10000` (each finished by four people at once, in two
replicas), `REDKEY_RACES=100000` (of the model), `REDKEY_INSTALL_STRIDE=1` (each step of an installation, not each third),
`REDKEY_DAYS=1000` (of life, with a clock that jumps), `REDKEY_UPGRADE_KILLS=10000` (at each statement),
`scripts/bench kill --points 20000`, `scripts/bench emergency`
(ten thousand logins sealed anew and given back), `scripts/bench soak` (half an hour in which nothing may grow) and
`scripts/bench edge --requests 100000` (malformed requests of each kind, against the
bot as a process of its own).
"""


def page() -> str:
    return "\n".join([HEAD, *(_section(path) for path in _files() if _tests(path))])


def _files() -> Iterator[Path]:
    yield from sorted((ROOT / "tests" / "faults").glob("test_*.py"))
    yield from (path for name in BESIDES if (path := ROOT / "tests" / f"{name}.py").exists())


def _section(path: Path) -> str:
    about = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or path.stem).partition("\n")[0]
    lines = [
        f"## {about.rstrip('.')}",
        "",
        f"`{path.relative_to(ROOT)}`",
        "",
        "| fault, and what holds | |",
        "|---|---|",
    ]
    lines += [f"| {_sentence(name)} | {'sweep' if sweep else ''} |" for name, sweep in _tests(path)]
    return "\n".join([*lines, ""])


def _tests(path: Path) -> list[tuple[str, bool]]:
    body = ast.parse(path.read_text("utf-8")).body
    found = [
        node
        for node in body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]
    return [(node.name, any("sweep" in ast.unparse(each) for each in node.decorator_list)) for node in found]


def _sentence(name: str) -> str:
    words = name.removeprefix("test_").replace("_", " ")
    return words[0].upper() + words[1:]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
