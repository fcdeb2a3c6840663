"""Keeps what is in this process's memory from the disk and from other programs: tokens and keys lie there in the clear."""

import contextlib
import ctypes
import sys

PR_SET_DUMPABLE = 4  # https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html


def keep_memory_private() -> None:
    """No core dumps; on Linux no debugger of the same user and no reading of /proc/PID/mem or environ either."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - there is none on Windows

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
