"""Adding the app to a further workspace, killed at a durable step: the next start has it in service, or it is begun anew."""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import psycopg
import pytest

from sandbox.practice import free_port
from sandbox.world import World

ROOT = Path(__file__).parents[2]
NORTH = "T0NORTH01"
OPEN_TO_ALL = {"REDKEY_SLACK__INSTALL": "any", "REDKEY_WEB__REQUIRE_SLACK_LOGIN": "true"}
MOST = 40  # installations that are begun at once
STRIDE = int(os.environ.get("REDKEY_INSTALL_STRIDE", "3"))  # 1: every step
FEWEST = 9 // STRIDE  # durable steps: the state, the workspace's row, its place, its tables, its first beat


class Installer:
    """Gives orders to the program beside, and is the person at Slack."""

    def __init__(self, world, folder, url, running):
        self.world, self.folder, self.url, self.running = world, folder, url, running
        self.begun = []
        world.write_settings(folder / "redkey.toml", f"http://127.0.0.1:{free_port()}", {"database": {"url": url}})

    async def order(self, do, **more):
        """What it came to; None where it was killed."""
        result = self.folder / "result"
        result.unlink(missing_ok=True)
        told = {"do": do, "config": str(self.folder / "redkey.toml"), "home": self.world.slack.state.team["id"], **more}
        told |= {"log": str(self.folder / "log"), "result": str(result)}
        self.running.stdin.write(json.dumps(told) + "\n")
        self.running.stdin.flush()
        code = int(await asyncio.to_thread(self.running.stdout.readline))
        assert code in {0, -9}
        return json.loads(result.read_text()) if code == 0 else None

    async def finish(self, step=0):
        """Back from Slack, allowed."""
        self.begun = self.begun or await self.order("begin", count=MOST)
        begun = self.begun.pop()
        async with httpx2.AsyncClient() as slack:
            answer = await slack.post(begun["url"], data={"team": NORTH, "decision": "allow"})
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        params = {name: values[0] for name, values in query.items()}
        return await self.order("finish", params=params, browser=begun["browser"], step=step)

    def forget(self):
        """No workspace but home."""
        if self.url.startswith("postgresql"):
            with psycopg.connect(self.url, autocommit=True) as database:
                database.execute(f"DROP SCHEMA IF EXISTS redkey_{NORTH.lower()} CASCADE")
                database.execute("DELETE FROM workspaces")
        else:
            with closing(sqlite3.connect(self.folder / "redkey.db", isolation_level=None)) as database:
                database.execute("DELETE FROM workspaces")
            shutil.rmtree(self.folder / "redkey.workspaces", ignore_errors=True)


@pytest.fixture
def running():
    program = [sys.executable, str(ROOT / "tests" / "faults" / "installing.py")]
    pipe, surroundings = subprocess.PIPE, {**os.environ, **OPEN_TO_ALL, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(program, stdin=pipe, stdout=pipe, text=True, cwd=ROOT, env=surroundings) as beside:
        assert beside.stdout.readline() == "ready\n"
        yield beside
        beside.stdin.close()


async def killed_at(installer, step):
    """None where it lived; else whether the next start had the workspace in service."""
    ended = await installer.finish(step)
    found = await installer.order("start")
    assert "error" not in found, found
    if ended is not None:
        assert ("INSTALLED", [NORTH]) == (ended["how"], found["there"])
        return None
    if not found["there"]:
        again = await installer.finish()
        assert ("INSTALLED", [NORTH]) == (again.get("how"), again.get("there")), again
    return found["there"] == [NORTH]


@pytest.mark.sweep
@pytest.mark.timeout(180)
async def test_an_installation_that_is_killed_anywhere_is_in_service_at_the_next_start_or_can_be_begun_anew(
    tmp_path, database_url, running
):
    async with World.open() as world:
        world.slack.beside(NORTH, "North")
        installer, ends = Installer(world, tmp_path, database_url, running), list[bool]()
        assert {"how": "", "there": []} == await installer.order("start")
        for step in range(1, 99, STRIDE):
            there = await killed_at(installer, step)
            if there is None:
                break
            ends.append(there)
            installer.forget()
        installer.forget()
    told = (tmp_path / "log").read_text()
    print(f"killed at {len(ends)} steps, in service at the next start after {sum(ends)}")  # noqa: T201
    assert len(ends) >= FEWEST
    assert any(ends)
    assert not all(ends)
    assert "Traceback" not in told
    assert "a workspace is not in service" not in told
