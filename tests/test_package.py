"""What is built for `pipx install` is whole, and the same each time it is built."""

import hashlib
import os
import subprocess
import sys
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
