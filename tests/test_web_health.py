"""Alive, ready, and the numbers for Prometheus."""

import pytest
from practice_web import website

from handlers.web.health import Numbers


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


async def test_the_metrics_tell_each_workspace_and_which_are_out_of_service():
    async with website() as site:
        site.health.beside = {"T0NORTH01": Numbers({"Connected": 5}, 7), "T0SOUTH02": None}
        lines = (await site.client.get("/metrics")).text.splitlines()
        ready = await site.client.get("/readyz")

    for line in (
        "redkey_open_outages 1.0",
        'redkey_open_outages{workspace="T0NORTH01"} 7.0',
        'redkey_connections{status="Connected",workspace="T0NORTH01"} 5.0',
        'redkey_workspace_in_service{workspace="T0NORTH01"} 1.0',
        'redkey_workspace_in_service{workspace="T0SOUTH02"} 0.0',
    ):
        assert line in lines
    assert not [line for line in lines if "T0SOUTH02" in line and "in_service" not in line]
    assert ready.status_code == 200, "one workspace's trouble is no reason to send nobody here"
    assert ready.json()["workspaces"] == {"in_service": 1, "out_of_service": 1}
    assert "T0" not in ready.text
