"""`python -m weir`, as a user runs it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def weir(*arguments, cwd, **environment):
    """Run the command line in a directory of its own, 100 columns wide and without colours."""
    plain = {"PYTHONPATH": str(ROOT), "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("WEIR", "FORCE_COLOR"))}
    return subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:weir", "-m", "weir", *map(str, arguments)],
        cwd=cwd,
        env=inherited | plain | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
