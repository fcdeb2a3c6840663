"""What processes have had of the processors: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html."""

import os
from collections.abc import Iterable
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid: int) -> float:
    """Seconds of both kinds, of all its threads."""
    return sum(_times(pid)[:2])


def family(pid: int) -> float:
    """The same, with its children, those that have ended too."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(_times(pid)) + sum(map(cpu, _living(map(int, children))))


def parent(pid: int) -> int:
    return int(_fields(pid)[1])


def _times(pid: int) -> list[float]:
    return [int(each) / _TICK for each in _fields(pid)[11:15]]


def _fields(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _living(pids: Iterable[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}/stat").exists()]
