"""The tables of what the platforms' error codes mean: complete words in each row, and a test for each row."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from platforms._verdicts import Verdict

HERE = Path(__file__).parent
TABLES = [*sorted(path.stem for path in (HERE.parent / "platforms").glob("_*_errors.py")), "_entra"]
# Meta's rows have code and subcode apart, and one test goes through all of the two hundreds.
WRITTEN_OTHERWISE = {"_meta_ads_errors": {str(code) for code in range(200, 300)} | {"100.36007"}}
NO_CODES = {"EDITORS", "STATUSES"}  # roles at LinkedIn, and Meta's account_status, whose rows are tried one by one


def tables_of(module):
    """Every table of codes that the module has, by its name."""
    named = vars(import_module(f"platforms.{module}")).items()
    tables = {name: value for name, value in named if name.isupper() or name.lstrip("_").isupper()}
    return {name: value for name, value in tables.items() if isinstance(value, dict | frozenset | set)}


def rows_of(module):
    return {str(code) for name, table in tables_of(module).items() if name not in NO_CODES for code in table}


@pytest.mark.parametrize("module", TABLES)
def test_every_code_in_a_table_has_a_row_in_the_tests(module):
    platform = module.strip("_").removesuffix("_errors")
    tests = "\n".join(path.read_text() for path in HERE.glob(f"test_{platform}*.py")).lower()
    untested = {code for code in rows_of(module) if not re.search(rf"\b{re.escape(code.lower())}\b", tests)}

    assert rows_of(module)
    assert set() == untested - WRITTEN_OTHERWISE.get(module, set())


@pytest.mark.parametrize("module", TABLES)
def test_every_cause_and_every_cure_is_a_sentence(module):
    found = [value for table in tables_of(module).values() if isinstance(table, dict) for value in table.values()]
    verdicts = [value for value in found if isinstance(value, Verdict)]

    assert verdicts
    for verdict in verdicts:
        for sentence in (verdict.words, verdict.cure):
            assert re.fullmatch(r"[A-Z].*\.", sentence), sentence
