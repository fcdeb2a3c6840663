"""Somebody comes back from a platform while the database is locked: they are asked to wait, and their login still counts."""

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import timedelta

import pytest
from guarded import KEY, house, the_connection

from bot.announce import standstill
from bot.reauthorize import patience
from bot.words.errors import MemoryAway
from sandbox.faults import Fault, Kind
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


@asynccontextmanager
async def coming_back(at_home, person, address):
    """They are on their way in, the state is used up, and the platform keeps their code for a moment."""
    google = at_home.world.google_ads
    way = await person.to_consent(address)
    back = await consent(person.client, way, at_home.login)
    google.faults.add(Fault(match="token", kind=Kind.SLOW, seconds=60))
    coming = asyncio.create_task(person.client.get(back))
    await google.ledger.wait_for("fault", kind="slow")
    yield coming
    google.faults.clear()


async def waited(at_home, coming):
    """What they see in the end, after the database was locked for longer than it is asked once."""
    with locked(at_home):
        at_home.world.google_ads.faults.release()
        await asyncio.sleep(2.5 * WAITS)
        assert not coming.done()
    return await coming


async def test_a_database_that_locks_when_the_state_is_used_up_keeps_them_waiting_and_costs_no_login(at_home):
    here = f"http://127.0.0.1:{at_home.port}"
    async with Visitor() as person:
        door = f"{here}/reauthorize/{await the_connection(at_home)}"
        async with coming_back(at_home, person, door) as coming:
            let_in = await waited(at_home, coming)
    assert (200, True) == (let_in.status_code, "is connected again" in let_in.text)


async def test_so_does_one_that_locks_while_a_new_login_is_taken_in(at_home):
    async with Visitor() as person:
        link = await at_home.app.desk.connect_link("google_ads", "U0ANNA000")
        async with coming_back(at_home, person, link) as coming:
            let_in = await waited(at_home, coming)
    assert (200, True) == (let_in.status_code, 'name="account"' in let_in.text)


async def test_a_database_that_stays_locked_ends_the_wait_and_says_that_nothing_has_changed(at_home, monkeypatch):
    monkeypatch.setattr(patience, "PATIENCE", 0.1)
    here, before = f"http://127.0.0.1:{at_home.port}", at_home.state()["grants"]
    async with Visitor() as person:
        door = f"{here}/reauthorize/{await the_connection(at_home)}"
        async with coming_back(at_home, person, door) as coming:
            with locked(at_home):
                at_home.world.google_ads.faults.release()
                answer = await coming
        assert 503 == answer.status_code
        assert "the database did not answer" in answer.text
        assert before == at_home.state()["grants"]
        way = await person.to_consent(door)
        assert 200 == (await person.client.get(await consent(person.client, way, at_home.login))).status_code


async def test_a_database_that_takes_nothing_for_long_makes_the_bot_unready_until_it_does_again(at_home, monkeypatch):
    here, app = f"http://127.0.0.1:{at_home.port}", at_home.app
    async with Visitor() as person:

        async def ready():
            answer = await person.client.get(f"{here}/readyz")
            up = (await person.client.get(f"{here}/metrics")).text.partition("\nredkey_database_up ")[2][:1]
            return answer.status_code, answer.json()["database"], up

        with locked(at_home):
            with pytest.raises(MemoryAway):
                await app.takeover.beat()
            assert (200, "ok", "1") == await ready()
            monkeypatch.setattr(standstill, "AFTER", timedelta())
            assert (503, "down", "0") == await ready()
        await app.takeover.beat()
        assert (200, "ok", "1") == await ready()
