"""Workspaces at the command line: listed, and each command about one of them where that is asked for."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from practice_command_line import Redkey, at_the_prompt
from practice_memory import a_grant

from bot.app import App, utc_now
from bot.memory.installed import Installed
from bot.settings.file import load
from bot.tenants import settings_of_all
from bot.words.connection import Secret
from storage import new_key

NORTH = "T0NORTH21"


@pytest.fixture
def redkey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Redkey]:
    with at_the_prompt(tmp_path, monkeypatch, capsys) as redkey:
        asyncio.run(added())
        yield redkey


async def added() -> None:
    """A workspace added the app; it has a login, and home has none."""
    async with App.open(load()) as home, home.memory.begin() as tx:
        await tx.workspaces.install(Installed(NORTH, "North", "C1", "U1", Secret("xoxb-north")), utc_now())
    _, north = await settings_of_all(load())
    async with App.open(north) as app, app.memory.begin() as tx:
        await a_grant(tx, utc_now(), "person-of-the-north")


def test_the_workspaces_are_listed(redkey):
    [item] = json.loads(redkey("workspaces", "--json").stdout)
    assert (item["team"], item["name"], item["channel"], item["uninstalled_at"]) == (NORTH, "North", "C1", None)
    assert item["trouble"] is None
    shown = redkey("workspaces")
    assert NORTH in shown.stdout
    assert "xoxb" not in shown.stdout + shown.stderr


def test_a_workspace_whose_database_is_broken_is_listed_with_its_trouble(redkey):
    (redkey.folder / "redkey.workspaces" / f"{NORTH}.db").write_bytes(b"no database" * 1000)
    done = redkey("workspaces", "--json")
    [item] = json.loads(done.stdout)
    assert (done.returncode, item["team"]) == (0, NORTH)
    assert f"{NORTH}.db" in item["trouble"]


@pytest.mark.parametrize("before", [True, False])
def test_a_command_is_about_the_workspace_that_is_named(redkey, before):
    named = ["--workspace", NORTH]
    done = redkey(*named, "audit", "verify") if before else redkey("audit", "verify", *named)
    assert done.returncode == 0
    link = redkey("connect", "google_ads", f"--workspace={NORTH}")
    assert link.returncode == 1, "no platform is switched on here"
    backup = redkey("db", "backup", "north.db", *named)
    assert backup.returncode == 0, backup.stderr
    assert b"person-of-the-north" in (redkey.folder / "north.db").read_bytes()
    redkey("db", "backup", "home.db")
    assert b"person-of-the-north" not in (redkey.folder / "home.db").read_bytes()


def test_an_unknown_workspace_and_one_for_the_whole_process_are_refused_in_one_line(redkey):
    unknown = redkey("--workspace", "T0ELSEWHERE", "connections")
    assert unknown.stderr == (f"redkey: --workspace: no workspace T0ELSEWHERE has added the app; there are: {NORTH}\n")
    assert redkey("--workspace", NORTH, "run").stderr == (
        "redkey: redkey run serves all workspaces: call it without --workspace\n"
    )


def test_keys_rotate_everywhere_and_every_login_can_be_taken_back(redkey):
    older = os.environ["REDKEY_SECRETS__KEYS"]
    newer = new_key([older])
    redkey.set(REDKEY_SECRETS__KEYS=f"{newer},{older}")
    assert redkey("keys", "rotate").stdout == "sealed 2 values again\n"
    redkey.set(REDKEY_SECRETS__KEYS=newer)
    assert redkey("--workspace", NORTH, "connections").returncode == 0
    assert redkey("revoke-all", "--yes").stdout == "revoked 1 logins\n"
