"""Slack ends our socket, for each reason it has: clicks go on arriving where Slack still takes them, nobody is hammered."""

import asyncio
from contextlib import asynccontextmanager
from time import monotonic

import pytest
import structlog
from aiohttp import ClientSession
from practice_room import opened
from practice_slack import client

from handlers.slack.line import socket_mode
from sandbox.slack import MARKETING
from sandbox.slack import socket_mode as practice_sockets


@pytest.fixture
async def room(monkeypatch):
    monkeypatch.setitem(socket_mode.SocketMode.__init__.__kwdefaults__, "ping_interval", 0.1)
    monkeypatch.setattr(socket_mode, "LOOK_EVERY", 0.02)
    monkeypatch.setattr(socket_mode, "ASK_AFTER", 0.3)
    monkeypatch.setattr(socket_mode, "TURNED_AWAY", 0.3)
    async with opened() as room:
        yield room


def addresses(room):
    """How often Slack was asked where a socket may be opened."""
    return len(room.slack.calls_of("apps.connections.open"))


async def until(true, within=8.0):
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - nobody tells when a state that is worked out has changed
            await asyncio.sleep(0.01)


async def clicked(room):
    return (await room.slack.click(MARKETING, await room.alert(), "claim")).acked


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "too_many_websockets"])
async def test_a_socket_that_slack_asks_to_leave_is_followed_by_another_at_once(room, reason):
    before = room.slack.sockets.sockets[0]
    began = monotonic()
    await room.slack.disconnect(reason)
    await room.slack.wait_for(lambda: [s for s in room.slack.sockets.sockets if s is not before])
    assert monotonic() - began < 3
    assert await clicked(room)
    await until(lambda: room.ours.state == "ok")


async def test_each_of_many_requests_to_leave_in_a_row_ends_in_one_socket_that_takes_clicks(room):
    for _ in range(5):
        await room.slack.disconnect("refresh_requested")
    await asyncio.sleep(0.2)
    await until(lambda: room.ours.state == "ok")
    assert await clicked(room)


async def test_socket_mode_that_is_switched_off_is_said_at_once_and_comes_back_when_it_is_on_again(room):
    with structlog.testing.capture_logs() as logs:
        before = addresses(room)
        await room.slack.disconnect("link_disabled")
        await until(lambda: room.ours.state == "refused")
        await asyncio.sleep(0.6)
        assert addresses(room) - before <= 6, "two or three in each of two pauses"
    assert 1 == sum("switched off" in each.get("why", "") for each in logs)
    room.slack.sockets.enabled = True
    await until(lambda: room.ours.state == "ok")
    assert await clicked(room)


@asynccontextmanager
async def crowd(room, count):
    """So many sockets of the same app, held by processes that nobody knows any more."""
    web, held = client(room.slack), []
    async with ClientSession() as session:
        for _ in range(count):
            url = (await web.apps_connections_open(app_token=room.slack.app_token))["url"]
            held.append(await session.ws_connect(url))
        yield held
        for each in held:
            await each.close()


async def test_where_others_have_all_sockets_slack_is_asked_now_and_then_until_there_is_room(room, monkeypatch):
    ours = room.slack.sockets.sockets[0]
    async with crowd(room, 3) as others:
        monkeypatch.setattr(practice_sockets, "MOST_SOCKETS", 3)
        ours.closing.set()
        await until(lambda: room.ours.state == "connecting")
        before = addresses(room)
        await asyncio.sleep(0.6)
        assert addresses(room) - before <= 6
        assert room.ours.state == "connecting"
        await others.pop().close()
        await until(lambda: room.ours.state == "ok")
        assert len(room.slack.sockets.sockets) == 3


async def test_a_wait_that_slack_names_for_a_new_socket_is_kept_by_all_of_us(room):
    """HTTP 429 of apps.connections.open: neither the socket itself nor the look at our token asks before its end."""
    room.slack.fail("apps.connections.open", "ratelimited", retry_after=1)
    before = addresses(room)
    room.slack.sockets.cut()
    await until(lambda: addresses(room) == before + 1)
    began = monotonic()
    await until(lambda: addresses(room) > before + 1)
    assert monotonic() - began > 0.9
    await until(lambda: room.ours.state == "ok")
    assert await clicked(room)
