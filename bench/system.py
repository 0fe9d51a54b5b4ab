"""The operating system: cores, peak memory, and the environment of child processes.

Only the standard library is imported, so a process that measures its memory does not add to it.
"""

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Folder of the package bench.
ROOT = Path(__file__).resolve().parent.parent
STATUS = Path("/proc/self/status")
#: Bytes in a unit of `ru_maxrss`: macOS counts bytes, other systems count kilobytes.
MEMORY_UNIT = 1 if sys.platform == "darwin" else 1024


def peak_memory() -> int:
    """Return the largest resident memory of this process so far, in bytes."""
    # `ru_maxrss` starts at the memory of the parent process; VmHWM on Linux does not.
    for line in STATUS.read_text().splitlines() if STATUS.exists() else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MEMORY_UNIT


def cores() -> list[int]:
    """Return the numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


@contextmanager
def on_cores(n: int) -> Iterator[None]:
    """Bind processes started in this block to the last n cores, where the system supports it."""
    before = cores()
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    os.sched_setaffinity(0, before[-n:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def child_environment() -> dict[str, str]:
    """Return the environment for a child process, which can import bench from any working directory.

    Python writes bytecode in it: installed packages have theirs, so the first import is not representative.
    """
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    folders = [folder for folder in (os.environ.get("PYTHONPATH"), str(ROOT)) if folder]
    return variables | {"PYTHONPATH": os.pathsep.join(folders)}
