"""SIGKILL at every durable step of the whole story, on both databases: nothing lost, nothing twice, nothing stuck."""

import json
from pathlib import Path

import pytest
from killing import Tally, one_cycle

POINTS = 260  # on each database


@pytest.mark.sweep
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_bot_that_dies_every_few_steps_ends_the_story_well(kind, tmp_path, new_postgres):
    tally = Tally()
    seed = 0
    while tally.points < POINTS:
        seed += 1
        folder = tmp_path / str(seed)
        folder.mkdir()
        url = new_postgres(f"killed_{seed}") if kind == "postgres" else f"sqlite:///{folder / 'redkey.db'}"
        await one_cycle(folder, url, seed, tally)
        assert [] == tally.problems, _last_words(folder)
    said = {"points": tally.points, "stories": tally.cycles, "slowest life": round(tally.slowest, 2)}
    print(kind, json.dumps(said))  # noqa: T201


def _last_words(folder: Path) -> str:
    return (folder / "bot.log").read_text()[-3000:]
