"""One process of several that refresh the same logins: waits for a line, asks with several workers at once, says what it got.

Run as a program beside the tests.
"""

import asyncio
import json
import sys
from pathlib import Path


async def main() -> None:
    from bot.app import App
    from bot.settings.file import load

    workers = int(sys.argv[2])
    async with App.open(load(Path(sys.argv[1]))) as app:
        print("ready", flush=True)  # noqa: T201
        while line := await asyncio.to_thread(sys.stdin.readline):
            order = json.loads(line)
            asked = (
                app.refresher.renewed(each, order["generation"]) for each in order["grants"] for _ in range(workers)
            )
            tokens = await asyncio.gather(*asked, return_exceptions=True)
            got = [t.generation if hasattr(t, "generation") else f"{type(t).__name__}: {t}" for t in tokens]
            print(json.dumps(got), flush=True)  # noqa: T201


asyncio.run(main())
