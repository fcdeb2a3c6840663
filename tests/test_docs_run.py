"""Examples of the docs, run as they stand there against the real API: gates that stop a job, touchpoints, a signature."""

import os
import re
import subprocess
import sys
import types
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from practice_web import KEY, website_in_a_thread

from handlers.webhook import Webhook

ROOT = Path(__file__).parent.parent


def examples(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)


CRON, DBT = examples("docs/freshness.md", "sh")
(AIRFLOW,) = examples("docs/freshness.md", "python")
(SIGNATURE,) = examples("docs/webhooks.md", "python")


@pytest.fixture(scope="module")
def base():
    with website_in_a_thread() as (_, base):
        yield base


@pytest.fixture
def shell(base, tmp_path):
    """A folder with the programs that stand behind the gate; each leaves a note that it ran."""
    for name in ("make-report", "dbt", "sleep"):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho "$@" >>"{tmp_path}/{name}.ran"\n')
        program.chmod(0o755)

    def run(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        path = f"{tmp_path}:{os.environ['PATH']}"
        env = {"PATH": path, "REDKEY_URL": base, "REDKEY_API_KEY": KEY, **variables}
        return subprocess.run(
            ["sh", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def test_cron_reports_on_fresh_data_only(shell, tmp_path):
    stale = shell(CRON, CONNECTION="con_stale")
    assert stale.returncode != 0
    assert "409" in stale.stderr
    assert not (tmp_path / "make-report.ran").exists()

    assert shell(CRON, CONNECTION="con_acme").returncode == 0
    assert (tmp_path / "make-report.ran").exists()


def test_dbt_builds_once_everything_is_fresh_and_gives_up_after_an_hour(shell, tmp_path):
    assert shell(DBT, CONNECTIONS="con_acme con_acme").returncode == 0
    assert (tmp_path / "dbt.ran").read_text() == "build --select tag:ads\n"

    (tmp_path / "dbt.ran").unlink()
    given_up = shell(DBT, CONNECTIONS="con_acme con_stale")
    assert (given_up.returncode, given_up.stderr) == (1, "con_stale is not fresh\n")
    assert not (tmp_path / "dbt.ran").exists()
    assert (tmp_path / "sleep.ran").read_text() == "60\n" * 60


def test_airflow_s_sensor_waits_for_fresh_data(base, monkeypatch):
    """Airflow itself is not installed for this: its sensor is given what it gives to requests, and asks the real API."""
    asked = {}
    module = types.ModuleType("airflow.providers.http.sensors.http")
    module.HttpSensor = lambda **given: asked.update(given)
    for name in ("airflow", "airflow.providers", "airflow.providers.http", "airflow.providers.http.sensors"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(AIRFLOW, "docs/freshness.md", "exec"), {})

    def poke(connection: str) -> bool:
        endpoint = re.sub(r"\{\{.*?\}\}", connection, asked["endpoint"])
        request = Request(base + endpoint, headers={"Authorization": f"Bearer {KEY}"})
        try:
            with urlopen(request) as answer:
                answer.status_code = answer.status
                return asked["response_check"](answer)
        except HTTPError as refused:
            refused.close()
            return asked["response_check"](types.SimpleNamespace(status_code=refused.code))

    assert poke("con_acme")
    assert not poke("con_stale")
    assert asked["extra_options"] == {"check_response": False}, "else a 409 would fail the task instead of waiting"


def test_touchpoints_are_sent_as_the_readme_says(base, shell):
    (curl,) = re.findall(
        r"^    (curl .*?/touchpoints)$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    sent = shell(curl.replace("https://redkey.example.com", base) + " --fail --silent --show-error")

    assert (sent.returncode, sent.stderr) == (0, "")
    assert '"accepted":1' in sent.stdout


async def test_a_signature_is_checked_as_the_page_says():
    (secret,) = re.findall(r"whsec_[^\"]+", SIGNATURE)
    now, body = datetime.now(UTC), b'{"type": "outage.opened"}'
    headers = Webhook("https://r.example", [secret])._signed("msg_1", now, body)
    found = {"headers": headers, "body": body}
    exec(compile(SIGNATURE, "docs/webhooks.md", "exec"), found)

    assert found["told"] == {"type": "outage.opened"}
