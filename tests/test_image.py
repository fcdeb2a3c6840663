"""What runs Redkey in containers: the image, Compose and the Kubernetes manifests say the same, and only what is so."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from practice_web import website

ROOT = Path(__file__).parent.parent
IMAGE = (ROOT / "Dockerfile").read_text("utf-8")
PAGE = (ROOT / "docs/scaling.md").read_text("utf-8")
MANIFESTS = {
    each["kind"]: each
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    for each in yaml.safe_load_all(block)
}


def pod() -> dict[str, Any]:
    return MANIFESTS["Deployment"]["spec"]["template"]


def test_the_manifests_speak_of_one_and_the_same_pod():
    labels = pod()["metadata"]["labels"]
    (container,) = pod()["spec"]["containers"]

    assert MANIFESTS["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert MANIFESTS["Service"]["spec"]["selector"] == labels
    assert MANIFESTS["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert {mount["name"] for mount in container["volumeMounts"]} == {each["name"] for each in pod()["spec"]["volumes"]}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert [port["targetPort"] for port in MANIFESTS["Service"]["spec"]["ports"]] == list(ports)
    assert [f"EXPOSE {port}" in IMAGE for port in ports.values()] == [True]


def test_what_is_copied_into_the_image_is_no_repository_and_no_secret():
    left_out = set((ROOT / ".dockerignore").read_text("utf-8").split())
    assert {".git", ".env", "redkey.toml", "*.db*", ".venv*"} <= left_out
    runs = IMAGE.rpartition("\nFROM ")[2]
    assert ["COPY --from=build /opt/redkey /opt/redkey"] == re.findall(r"^(?:COPY|ADD) .*", runs, re.MULTILINE)


def test_user_and_group_are_those_of_the_image():
    security = pod()["spec"]["securityContext"]

    assert f"USER {security['runAsUser']}:{security['runAsGroup']}\n" in IMAGE
    assert f"user and group {security['runAsUser']}" in PAGE


async def test_what_the_probes_ask_is_answered():
    (container,) = pod()["spec"]["containers"]
    async with website() as site:
        for probe in ("livenessProbe", "readinessProbe"):
            assert (await site.client.get(container[probe]["httpGet"]["path"])).status_code == 200


@pytest.mark.parametrize("well", [True, False])
async def test_the_health_check_of_the_image_tells_a_bot_that_answers_from_one_that_does_not(well):
    words = json.loads(re.search(r"HEALTHCHECK .*?CMD (\[.*?\])\n", IMAGE, re.DOTALL)[1])
    async with website() as site:
        port = str(site.client.base_url.port) if well else "1"
        process = await asyncio.create_subprocess_exec(
            sys.executable, *words[1:], env={"REDKEY_WEB__PORT": port}, stderr=subprocess.DEVNULL
        )
        assert (await process.wait() == 0) is well


def test_compose_starts_replicas_that_differ_in_nothing_but_the_port():
    services = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
    postgres = services.pop("postgres")
    bots = [{key: value for key, value in each.items() if key != "ports"} for each in services.values()]

    assert "healthcheck" in postgres
    assert [bot == bots[0] for bot in bots] == [True, True]
    assert bots[0]["read_only"]
    assert len({tuple(each["ports"]) for each in services.values()}) == 2
