"""The demo cleans up after itself."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.demo import run_demo


def bots(demo: int) -> list[str]:
    """The processes that this demo has begun."""
    return Path(f"/proc/{demo}/task/{demo}/children").read_text(encoding="ascii").split()


def test_a_demo_that_is_told_to_end_leaves_no_bot_behind():
    call = [sys.executable, "-P", "-m", "bot", "demo"]
    with subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as demo:
        assert demo.stderr is not None
        demo.stderr.readline()  # it begins to connect: the bot runs
        begun = bots(demo.pid)
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(timeout=30) == 0

    assert begun
    assert not [pid for pid in begun if Path(f"/proc/{pid}").exists()]


def test_a_demo_whose_port_is_taken_says_so_in_one_line(capsys):
    with socket.create_server(("127.0.0.1", 0)) as there:
        port = there.getsockname()[1]
        assert run_demo(port, headless=True) == 1

    assert capsys.readouterr().err == f"redkey: port {port} is taken: name another one with --port, or leave it out\n"


@pytest.mark.sweep
def test_the_story_that_tells_itself_ends_well_on_every_platform():
    call = [sys.executable, "-P", "-m", "bot", "demo", "--headless"]
    told = subprocess.run(call, capture_output=True, text=True, check=False, timeout=110)

    assert told.returncode == 0, told.stdout[-2000:]
    assert "7 outages: noticed, reauthorized, caught up, verified" in told.stdout
