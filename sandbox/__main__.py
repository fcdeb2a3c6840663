"""`python -m sandbox [--port N]`: the practice world alone, for a bot that runs elsewhere on this machine."""

import argparse
import asyncio
import contextlib
from pathlib import Path

from sandbox.world import World


async def _run(port: int, public_url: str, settings: Path | None) -> None:
    async with World.open(port) as world:
        if settings is None:
            world.settings(public_url)
        else:
            world.write_settings(settings, public_url)
        print(world.url + "/", flush=True)  # noqa: T201  # a script reads this line
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Run the practice world.")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--public-url", default="http://127.0.0.1:8080", help="where the bot's own pages are")
    parser.add_argument("--settings", type=Path, help="write a redkey.toml for such a bot here")
    wanted = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(wanted.port, wanted.public_url, wanted.settings))


if __name__ == "__main__":
    main()
