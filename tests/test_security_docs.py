"""docs/security.md names tests, and there are such tests."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NAMED = re.findall(r"`(test_\w+\.py)::(test_\w+)`", (ROOT / "docs" / "security.md").read_text("utf-8"))


def test_the_page_names_tests():
    assert len(NAMED) > 25


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)))
def test_every_test_that_the_page_names_is_there(file: str, name: str):
    found = [*ROOT.glob(f"tests/{file}"), *ROOT.glob(f"tests/faults/{file}")]
    assert found, file
    assert f"def {name}(" in found[0].read_text("utf-8")
