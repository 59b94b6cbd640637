"""How much memory this process has taken."""

import re
import resource
from pathlib import Path

__all__ = ["peak_memory"]

_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def peak_memory() -> int:
    """Return the most memory that this process has had resident, in bytes.

    Linux says it of the program alone; `getrusage` counts what the process was before it became this program, too.
    """
    status = Path("/proc/self/status")
    found = _PEAK.search(status.read_text()) if status.exists() else None
    return (int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * 1024
