import asyncio
import time

import httpx2
import pytest
from practice_world import at_google

from sandbox.faults import HUGE, Fault, Kind


@pytest.fixture
async def google():
    async with at_google() as google:
        yield google


def strike(google, kind, match="token", **more):
    return google.sandbox.faults.add(Fault(match, kind, **more))


async def test_a_status_comes_with_body_and_retry_after_and_ends_after_its_times(google):
    strike(google, Kind.STATUS, status=429, retry_after="7", times=2, body='{"error":"slow_down"}')
    for _ in range(2):
        answer = await google.refresh("1//x")
        assert (answer.status_code, answer.headers["retry-after"], answer.json()) == (429, "7", {"error": "slow_down"})
    assert (await google.refresh("1//x")).status_code == 400
    assert google.sandbox.ledger.count("fault", kind="status") == 2


async def test_a_fault_strikes_only_what_it_matches(google):
    strike(google, Kind.STATUS, match="userinfo")
    tokens = await google.tokens()
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    assert (await google.client.get(google.settings["userinfo_url"], headers=headers)).status_code == 503
    assert (await google.client.get(google.settings["userinfo_url"], headers=headers)).status_code == 200


async def test_skip_and_chance_choose_which_requests_are_struck(google):
    strike(google, Kind.STATUS, skip=1)
    assert [(await google.refresh("1//x")).status_code for _ in range(3)] == [400, 503, 400]
    strike(google, Kind.STATUS, times=None, chance=0.5)
    struck = [(await google.refresh("1//x")).status_code for _ in range(20)].count(503)
    assert 0 < struck < 20


@pytest.mark.parametrize(
    ("kind", "content"), [(Kind.HTML, b"<!doctype html>"), (Kind.GARBAGE, b'{"access_tok\xff'), (Kind.EMPTY, b"")]
)
async def test_nonsense_comes_as_a_success(google, kind, content):
    strike(google, kind)
    answer = await google.refresh("1//x")
    assert answer.status_code == 200
    assert answer.content.startswith(content)


async def test_garbage_may_be_any_text(google):
    strike(google, Kind.GARBAGE, body="null")
    assert (await google.refresh("1//x")).json() is None


async def test_a_redirect_leads_elsewhere(google):
    strike(google, Kind.REDIRECT, location="http://127.0.0.1:9/thief")
    answer = await google.refresh("1//x")
    assert (answer.status_code, answer.headers["location"]) == (307, "http://127.0.0.1:9/thief")


async def test_a_reset_breaks_the_connection_before_anything_is_done(google):
    strike(google, Kind.RESET)
    with pytest.raises(httpx2.TransportError):
        await google.refresh("1//x")
    assert google.sandbox.ledger.count("token_request") == 0


@pytest.mark.parametrize("kind", [Kind.DROP, Kind.CUT])
async def test_a_dropped_answer_is_a_broken_connection_after_the_work_was_done(google, kind):
    refresh_token = (await google.tokens())["refresh_token"]
    strike(google, kind)
    with pytest.raises(httpx2.TransportError):
        await google.refresh(refresh_token)
    assert google.sandbox.ledger.count("token.refreshed") == 1
    assert (await google.refresh(refresh_token)).status_code == 200


async def test_a_hanging_request_never_answers_until_released(google):
    strike(google, Kind.HANG)
    request = asyncio.create_task(google.refresh("1//x"))
    await google.sandbox.ledger.wait_for("fault")
    assert not (await asyncio.wait({request}, timeout=0.05))[0]
    google.sandbox.faults.release()
    with pytest.raises(httpx2.TransportError):
        await request


async def test_a_client_that_gives_up_on_a_hanging_request_leaves_nothing_behind(google):
    strike(google, Kind.HANG)
    with pytest.raises(httpx2.ReadTimeout):
        await google.client.post(google.settings["token_url"], data={}, timeout=0.05)
    assert (await google.refresh("1//x")).status_code == 400


async def test_a_trickle_goes_on_until_released(google):
    strike(google, Kind.TRICKLE, seconds=0.01)
    async with google.client.stream("POST", google.settings["token_url"], data={}) as answer:
        parts = answer.aiter_raw()
        assert [await anext(parts) for _ in range(3)] == [b" "] * 3
        google.sandbox.faults.release()
        with pytest.raises(httpx2.TransportError):
            async for _ in parts:
                pass


async def test_a_huge_answer_is_fifty_megabytes_long(google):
    strike(google, Kind.HUGE)
    async with google.client.stream("POST", google.settings["token_url"], data={}) as answer:
        assert int(answer.headers["content-length"]) == HUGE
    assert (await google.refresh("1//x")).status_code == 400


@pytest.mark.parametrize("kind", [Kind.SLOW, Kind.LATE])
async def test_slow_and_late_answers_arrive(google, kind):
    strike(google, kind, seconds=0.05)
    begun = time.monotonic()
    assert (await google.refresh("1//x")).status_code == 400
    assert time.monotonic() - begun >= 0.05


async def test_clearing_ends_all_faults(google):
    strike(google, Kind.STATUS, times=None, match="")
    google.sandbox.faults.clear()
    assert (await google.refresh("1//x")).status_code == 400
