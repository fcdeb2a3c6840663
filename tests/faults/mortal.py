"""A bot that can be killed at any step: forked ready-imported, does what it is told, and dies when its steps are used up.

Run as a program beside the tests. It reads one order a line, forks for each, and says how the child ended. The steps that
count are those after which the world has changed: before and after a commit here, and every answer there (the practice
world counts those, see killing.py). Nothing of this is in the bot: the hooks are SQLAlchemy's events.
"""

import asyncio
import gc
import json
import mmap
import os
import signal
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

SIZE = 40
_COUNT, _PID, _CLOCK, _READY, _MAY_GO = 0, 8, 16, 24, 32
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Fate:
    """What the world and the bot share: how many steps are left, who is to die, and what time it is."""

    def __init__(self, path: Path) -> None:
        path.touch()
        os.truncate(path, SIZE)
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), SIZE)

    def _get(self, at: int) -> int:
        return int(struct.unpack_from("q", self._shared, at)[0])

    def _set(self, at: int, value: int) -> None:
        struct.pack_into("q", self._shared, at, value)

    def now(self) -> datetime:
        return EPOCH + timedelta(microseconds=self._get(_CLOCK))

    def set_clock(self, at: datetime) -> None:
        self._set(_CLOCK, (at - EPOCH) // timedelta(microseconds=1))

    def born(self, pid: int) -> None:
        self._set(_READY, 0)
        self._set(_PID, pid)

    def unborn(self) -> None:
        self._set(_PID, 0)
        self._set(_MAY_GO, 0)

    def pid(self) -> int:
        return self._get(_PID)

    def go(self) -> None:
        """Whoever wanted to watch it is watching."""
        self._set(_MAY_GO, 1)

    def wait_to_go(self) -> None:
        while not self._get(_MAY_GO):
            time.sleep(0.002)

    def in_service(self) -> None:
        self._set(_READY, time.monotonic_ns())

    def in_service_since(self) -> float:
        """On the clock that all processes share; 0: it did not get so far."""
        return self._get(_READY) / 1e9

    def arm(self, steps: int) -> None:
        """0: live."""
        self._set(_COUNT, steps)

    def step(self) -> bool:
        """One step is done. True: that was the last one, and the bot is dead."""
        left = self._get(_COUNT)
        if left <= 0:
            return False
        self._set(_COUNT, left - 1)
        if left == 1:
            os.kill(self._get(_PID), signal.SIGKILL)
        return left == 1


def count_commits(engine: Any, step: Callable[[], object]) -> None:
    """Call `step` before and after every commit that wrote something."""
    from sqlalchemy import event

    writing: set[int] = set()
    commit = engine.dialect.do_commit

    @event.listens_for(engine, "before_cursor_execute")
    def wrote(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("SELECT", "BEGIN", "PRAGMA")):
            writing.add(id(connection.connection.dbapi_connection))

    def do_commit(raw: Any) -> None:
        inner = id(getattr(raw, "dbapi_connection", raw))
        if inner not in writing:
            commit(raw)
            return
        writing.discard(inner)
        step()
        commit(raw)
        step()

    engine.dialect.do_commit = do_commit


async def live(fate: Fate, order: dict[str, Any]) -> Any:
    from bot.alert.alert import Alert
    from bot.app import App
    from bot.settings.file import load
    from handlers.slack.line.pacing import Pacing
    from handlers.slack.line.voice import SlackVoice
    from handlers.slack.looks.messages import SlackComposer

    async def no_sleep(_seconds: float) -> None:
        await asyncio.sleep(0)

    settings = load(Path(order["config"]))
    async with App.open(settings, "all", now=fate.now) as app:
        database = app.memory._database
        for engine in {database.writing.sync_engine, database.passing.sync_engine}:
            count_commits(engine, fate.step)
        await _wake_up(app)
        fate.in_service()
        slack = settings.slack
        voice = SlackVoice(
            slack.bot_token.get_secret_value(),
            slack.api_url,
            timeout=2,
            pacing=Pacing(sleep=no_sleep),
            clock=lambda: fate.now().timestamp(),
        )
        alert = Alert(app.memory, app.facts, SlackComposer(), voice, app.pace, settings.timing.progress_every, fate.now)
        return await _obey(app, alert, order)


async def _wake_up(app: Any) -> None:
    """As `redkey run` does at its start and at its first beat."""
    await app.watch.unlock()
    await app.takeover.beat()


async def _obey(app: Any, alert: Any, order: dict[str, Any]) -> Any:
    from handlers.slack.looks.announcer import SlackAnnouncer

    match order["do"]:
        case "work":
            await app.confirm.sweep()
            return await _work(app.workers(alert, app.announcing(SlackAnnouncer(), alert._voice)))
        case "link":
            return await app.desk.connect_link(order["platform"], "U0ANNA000")
        case "connect":
            begun = await app.door.connect(order["token"])
            return {"url": begun.url, "browser": begun.browser}
        case "begin":
            begun = await app.door.begin(order["ref"])
            return {"url": begun.url, "browser": begun.browser}
        case "finish":
            page = await app.door.finish(order["platform"], order["params"], order["browser"])
            if page.connect is not None:
                await app.door.choose(page.connect.token, [a.id for a in page.connect.accounts])
        case "revoke":
            return await app.revoke.everything("an operator")
        case "touchpoints":
            from bot.desk.intake import parse_json

            await app.ledger.accept(parse_json(json.dumps(order["given"]).encode()))
    return None


async def _work(workers: Any) -> int:
    """Everything that is due, until nothing is."""
    done = 0
    for _ in range(60):
        count = 0
        for worker in workers.values():
            rows = await worker.claim(worker.at_once)
            await asyncio.gather(*(_run(worker, row) for row in rows))
            count += len(rows)
        if not count:
            break
        done += count
    return done


async def _run(worker: Any, row: Any) -> None:
    from bot.words.errors import TryLater

    with suppress(TryLater):
        await worker.run(row)


def _child(fate: Fate, order: dict[str, Any]) -> None:
    fate.born(os.getpid())
    if order.get("watched"):
        fate.wait_to_go()
    fate.arm(order["steps"])
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        result = asyncio.run(live(fate, order))
    except BaseException as error:  # noqa: BLE001 - told to whoever gave the order
        result = {"error": f"{type(error).__name__}: {error}"}
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
    Path(order["result"]).write_text(json.dumps(result))
    os._exit(0)


def main() -> None:
    """The first life is the parent's own: it makes the tables, and everything is imported."""
    fate = Fate(Path(sys.argv[1]))
    asyncio.run(live(fate, {"do": "work", "config": sys.argv[2]}))
    gc.collect()
    gc.freeze()
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _child(fate, json.loads(line))
        _, status = os.waitpid(pid, 0)
        print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
