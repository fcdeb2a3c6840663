"""Slack over HTTP: what Slack signs gets in once, and nothing a stranger sends is ever a server error."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from conftest import Clock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from practice_desk import PracticeDesk
from practice_slack import practice
from sample_facts import ANNA, CHANNEL, google
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.words.errors import SetupError
from handlers.slack.workspace import Workspace
from sandbox.served import served
from sandbox.slack import SlackWorkspace

SECRET = "sandbox-signing-secret-redkey"
FORM = "application/x-www-form-urlencoded"


def signed(body: bytes, clock: Clock, content_type: str = FORM, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(clock().timestamp()))
    mac = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={mac}", "Content-Type": content_type}


def place(slack: SlackWorkspace, clock: Clock) -> Workspace:
    return Workspace(
        bot_token=slack.bot_token,
        signing_secret=slack.signing_secret,
        api_url=slack.state.base_url + "/api/",
        mode="http",
        timeout=5,
        now=clock,
    )


@pytest.fixture
async def slack() -> AsyncIterator[SlackWorkspace]:
    async with practice() as workspace:
        yield workspace


@pytest.fixture
async def ours(slack: SlackWorkspace) -> AsyncIterator[Workspace]:
    clock = Clock(slack.state.now())
    made = place(slack, clock)
    made.serve(PracticeDesk())
    await made.start()
    made.clock = clock
    yield made
    await made.stop()


async def test_clicks_commands_and_events_come_in_over_http(slack: SlackWorkspace, ours: Workspace) -> None:
    async def events(request: Request) -> Response:
        answer = await ours.events(request.method, dict(request.headers), await request.body())
        return Response(answer.body, answer.status, dict(answer.headers))

    async with served(Starlette(routes=[Route("/slack/events", events, methods=["POST"])])) as url:
        slack.use_request_url(url + "/slack/events")
        assert await slack.verify_request_url()
        _, ts = await ours.voice.post(ours.composer.outage(google()))
        assert (await slack.click(CHANNEL, ts, "reauthorize")).acked
        answer = await slack.command("/redkey", "connections")
        assert "Acme EMEA" in answer.text
        view = await slack.open_home(ANNA)
        assert view is not None
        assert "Acme EMEA" in view.words
        slack.use_request_url(None)


async def test_a_click_is_acknowledged_in_the_moment_its_listener_says_so(ours: Workspace) -> None:
    button = {"type": "button", "action_id": "reauthorize", "block_id": "b", "value": "out_1", "action_ts": "1.1"}
    payload = {"type": "block_actions", "team": {"id": "T0"}, "user": {"id": ANNA}, "actions": [button]}

    async def clicked(n: int) -> int:
        body = urlencode({"payload": json.dumps(payload | {"trigger_id": str(n)})}).encode()
        return (await ours.events("POST", signed(body, ours.clock), body)).status

    assert await clicked(1) == 200  # whoever they are, and their language, is known from now on
    second = asyncio.create_task(clicked(2))
    for _ in range(20):  # steps of the event loop, in which no time passes
        await asyncio.sleep(0)
    assert second.done()


async def test_the_same_request_twice_is_a_replay(ours: Workspace) -> None:
    body = b"command=%2Fredkey&text=help&user_id=U0ANNA000&team_id=T0"
    headers = signed(body, ours.clock)
    assert (await ours.events("POST", headers, body)).status == 200
    assert (await ours.events("POST", headers, body)).status == 401


@pytest.mark.parametrize("by", [timedelta(minutes=6), timedelta(minutes=-6)])
async def test_old_and_future_requests_are_refused(ours: Workspace, by: timedelta) -> None:
    headers = signed(b"a=b", ours.clock)
    ours.clock.advance(by)
    assert (await ours.events("POST", headers, b"a=b")).status == 401


async def test_a_replay_is_still_known_while_its_time_is_good(ours: Workspace) -> None:
    headers = signed(b"a=b", ours.clock)
    assert (await ours.events("POST", headers, b"a=b")).status != 401
    ours.clock.advance(timedelta(minutes=4, seconds=59))
    assert (await ours.events("POST", headers, b"a=b")).status == 401


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("X-Slack-Signature", "v0=" + "0" * 64),
        ("X-Slack-Signature", "v0=é"),
        ("X-Slack-Signature", "v1=" + "0" * 64),
        ("X-Slack-Signature", ""),
        ("X-Slack-Request-Timestamp", "now"),
        ("X-Slack-Request-Timestamp", "١٢٣٤٥"),
        ("X-Slack-Request-Timestamp", "9" * 400),
        ("X-Slack-Request-Timestamp", "-1"),
    ],
)
async def test_forged_headers_are_refused(ours: Workspace, change: str, value: str) -> None:
    headers = signed(b"a=b", ours.clock) | {change: value}
    assert (await ours.events("POST", headers, b"a=b")).status == 401


async def test_another_secret_or_one_changed_byte_is_refused(ours: Workspace) -> None:
    assert (await ours.events("POST", signed(b"a=b", ours.clock, secret="other"), b"a=b")).status == 401
    assert (await ours.events("POST", signed(b"a=b", ours.clock), b"a=c")).status == 401


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"not json"),
        ("application/json", b"[1, 2]"),
        ("application/json", b"[" * 100_000),
        ("application/json", b"\xff\xfe"),
        (FORM, b"payload=not+json"),
        (FORM, b"payload=%5B%5D"),
        (FORM, b"%%%"),
        (FORM, b""),
        (FORM, b"&".join(b"a=b" for _ in range(1000))),
    ],
)
async def test_a_signed_body_that_is_not_what_its_type_says_is_a_bad_request(
    ours: Workspace, content_type: str, body: bytes
) -> None:
    assert (await ours.events("POST", signed(body, ours.clock, content_type), body)).status == 400


async def test_other_methods_and_giant_bodies_are_turned_away(ours: Workspace) -> None:
    assert (await ours.events("GET", {}, b"")).status == 405
    assert (await ours.events("POST", {}, b"x" * 10_000_000)).status == 413


async def test_what_nobody_listens_to_is_acknowledged(ours: Workspace) -> None:
    event = json.dumps({"type": "event_callback", "event": {"type": "new_thing"}, "team_id": "T0"}).encode()
    assert (await ours.events("POST", signed(event, ours.clock, "application/json"), event)).status == 200
    odd = urlencode({"payload": json.dumps({"type": "shortcut", "callback_id": "x"})}).encode()
    assert (await ours.events("POST", signed(odd, ours.clock), odd)).status == 200


PIECES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KINDS = st.sampled_from(["block_actions", "view_submission", "event_callback", "shortcut", "url_verification", "x"])
PAYLOADS = st.fixed_dictionaries(
    {"type": KINDS},
    optional=dict.fromkeys(
        ("user", "team", "actions", "event", "view", "challenge", "response_url", "container"), PIECES
    ),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payload=PAYLOADS, as_form=st.booleans())
async def test_no_signed_payload_whatsoever_is_a_server_error(
    ours: Workspace, payload: dict[str, object], as_form: bool
) -> None:
    text = json.dumps(payload)
    body = urlencode({"payload": text}).encode() if as_form else text.encode()
    answer = await ours.events("POST", signed(body, ours.clock, FORM if as_form else "application/json"), body)
    assert answer.status < 500


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(headers=st.dictionaries(st.text(max_size=30), st.text(max_size=80), max_size=5), body=st.binary(max_size=300))
async def test_nothing_unsigned_gets_in(ours: Workspace, headers: dict[str, str], body: bytes) -> None:
    assert (await ours.events("POST", headers, body)).status == 401


async def test_over_http_a_refused_token_stops_the_start_too(slack: SlackWorkspace) -> None:
    slack.state.token_error = "account_inactive"
    made = place(slack, Clock())
    made.serve(PracticeDesk())
    with pytest.raises(SetupError, match=r"slack\.bot_token"):
        await made.start()


async def test_in_socket_mode_there_is_nothing_at_the_address(slack: SlackWorkspace) -> None:
    made = Workspace(bot_token="xoxb-1", app_token="xapp-1", now=Clock())
    made.serve(PracticeDesk())
    assert (await made.events("POST", {}, b"")).status == 404


async def test_a_wrong_clock_of_ours_is_named_once_when_what_slack_signed_is_refused(
    ours: Workspace, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not where a stranger signs: or anybody could fill the log."""
    ours.clock.advance(timedelta(minutes=-10))
    sent, forged = signed(b"a=b", ours.clock), signed(b"a=b", ours.clock, secret="another")
    ours.clock.advance(timedelta(minutes=10))
    for headers in (forged, sent, sent):
        assert (await ours.events("POST", headers, b"a=b")).status == 401
    assert 1 == capsys.readouterr().out.count("is this machine's clock right")
