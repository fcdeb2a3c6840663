"""Upgrades that are killed: forks for each, so that nothing is imported again. Run as a program beside the tests.

Reads lines {"url", "revision", "statement"}: `revision` "" means the newest; 0 is no statement, so that one lives.
"""

import asyncio
import json
import os
import signal
import sys
from typing import Any


def to_revision(url: str, revision: str, fatal: int) -> None:
    """Migrate to this revision; the process dies as its nth statement begins."""
    from alembic import command
    from sqlalchemy import event

    from storage.database import Database
    from storage.upgrade import configured, upgrade

    async def migrated() -> None:
        database, count = Database(url), 0

        @event.listens_for(database.writing.sync_engine, "before_cursor_execute")
        def counted(*_: Any) -> None:
            nonlocal count
            count += 1
            if count == fatal:
                os.kill(os.getpid(), signal.SIGKILL)

        if revision:
            async with database.writing.begin() as connection:
                await connection.run_sync(lambda c: command.upgrade(configured(c), revision))
        else:
            await upgrade(database)
        await database.close()

    asyncio.run(migrated())


def main() -> None:
    from storage import open_memory

    assert open_memory
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            try:
                to_revision(order["url"], order["revision"], order["statement"])
            except BaseException as error:  # noqa: BLE001 - told as the exit code
                print(error, file=sys.stderr)  # noqa: T201
                os._exit(1)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)  # noqa: T201


main()
