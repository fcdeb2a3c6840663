"""docs/security.md and docs/asvs.md name tests that there are; no row of the standard is without an answer."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = {page: (ROOT / "docs" / page).read_text("utf-8") for page in ("security.md", "asvs.md")}
NAMED = {page: re.findall(r"`(test_\w+\.py)::(test_\w+)`", text) for page, text in TEXT.items()}
# How many requirements of levels 1 and 2 each section begins with; those of level 3 come after them.
SECTIONS = {
    "3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
    "10.1": 2, "10.2": 2, "10.5": 5,
    "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1,
    "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5,
    "14.1": 2, "14.2": 4, "14.3": 3,
    "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3,
}  # fmt: skip
ANSWERS = ("**Does not apply**", "**Written down**", "**Yours**", "**Not met**", "`test_")


@pytest.mark.parametrize("page", TEXT)
def test_the_page_names_tests(page: str):
    assert len(NAMED[page]) > 25


@pytest.mark.parametrize(("file", "name"), sorted({pair for pairs in NAMED.values() for pair in pairs}))
def test_every_test_that_the_pages_name_is_there(file: str, name: str):
    found = [*ROOT.glob(f"tests/{file}"), *ROOT.glob(f"tests/faults/{file}")]
    assert found, file
    assert f"def {name}(" in found[0].read_text("utf-8")


def test_every_requirement_has_one_row_and_an_answer():
    rows = re.findall(r"^\| (\d+\.\d+\.\d+) \| .+ \| (.+) \|$", TEXT["asvs.md"], re.MULTILINE)

    every = [f"{section}.{n + 1}" for section, count in SECTIONS.items() for n in range(count)]

    assert every == [row for row, _ in rows]
    assert [row for row, answer in rows if not answer.startswith(ANSWERS)] == []
