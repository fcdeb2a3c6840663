"""Somebody comes back from a platform while the database is locked: they are asked to wait, and their login still counts."""

import sqlite3
from contextlib import closing, contextmanager

import pytest
from guarded import KEY, house, the_connection

from sandbox.person import consent
from sandbox.visitor import Visitor
from storage import database

WAITS = 0.2  # seconds that a writer waits for the database; really five


@pytest.fixture
async def at_home(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "BUSY", WAITS)
    async with house(tmp_path) as opened:
        yield opened


@contextmanager
def locked(at_home):
    with closing(sqlite3.connect(at_home._file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_whoever_comes_back_while_the_database_is_locked_loads_the_page_again_and_is_let_in(at_home):
    here = f"http://127.0.0.1:{at_home.port}"
    async with Visitor() as person:
        way = await person.to_consent(f"{here}/reauthorize/{await the_connection(at_home)}")
        back = await consent(person.client, way, at_home.login)
        before = at_home.state()["consents"]
        with locked(at_home):
            answer = await person.client.get(back)
            again = await person.client.get(back)
        assert (503, "5") == (answer.status_code, answer.headers["retry-after"])
        assert 503 == again.status_code
        assert "Nothing has changed and nothing is lost" in answer.text
        assert '<a class="button" href="">Try again</a>' in answer.text
        assert "set-cookie" not in answer.headers, "the browser still knows that it began"
        assert before == at_home.state()["consents"]

        let_in = await person.client.get(back)
        assert (200, True) == (let_in.status_code, "is connected again" in let_in.text)
        assert 400 == (await person.client.get(back)).status_code


async def test_whoever_sets_out_or_sends_data_while_the_database_is_locked_is_told_when_to_come_again(at_home):
    here = f"http://127.0.0.1:{at_home.port}"
    point = {"id": "TP2_1", "occurred_at": "2026-11-23T09:00:00Z", "email": "a@acme.example", "fields": {}}
    async with Visitor() as person:
        start, sent = f"{here}/reauthorize/{await the_connection(at_home)}", {"authorization": f"Bearer {KEY}"}
        with locked(at_home):
            page = await person.client.post(start, headers={"origin": here})
            program = await person.client.post(f"{here}/api/v1/touchpoints", json=[point], headers=sent)
        assert [(503, "5")] * 2 == [(each.status_code, each.headers["retry-after"]) for each in (page, program)]
        assert "nothing is lost" in page.text
        assert "Redkey's database did not answer properly. Try again in a moment." == program.json()["detail"]
        assert 202 == (await person.client.post(f"{here}/api/v1/touchpoints", json=[point], headers=sent)).status_code
