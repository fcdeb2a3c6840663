"""An upgrade from any version there has been that is killed in the middle: nothing happened, and the next start does it.

REDKEY_UPGRADE_KILLS=10000 kills at each statement: scripts/test --sweeps tests/faults/test_killed_upgrades.py
"""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, select, text

from storage.tables import grants, metadata
from storage.upgrade import VERSION_TABLE

ROOT = Path(__file__).parents[2]
SCRIPTS = ScriptDirectory(str(ROOT / "storage" / "migrations"))
VERSIONS = [script.revision for script in SCRIPTS.walk_revisions()][::-1]
# Of the longest upgrade, that from the first version, at statements spread over it; one of each other.
KILLS = int(os.environ.get("REDKEY_UPGRADE_KILLS", "5"))
STRIDE, OTHERS = (4, 1) if KILLS == 5 else (1, KILLS)
LOGIN = {
    "id": "gra_1",
    "platform": "salesforce",
    "identity_id": "005",
    "login": "ada@acme.example",
    "generation": 7,
    "tokens": "sealed",
    "tokens_key": "k1",
    "refreshable": True,
    "scopes": ["api"],
    "kept": {},
    "created_at": datetime(2026, 11, 23, 9, tzinfo=UTC),
}


@pytest.fixture
def upgrading():
    program = [sys.executable, str(ROOT / "tests" / "faults" / "upgrading.py")]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        program, stdin=pipe, stdout=pipe, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
    ) as running:

        def upgrade(url, revision="", statement=0):
            running.stdin.write(json.dumps({"url": url, "revision": revision, "statement": statement}) + "\n")
            running.stdin.flush()
            return int(running.stdout.readline())

        assert running.stdout.readline() == "ready\n"
        yield upgrade
        running.stdin.close()


@contextmanager
def connected(url):
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def state(url):
    """Which version, which tables, and what is known of the login."""
    with connected(url) as connection:
        version = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
        held = connection.execute(select(grants.c.generation, grants.c.tokens, grants.c.login)).all()
        return version, sorted(inspect(connection).get_table_names()), [tuple(row) for row in held]


@pytest.mark.sweep
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_an_upgrade_that_is_killed_anywhere_has_not_happened_and_the_next_one_does(
    kind, tmp_path, new_postgres, upgrading
):
    for version, kills in zip(VERSIONS[:-1], [KILLS, *[OTHERS] * len(VERSIONS)], strict=False):
        url = new_postgres(f"upgraded_{version}") if kind == "postgres" else f"sqlite:///{tmp_path / version}.db"
        assert 0 == upgrading(url, version)
        with connected(url) as connection:
            connection.execute(grants.insert(), LOGIN)
        before = state(url)
        assert before[0] == version
        statement, killed = 1, 0
        while killed < kills and (code := upgrading(url, statement=statement)) != 0:
            assert code == -9
            assert before == state(url), f"killed at statement {statement} it left something behind"
            killed, statement = killed + 1, statement + STRIDE
        assert killed
        assert 0 == upgrading(url)
        after = state(url)
        assert (after[0], after[2]) == (VERSIONS[-1], before[2])
        assert set(metadata.tables) <= set(after[1])
