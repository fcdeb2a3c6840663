"""Alive, ready, and the numbers for Prometheus."""

import pytest
from practice_web import website


@pytest.mark.parametrize(
    ("up", "slack", "status", "body"),
    [
        (True, "connected", 200, {"database": "ok", "slack": "connected"}),
        (True, "connecting", 200, {"database": "ok", "slack": "connecting"}),
        (True, "refused", 503, {"database": "ok", "slack": "refused"}),
        (False, "connected", 503, {"database": "down", "slack": "connected"}),
        (None, "connecting", 503, {"database": "down", "slack": "connecting"}),
    ],
)
async def test_ready_means_the_database_and_a_slack_that_is_not_lost_for_good(up, slack, status, body):
    async with website() as site:
        site.health.up, site.health.slack_is = up, slack
        answer = await site.client.get("/readyz")

        assert (answer.status_code, answer.json()) == (status, body)
        assert (await site.client.get("/healthz")).status_code == 200


async def test_the_metrics_are_prometheus_text():
    async with website() as site:
        answer = await site.client.get("/metrics")

        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        lines = answer.text.splitlines()
        assert 'redkey_connections{status="Connected"} 2.0' in lines
        assert 'redkey_connections{status="odd \\"one\\"\\n"} 1.0' in lines
        assert "redkey_open_outages 1.0" in lines
        assert "redkey_outbox_waiting 3.0" in lines
        assert "redkey_touchpoints_waiting 412.0" in lines
        assert "redkey_slack_connected 1.0" in lines


async def test_without_a_database_the_metrics_say_only_what_is_known():
    async with website() as site:
        site.health.up = None
        answer = await site.client.get("/metrics")

        assert answer.status_code == 200
        assert "redkey_database_up 0.0" in answer.text
        assert "redkey_connections" not in answer.text
