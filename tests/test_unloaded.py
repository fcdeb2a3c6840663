"""A bot in service on SQLite holds no library that only others need, so that it stays small and starts soon."""

import re
import sys

import pytest

from bot.unloaded import passed_over, stood_in
from sandbox.practice import Practice
from sandbox.world import World

# Drivers and job queue of Postgres; what migrates an old database; the object mapper; what draws on terminals; Pydantic of the
# day before. What was looked for in vain is listed too, so of some it is a part that tells.
ONLY_FOR_OTHERS = {
    *("sqlalchemy.dialects.postgresql", "psycopg", "procrastinate", "sqlalchemy.dialects.mysql", "sqlalchemy.orm"),
    *("alembic", "mako", "rich.console", "pygments", "pydantic.v1.main", "websockets", "sandbox"),
    *("opentelemetry.sdk", "opentelemetry.exporter"),  # without a collector
}
LOADED = re.compile(r"^import time: +\d+ \| +\d+ \| +([\w.]+)$", re.MULTILINE)


async def test_an_idle_bot_has_loaded_nothing_that_only_others_need(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    async with World.open() as world:
        practice = Practice(world, tmp_path, timing={}, database=None)
        practice.write_settings()
        try:
            await practice.start(connected=False)
            await practice.get("connections")
        finally:
            await practice.stop()
    loaded = set(LOADED.findall(practice.log.read_text()))
    assert {"bot.serve", "fastapi.routing", "sqlalchemy.engine", "slack_bolt", "jinja2", "structlog.dev"} <= loaded
    assert sorted(ONLY_FOR_OTHERS & loaded) == []


def test_what_is_passed_over_is_not_found_inside_and_is_afterwards(monkeypatch):
    monkeypatch.delitem(sys.modules, "antigravity", raising=False)
    with passed_over("antigravity"), pytest.raises(ImportError):
        import antigravity  # noqa: F401
    assert "antigravity" not in sys.modules


def test_what_is_loaded_already_stays():
    with passed_over("json"):
        import json
    assert sys.modules["json"] is json


def test_what_a_library_insists_on_is_found_inside_empty_and_itself_afterwards(monkeypatch):
    monkeypatch.delitem(sys.modules, "antigravity", raising=False)
    with stood_in("antigravity", "json"):
        import json
        from antigravity import geohash
    assert geohash is None
    assert json.loads("1") == 1
    assert "antigravity" not in sys.modules
