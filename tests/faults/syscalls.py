"""SIGKILL at any write of SQLite's, with strace: inside a commit, where no hook of ours reaches."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import mortal

WRITES = "pwrite64,fdatasync,fsync,ftruncate,unlink"


@cache
def can_trace() -> bool:
    """Whether there is a strace, and whether it may look at another process: many containers forbid it."""
    if shutil.which("strace") is None:
        return False
    with subprocess.Popen(["sleep", "60"]) as other:
        tracer = subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-p", str(other.pid)], stderr=subprocess.DEVNULL)
        try:
            tracer.wait(0.5)  # where it is forbidden, it gives up at once
        except subprocess.TimeoutExpired:
            tracer.kill()
            tracer.wait()
            return True
        finally:
            other.kill()
    return False


@asynccontextmanager
async def killed_by_syscall(fate: mortal.Fate, nth: int) -> AsyncIterator[None]:
    """SIGKILL as the bot's nth write to its SQLite file begins, from wherever the database is in the middle of."""
    while not fate.pid():  # noqa: ASYNC110 - it is about to be forked
        await asyncio.sleep(0.002)
    told = ["-qq", "-f", "-o", "/dev/null", "-e", f"trace={WRITES}", "-e", f"inject={WRITES}:signal=KILL:when={nth}"]
    tracer = await asyncio.create_subprocess_exec(
        "strace", *told, "-p", str(fate.pid()), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        while not _is_traced(fate.pid()) and tracer.returncode is None:  # noqa: ASYNC110 - some containers forbid it
            await asyncio.sleep(0.002)
        yield
    finally:
        await tracer.wait()


def _is_traced(pid: int) -> bool:
    return "TracerPid:\t0\n" not in Path(f"/proc/{pid}/status").read_text()
