"""The greatest memory that a process has held."""

import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")
#: macOS counts bytes where others count kilobytes.
UNIT = 1 if sys.platform == "darwin" else 1024


def peak_memory() -> int:
    """Return the greatest resident memory of this process, in bytes.

    Examples
    --------
    >>> 10**6 < peak_memory() < 10**12
    True
    """
    # What the system counts for a process starts from its parent's memory; Linux also tells its own alone.
    for line in STATUS.read_text().splitlines() if STATUS.exists() else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT
