"""What is built for `pipx install` is whole, and the same each time it is built."""

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Built twice, in two places, at what it takes for two times."""
    return [_built(tmp_path_factory.mktemp("wheel")) for _ in range(2)]


def _built(folder: Path) -> Path:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(
        build, cwd=ROOT, env=os.environ | {"SOURCE_DATE_EPOCH": "1764000000"}, capture_output=True, check=True
    )
    return next(folder.glob("*.whl"))


def test_a_wheel_built_twice_is_the_same_to_the_byte(wheels):
    assert len({hashlib.sha256(wheel.read_bytes()).digest() for wheel in wheels}) == 1


def test_the_wheel_holds_every_file_that_the_packages_read(wheels):
    inside = set(zipfile.ZipFile(wheels[0]).namelist())
    listed = subprocess.run(
        ["git", "ls-files", "bot", "handlers", "platforms", "storage", "sandbox"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip

    assert set(listed) <= inside


def test_commands_work_from_the_unpacked_wheel_alone(wheels, tmp_path):
    zipfile.ZipFile(wheels[0]).extractall(tmp_path / "installed")
    env = os.environ | {"PYTHONPATH": str(tmp_path / "installed")}

    def redkey(*words: str) -> str:
        ran = subprocess.run(
            [sys.executable, "-P", "-m", "bot", *words],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout

    assert redkey("--version").startswith("redkey 0.")
    assert redkey("keys", "new").startswith("k1:")
    assert "display_information:" in redkey("manifest")


def test_the_bill_of_materials_names_everything_that_is_installed_with_its_hashes_and_is_the_same_each_time():
    spec = importlib.util.spec_from_file_location("_sbom", ROOT / "scripts" / "_sbom.py")
    sbom = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sbom)
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    told = sbom.bill(lock, project)

    assert told == sbom.bill(lock, project)
    parts = {part["bom-ref"]: part for part in told["components"]}
    assert len(parts) == len(told["components"]) == len(re.findall(r"^\S+==", lock, re.MULTILINE)) > 40
    assert sum(len(part["hashes"]) for part in parts.values()) == lock.count("--hash=sha256:")
    assert all(part["hashes"] for part in parts.values())
    known = {*parts, told["metadata"]["component"]["bom-ref"]}
    assert [d["ref"] for d in told["dependencies"] if not {d["ref"], *d["dependsOn"]} <= known] == []
    direct = next(d["dependsOn"] for d in told["dependencies"] if d["ref"].startswith("pkg:generic/redkey@"))
    assert len(direct) == len(project["dependencies"])
    assert parts[next(ref for ref in parts if "/slack-bolt@" in ref)]["licenses"]
