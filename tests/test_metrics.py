"""What Prometheus is told, and that the dashboard and the alert rules ask for nothing else; the dead man's switch."""

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from deployment import deployed
from practice_web import KEY, website
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from bot.words.errors import TryLater
from handlers.heartbeat import ping
from sandbox.served import served

DOCS = Path(__file__).parent.parent / "docs"


async def test_requests_are_counted_by_route_and_status_and_strangers_make_no_new_series():
    async with website() as site:
        await site.client.get("/connections")
        for n in range(3):
            await site.client.get(f"/whatever-{n}")
        lines = (await site.client.get("/metrics")).text.splitlines()

        assert 'redkey_http_request_seconds_count{route="connections",status="200"} 1.0' in lines
        assert 'redkey_http_request_seconds_count{route="other",status="404"} 3.0' in lines


async def test_with_a_token_of_its_own_the_numbers_are_for_whoever_shows_it_and_the_health_for_all():
    async with website(metrics_token="of-prometheus") as site:
        for shown in (None, "Bearer wrong", "Basic of-prometheus", f"Bearer {KEY}", "Bearer of-prometheus"):
            answer = await site.client.get("/metrics", headers={"Authorization": shown} if shown else {})
            right = shown == "Bearer of-prometheus"
            assert (answer.status_code, "redkey_database_up" in answer.text) == ((200, True) if right else (401, False))
            assert right or ("web.metrics_token" in answer.text and "WWW-Authenticate" in answer.headers)
        assert (await site.client.get("/readyz")).status_code == 200
        assert (await site.client.get("/api/v1/connections", headers={"Authorization": shown})).status_code == 401


async def test_the_dashboard_and_the_alert_rules_ask_for_what_there_is():
    async with website() as site:
        site.health.beside = {"T0NORTH01": None}
        await site.client.get("/connections")
        told = (await site.client.get("/metrics")).text
    there = set(re.findall(r"^(redkey_\w+)", told, re.MULTILINE))
    board = json.loads((DOCS / "grafana.json").read_text("utf-8"))
    rules = yaml.safe_load((DOCS / "alert-rules.yml").read_text("utf-8"))["groups"][0]["rules"]
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]] + [
        rule["expr"] for rule in rules
    ]

    assert len(asked) > 12
    for expression in asked:
        assert set(re.findall(r"redkey_\w+", expression)) <= there, expression


async def test_the_dead_mans_switch_is_pressed_and_never_shows_its_address():
    pressed, status = [], [200]

    async def press(request):
        pressed.append(request.method)
        return Response(status_code=status[0], headers={"location": "/elsewhere"})

    async with served(Starlette(routes=[Route("/ping/{key}", press)])) as url:
        await ping(f"{url}/ping/very-secret")
        for status[0] in (302, 404, 500):
            with pytest.raises(TryLater) as refused:
                await ping(f"{url}/ping/very-secret")
            assert "very-secret" not in str(refused.value)

    assert pressed == ["GET"] * 4


async def test_a_running_bot_presses_the_dead_mans_switch(tmp_path, sqlite_url, monkeypatch):
    pressed = asyncio.Event()

    async def press(_):
        pressed.set()
        return Response()

    monkeypatch.setattr("bot.errands.HEARTBEAT_EVERY", timedelta(milliseconds=50))
    async with (
        served(Starlette(routes=[Route("/", press)])) as url,
        deployed(tmp_path, sqlite_url, sections={"fallback": {"ping": f"{url}/"}}),
    ):
        await asyncio.wait_for(pressed.wait(), 10)
