"""The demo cleans up after itself."""

import signal
import subprocess
import sys
from pathlib import Path


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
