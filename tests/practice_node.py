"""Programs that others wrote for Node, kept running beside the tests: a line of JSON in, a line of JSON out."""

import asyncio
import json
import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "second_opinions"
OLDEST_NODE = 20
NEEDED_IN_CI = os.environ.get("CI", "").lower() not in {"", "0", "false"}


def missing(what):
    """Elsewhere these tests are skipped; in CI nothing is."""
    if NEEDED_IN_CI:
        pytest.fail(f"{what}, and CI asks for every test")
    pytest.skip(what)


def imported(module, package):
    """A vendor's own client, from the dependency group `opinions`."""
    try:
        return __import__(module, fromlist=["_"])
    except ModuleNotFoundError as error:
        if error.name != module.split(".", maxsplit=1)[0]:
            raise
        return missing(f"{package} is not installed: scripts/test installs it")


class Program:
    """One running Node program. `first` is the line it said when it was ready."""

    def __init__(self, process):
        self._process = process
        self.first = self._read()

    def _read(self):
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError("the Node program ended; what it said last stands in the captured stderr")
        return json.loads(line)

    def _asked(self, question):
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._read()

    async def ask(self, **question):
        return await asyncio.to_thread(self._asked, question)


@contextmanager
def running(script):
    """Start a program of tests/second_opinions. It ends when its standard input does, so it cannot outlive us."""
    node = _node()
    pipe = subprocess.PIPE
    env = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    with subprocess.Popen([node, FOLDER / script], stdin=pipe, stdout=pipe, text=True, env=env) as process:
        try:
            yield Program(process)
        finally:
            process.stdin.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def _node():
    node = shutil.which("node")
    if node is None:
        missing("node is not installed: the second opinions of oidc-provider and jsforce need it")
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(re.match(r"v(\d+)", said)[1]) < OLDEST_NODE:
        missing(f"node {said.strip()} is too old for the second opinions: {OLDEST_NODE} or newer is needed")
    lock, installed = FOLDER / "package-lock.json", FOLDER / "node_modules" / ".installed-package-lock.json"
    if not installed.is_file() or installed.read_bytes() != lock.read_bytes():
        missing("the Node packages of tests/second_opinions are not installed: scripts/test does that")
    return node
