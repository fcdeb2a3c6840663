"""Installations that are killed: forks for each, so that nothing is imported again. Run as a program beside the tests.

Reads lines {"config", "team", "do", "step", ...}; the process dies as its nth durable step begins, 0: it lives.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

# Of a workspace's own place; commits and new schemas are counted by SQLAlchemy.
DURABLE = {"os.mkdir", "sqlite3.connect"}


class Fate:
    def __init__(self, steps: int) -> None:
        self.left = steps
        self.armed = False

    def step(self) -> None:
        if self.armed and self.left > 0:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        from sqlalchemy import Engine, event

        def audited(what: str, given: tuple[Any, ...]) -> None:
            if what in DURABLE and ".workspaces" in str(given[0]):
                self.step()

        def statement(_c: Any, _cursor: Any, told: str, *_: Any) -> None:
            if told.startswith("CREATE SCHEMA"):
                self.step()

        sys.addaudithook(audited)
        event.listen(Engine, "commit", lambda _: self.step())
        event.listen(Engine, "before_cursor_execute", statement)


class Serving:
    """Implements bot.tenants.InService: nobody looks at what is served here."""

    place: Any = None

    async def nothing(self) -> None: ...

    enter = leave = sign_off = nothing

    def begin(self) -> None: ...
    def website(self) -> Any:
        return object()


async def live(fate: Fate, order: dict[str, Any]) -> Any:
    from bot.app import App
    from bot.settings.file import load
    from bot.tenants import Tenants

    async def own_team() -> str:
        return str(order["home"])

    async with App.open(load(Path(order["config"])), "all") as home:
        tenants = Tenants(home, lambda *_: Serving(), own_team)
        if order["do"] == "begin":
            begun = [await tenants.installs.begin() for _ in range(order["count"])]
            return [{"url": each.url, "browser": each.browser} for each in begun]
        fate.armed, how = True, ""
        if order["do"] == "finish":
            how = (await tenants.installs.finish(order["params"], order["browser"])).how.name
        await tenants.start()
        async with asyncio.timeout(20), home.memory.read() as tx:
            found = [each.team for each in await tx.workspaces.all()]
        async with asyncio.timeout(20):
            while not all(tenants.site(team) for team in found):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        await tenants.stop()
        return {"how": how, "there": found}


def _child(order: dict[str, Any]) -> None:
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    fate = Fate(order.get("step", 0))
    fate.watch()
    try:
        result = asyncio.run(live(fate, order))
    except BaseException as error:  # noqa: BLE001 - told to whoever gave the order
        result = {"error": f"{type(error).__name__}: {error}"}
    Path(order["result"]).write_text(json.dumps(result))
    os._exit(0)


def main() -> None:
    import bot.app
    import bot.tenants

    assert bot.app
    assert bot.tenants
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _child(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)  # noqa: T201


main()
