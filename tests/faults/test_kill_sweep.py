"""SIGKILL at every durable step of the whole story, on both databases: nothing lost, nothing twice, nothing stuck."""

import json
from pathlib import Path

import pytest
from killing import Tally, one_cycle

POINTS = 260  # on each database, so that they are more than 500 in all
BACK_WITHIN = 5.0  # seconds; what the start of a Python process adds is measured by scripts/bench kill


@pytest.mark.sweep
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_bot_that_dies_every_few_steps_ends_the_story_well(kind, tmp_path, new_postgres):
    tally = Tally(enough=POINTS)
    seed = 0
    while tally.points < POINTS:
        seed += 1
        folder = tmp_path / str(seed)
        folder.mkdir()
        url = new_postgres(f"killed_{seed}") if kind == "postgres" else f"sqlite:///{folder / 'redkey.db'}"
        await one_cycle(folder, url, seed, tally)
        assert [] == tally.problems, _last_words(folder)
    print(kind, json.dumps(tally.told()))  # noqa: T201
    assert max(tally.back) <= BACK_WITHIN


def _last_words(folder: Path) -> str:
    return (folder / "bot.log").read_text()[-3000:]
