"""The docs tell the truth: every command and example in them is one that works, and the site can be built."""

import ast
import configparser
import importlib.util
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from bot.cli import app
from bot.settings.settings import Settings
from bot.settings.wrong import keys
from platforms import load as load_platforms

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def written_by(script: str):
    spec = importlib.util.spec_from_file_location(script, ROOT / "scripts" / f"{script}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blocks(*languages: str) -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for language, block in re.findall(
            r"^ *```(\w+)\n(.*?)^ *```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
        ):
            if language in languages:
                yield page, block


@pytest.mark.parametrize(
    ("script", "page"),
    [
        ("_command_docs", "commands.md"),
        ("_platform_docs", "platforms.md"),
        ("_cause_docs", "causes.md"),
        ("_fault_docs", "faults.md"),
    ],
)
def test_a_page_made_from_the_code_is_as_the_code_is_now(script, page):
    assert (ROOT / "docs" / page).read_text("utf-8") == written_by(script).page(), "run scripts/docs"


def test_every_call_of_redkey_in_the_docs_is_one_that_there_is():
    known = {path: {name for p in command.params for name in p.opts} for path, command in commands()}
    known["redkey"] = {name for p in get_command(app).params for name in p.opts}

    for page, line in shell_lines():
        words = shlex.split(line, comments=True)
        called = next((" ".join(words[:n]) for n in range(len(words), 0, -1) if " ".join(words[:n]) in known), None)
        assert called, f"{page}: there is no command {line}"
        options = {word for word in words if word.startswith("--")}
        assert options <= known[called] | {"--config"}, f"{page}: {line}"


def commands():
    return written_by("_command_docs").commands()


def shell_lines() -> Iterator[tuple[Path, str]]:
    for page, block in blocks("sh", "bash", "console"):
        for line in block.splitlines():
            if re.match(r"(\.venv/bin/)?redkey ", line):
                yield page, line.removeprefix(".venv/bin/")


def test_every_script_that_the_docs_call_is_there():
    for page in PAGES:
        for script in re.findall(r"(?<![\w/])scripts/[a-z]+", page.read_text("utf-8")):
            assert (ROOT / script).exists(), f"{page}: {script}"


def test_every_settings_example_names_keys_that_there_are():
    ours = {path[:2] for path in keys(Settings)}
    platforms = {key: set(platform.Settings.model_fields) for key, platform in load_platforms().items()}

    found = 0
    for page, block in blocks("toml"):
        found += 1
        for section, table in tomllib.loads(block).items():
            if section == "platforms":
                for platform, values in table.items():
                    assert set(values) <= platforms[platform], f"{page}: platforms.{platform}"
            elif isinstance(table, dict):
                assert {(section, key) for key in table} <= ours, f"{page}: {section}"
            else:
                Settings.model_validate({section: table})  # a list: each of it whole, as it would be read
    assert found > 5


def test_every_example_in_json_can_be_read():
    for page, block in blocks("json"):
        try:
            json.loads(block)
        except ValueError as error:
            pytest.fail(f"{page}: {error}")


def test_every_other_example_is_well_formed():
    """Those that need more than that are run: in test_docs_run.py."""
    for page, block in blocks("sh"):
        parsed = subprocess.run(["sh", "-n"], input=block, capture_output=True, text=True, check=False)
        assert parsed.returncode == 0, f"{page}: {parsed.stderr}"
    for page, block in blocks("python"):
        compile(block, str(page), "exec")
    for _, block in blocks("yaml"):
        assert list(yaml.safe_load_all(block))
    ((_, unit),) = blocks("ini")
    service = configparser.ConfigParser(interpolation=None)
    service.optionxform = str
    service.read_string(unit)
    assert service["Service"]["ExecStart"].endswith("/.venv/bin/redkey run")
    assert service["Service"]["WorkingDirectory"] == service["Service"]["ReadWritePaths"]
    known = {"toml", "sh", "bash", "console", "json", "python", "yaml", "ini", "text"}
    assert set(re.findall(r"^ *```(\w+)$", "\n".join(p.read_text("utf-8") for p in PAGES), re.MULTILINE)) <= known


def test_every_platform_has_a_page_that_tells_how_to_connect_it_and_names_its_redirect_uri():
    for key in load_platforms():
        assert f"{{public_url}}/oauth/callback/{key}`" in (ROOT / f"docs/connect/{key}.md").read_text("utf-8")


def test_the_site_can_be_built_without_a_warning(tmp_path):
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", tmp_path],
        cwd=ROOT,
        env={"NO_MKDOCS_2_WARNING": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (built.returncode, built.stdout) == (0, ""), built.stderr
    assert (tmp_path / "connect" / "hubspot" / "index.html").exists()


def test_every_line_that_ends_a_command_or_is_logged_as_an_error_stands_in_troubleshooting():
    """Of each line, one part that is the same every time."""
    page = (ROOT / "docs/troubleshooting.md").read_text("utf-8").replace("`", "")
    told = [parts for parts in errors_told() if parts]

    assert len(told) > 60
    assert [parts for parts in told if not any(part in page for part in parts)] == []


def errors_told() -> Iterator[list[str]]:
    for folder in ("bot", "handlers", "platforms", "storage"):
        for path in (ROOT / folder).rglob("*.py"):
            for call in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(call, ast.Call) and call.args and told_to_operators(call.func):
                    yield literal_parts(call.args[0])


def told_to_operators(called: ast.expr) -> bool:
    of_log = isinstance(called, ast.Attribute) and ast.unparse(called) in {"log.error", "log.exception"}
    return of_log or (isinstance(called, ast.Name) and called.id == "SetupError")


def literal_parts(text: ast.expr) -> list[str]:
    literals = [part.value for part in ast.walk(text) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    parts = [part.replace("`", "").strip(" ;:(,.") for literal in literals for part in re.split("[;:,] ", literal)]
    return [part for part in parts if len(part) > 9]


def test_every_metric_has_its_line_in_operations():
    page = (ROOT / "docs/operations.md").read_text("utf-8")
    metrics = set(re.findall(r'"(redkey_\w+)"', (ROOT / "handlers/web/metrics.py").read_text("utf-8")))

    assert len(metrics) > 5
    assert {metric for metric in metrics if f"`{metric}`" not in page} == set()


def test_every_alert_rule_asks_for_a_metric_that_there_is():
    known = (ROOT / "handlers/web/metrics.py").read_text("utf-8")
    for name in re.findall(r"redkey_\w+", (ROOT / "docs/alert-rules.yml").read_text("utf-8")):
        assert f'"{name.removesuffix("_count")}"' in known, name


def test_every_room_of_bot_has_its_place_on_the_map():
    rooms = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("| room |")[2].partition("\n\n")[0]
    told = dict(re.findall(r"^\| `(\w+)/` \| (.+) \|$", rooms, re.MULTILINE))
    folders = {
        path.parent.name: ast.get_docstring(ast.parse(path.read_text()))
        for path in (ROOT / "bot").glob("*/__init__.py")
    }

    assert told == folders, "CONTRIBUTING.md, Where things are"


def test_every_act_of_the_audit_trail_stands_in_operations():
    page = (ROOT / "docs/operations.md").read_text("utf-8").partition("## The audit trail")[2].partition("\n## ")[0]
    acts = {
        call.args[0].value
        for path in (ROOT / "bot").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("audit.note")
        if isinstance(call.args[0], ast.Constant)
    }

    assert len(acts) > 15
    assert {act for act in acts if f"`{act}`" not in page} == set()
