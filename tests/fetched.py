"""What tests fetch once, into a cache outside the repository: Kafka's jars, and packages of npm."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["cache", "fetch", "install_packages", "run"]


def cache() -> Path:
    """Return the folder of the cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weir"


def fetch(folder: Path, fill: Callable[[Path], None]) -> None:
    """Make a folder of the cache, whole or not at all.

    Args:
        folder: the folder; its name changes with what it holds.
        fill: makes another one, whose path it is given, with all that belongs there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as workshop:
        made = Path(workshop, "made")
        fill(made)
        # One rename, so that an interrupted download is never taken for a finished one.
        try:
            made.rename(folder)
        except OSError:
            if not folder.exists():  # else another run was quicker, with the same things
                raise


def install_packages(target: Path, lock: Path, *, what: str, seconds: float) -> str:
    """Install what a lock file of npm names, and return what npm said.

    Raises:
        RuntimeError: npm could not; the text ends with what it said.
    """
    target.mkdir()
    for name in ("package.json", lock.name):
        shutil.copy(lock.with_name(name), target)
    # No package may run anything of its own while it is installed.
    options = ("--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error")
    return run(["npm", "ci", *options], program="npm", what=what, seconds=seconds, cwd=target)


def run(command: Sequence[str], *, program: str, what: str, seconds: float, cwd: Path | None = None) -> str:
    """Run a program that fetches something, and return what it said.

    Raises:
        RuntimeError: it failed, or took too long; the text ends with what it said.
    """
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{program} did not fetch {what} within {seconds} s") from error
    if done.returncode:
        raise RuntimeError(f"{program} could not fetch {what}:\n{done.stdout[-4000:]}")
    return done.stdout
