"""SIGKILL at every durable step of the whole story, on both databases: nothing lost, nothing twice, nothing stuck."""

import json
from pathlib import Path

import oracle
import pytest
from killing import PLATFORMS, Tally, one_cycle, sweeping

DATABASES = ("sqlite", "postgres")
IN_ALL = 520
POINTS = IN_ALL // len(DATABASES)  # on each; neither is done before it has met so many
BACK_WITHIN = 5.0  # seconds; what the start of a Python process adds is measured by scripts/bench kill


@pytest.mark.sweep
@pytest.mark.parametrize("kind", DATABASES)
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
    assert tally.points >= POINTS
    assert max(tally.back) <= BACK_WITHIN


@pytest.mark.sweep
async def test_revoking_everything_goes_on_where_it_was_killed(tmp_path):
    """In an emergency: however often the command dies, begun again it ends every login there and forgets it here."""
    tally, url = Tally(), f"sqlite:///{tmp_path / 'redkey.db'}"
    async with sweeping(tmp_path, url, 1, tally) as sweep:
        sweep.syscalls = False
        for platform in PLATFORMS:
            await sweep._connect(platform, 0)
        step, lived = 0, False
        while not lived:
            step += 1
            lived, _ = await sweep.life("revoke", step)
            sweep.pass_by(minutes=10)  # what the dead one was about to revoke is free again
        assert tally.points >= 4
        assert [None] * len(PLATFORMS) == [row["tokens"] for row in oracle.read(url)[oracle.grants]]
        for platform in PLATFORMS:
            assert 1 == getattr(sweep.world, platform).ledger.count("grant.revoked")


def _last_words(folder: Path) -> str:
    return (folder / "bot.log").read_text()[-3000:]
