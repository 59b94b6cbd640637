"""What a benchmark ran on: figures mean little without it."""

import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from shutil import which
from typing import Any

import psutil

__all__ = ["machine"]


def machine(*packages: str) -> dict[str, Any]:
    """Return the machine, and the versions of Python, Java (where it is there) and these packages."""
    java = (
        subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr if which("java") else ""
    )
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "java": java.partition("\n")[0],
        "packages": {name: version(name) for name in packages},
    }
