"""A whole deployment to practise on: the world, and beside it the real bot as a process of its own."""

import asyncio
import json
import os
import re
import secrets
import signal
import socket
import sys
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from sandbox.visitor import Visitor
from sandbox.world import World

READY_WITHIN = 60.0

# Everything is quick here, so that a story takes seconds. The proportions are those of the defaults.
QUICK: dict[str, str] = {
    "check_every": "1s",
    "cost_every": "5s",
    "tagging_every": "3s",
    "push_every": "1s",
    "refresh_ahead": "1m",
    "progress_every": "500ms",
    "request_timeout": "10s",
    "retry_max": "2s",
}


class Practice:
    """The bot's process, its settings file and its addresses. It can be killed and started again on the same data."""

    def __init__(
        self,
        world: World,
        folder: Path,
        *,
        timing: Mapping[str, str],
        database: str | None,
        platforms: Mapping[str, Mapping[str, object]] | None = None,
        slack: Mapping[str, str] | None = None,
    ) -> None:
        self.world = world
        self.folder = folder
        self.api_key = secrets.token_urlsafe(24)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = folder / "redkey.toml"
        self._timing = {**QUICK, **timing}
        self._platforms = platforms or {}
        self._slack = slack or {}
        self._database = database or f"sqlite:///{folder / 'redkey.db'}"
        self._key = "k1:" + urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        self._process: asyncio.subprocess.Process | None = None
        self.log = folder / "redkey.log"

    def share(self, other: "Practice") -> None:
        """Become another replica of the same deployment: one address, one key, one database; only the port differs."""
        self.url, self.api_key, self._key = other.url, other.api_key, other._key  # noqa: SLF001

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    def write_settings(self) -> None:
        self.world.write_settings(
            self.config,
            self.url,
            {
                "database": {"url": self._database},
                "secrets": {"keys": [self._key]},
                "web": {"port": self.port, "api_keys": [self.api_key]},
                "timing": self._timing,
                "platforms": self._platforms,
                "slack": self._slack,
            },
        )

    async def start(self, *, connected: bool = True) -> None:
        """Start the bot and wait until it is ready, and `connected` to Slack.

        Raises RuntimeError with its last words if it stops instead.
        """
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command("run"), stdout=log, stderr=log, env=_environment(), cwd=self.folder
            )
        async with httpx2.AsyncClient(verify=False) as client:
            for _ in range(int(READY_WITHIN / 0.05)):
                if self._process.returncode is not None:
                    raise RuntimeError(f"redkey stopped: {self.log.read_text()[-2000:]}")
                try:
                    answer = await client.get(f"http://127.0.0.1:{self.port}/readyz")
                except httpx2.TransportError:
                    await asyncio.sleep(0.05)
                    continue
                if answer.status_code == 200 and not (connected and answer.json()["slack"] == "connecting"):
                    return
                await asyncio.sleep(0.05)
        raise RuntimeError(f"redkey was not ready within {READY_WITHIN} s: {self.log.read_text()[-2000:]}")

    async def kill(self) -> None:
        """SIGKILL: nothing can be put in order."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()

    async def stop(self) -> int | None:
        """SIGTERM, and its exit code."""
        if self._process is None or self._process.returncode is not None:
            return self._process.returncode if self._process else None
        self._process.terminate()
        try:
            return await asyncio.wait_for(self._process.wait(), 15)
        except TimeoutError:
            await self.kill()
            return None

    async def redkey(self, *words: str, stdin: bytes | None = None) -> str:
        """Run one command beside the running bot and give what it printed. Raises RuntimeError with its complaint."""
        process = await asyncio.create_subprocess_exec(
            *self._command(*words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(),
            cwd=self.folder,
        )
        out, complaint = await process.communicate(stdin)
        if process.returncode != 0:
            raise RuntimeError(f"redkey {' '.join(words)}: {complaint.decode()[-2000:]}")
        return out.decode()

    async def connect(self, platform: str, email: str) -> None:
        """Connect a login with all its accounts, as a person in Slack would: the command, its private link, the pages."""
        answer = await self.world.slack.command("/redkey", f"connect {platform}", patience=10)
        found = re.search(re.escape(self.url) + r"/connect/[\w-]+", json.dumps([m.words for m in answer.messages]))
        if found is None:
            raise RuntimeError(f"/redkey connect {platform} gave no link: {answer}")
        link = found.group()
        async with Visitor() as visitor:
            page = await visitor.connect(link, email)
        if page.status != 200:
            raise RuntimeError(f"connecting {email} to {platform} ended with {page.status}")

    async def get(self, path: str) -> Any:
        """Read the bot's API."""
        async with httpx2.AsyncClient(timeout=30, verify=False) as client:
            answer = await client.get(
                f"http://127.0.0.1:{self.port}/api/v1/{path}", headers={"authorization": f"Bearer {self.api_key}"}
            )
        return answer.json()

    async def costs(self) -> str:
        """The cost table, as NDJSON."""
        async with httpx2.AsyncClient(timeout=60, verify=False) as client:
            answer = await client.get(
                f"http://127.0.0.1:{self.port}/api/v1/costs",
                params={"format": "ndjson"},
                headers={"authorization": f"Bearer {self.api_key}"},
            )
        return answer.text

    async def send_touchpoints(self, touchpoints: list[dict[str, Any]]) -> dict[str, int]:
        async with httpx2.AsyncClient(timeout=60, verify=False) as client:
            answer = await client.post(
                f"http://127.0.0.1:{self.port}/api/v1/touchpoints",
                content=json.dumps(touchpoints),
                headers={"authorization": f"Bearer {self.api_key}", "content-type": "application/json"},
            )
        if answer.status_code != 202:
            raise RuntimeError(f"touchpoints were not accepted: {answer.status_code} {answer.text[:500]}")
        counts: dict[str, int] = answer.json()
        return counts

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "bot", "--config", str(self.config), *words]


@asynccontextmanager
async def practising(
    world: World, folder: Path, *, timing: Mapping[str, str] | None = None, database: str | None = None
) -> AsyncIterator[Practice]:
    """The bot, running against this world; stopped at the end."""
    practice = Practice(world, folder, timing=timing or {}, database=database)
    practice.write_settings()
    await practice.start()
    try:
        yield practice
    finally:
        await practice.stop()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _environment() -> dict[str, str]:
    """The parent's, without settings that would leak in."""
    hidden = ("REDKEY_", "SLACK_", "DATABASE_URL")
    return {k: v for k, v in os.environ.items() if not k.startswith(hidden)} | {"PYTHONUNBUFFERED": "1"}
