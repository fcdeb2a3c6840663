"""The measurements can be run, and their page says rightly whether a goal was met."""

from importlib import import_module
from pathlib import Path

import pytest

from bench import _report
from bench._report import Report, keep, met

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", sorted(file.stem for file in (ROOT / "bench").glob("[a-z]*.py")))
def test_every_measurement_can_be_started(name):
    assert import_module(f"bench.{name}").main


@pytest.mark.parametrize(
    ("target", "value", "floor", "said"),
    [
        ("under 5 ms", 4.9, None, "yes"),
        ("under 5 ms", 5.4, None, "no"),
        ("at least 0.8 x", 30.0, 100.0, "no"),
        ("at least 1.6 x", 170.0, 100.0, "yes"),
        ("at most 0.05 x", 3.0, 100.0, "yes"),
        ("at most 20 MB more", 95.0, 90.0, "yes"),
        ("at most 20 MB more", 115.0, 90.0, "no"),
        ("under 1,000 ms", 999.0, None, "yes"),
        ("within one probe cycle, 330 s", 331.0, None, "no"),
        ("", 1.0, None, ""),
    ],
)
def test_a_goal_is_read_off_its_words(target, value, floor, said):
    report = Report("x")
    report.row("what", value, "", target=target, floor=floor)
    assert said == met(report.rows[0])


def test_one_that_fails_takes_away_nobodys_figures(tmp_path, monkeypatch):
    monkeypatch.setattr(_report, "PAGE", tmp_path / "page.md")
    first, second = Report("first"), Report("second", failure="it did not end")
    first.row("speed", 1234.0, "rows/s")
    for report in (first, second, Report("first", failure="it did not end")):
        keep(report)
    page = (tmp_path / "page.md").read_text()
    assert "| speed | 1,234.0 rows/s |" in page
    assert "## second" in page
    assert 1 == page.count("it did not end")
