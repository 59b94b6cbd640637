"""An environment like the one that a function app gets: what the remote build installs, beside the platform's own part.

It is made once, in a cache outside the repository.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["runtime_python"]

ROOT = Path(__file__).parents[3]
_BUILT = ROOT / "requirements.txt"
_PLATFORM = ROOT / "requirements" / "functions-runtime.txt"
_INSTALL_SECONDS = 280  # below pytest's own limit, so that pip's words are shown


def runtime_python() -> Path:
    """Return the environment's interpreter, having it made if it is not there yet.

    Raises:
        RuntimeError: it could not be made; the text ends with what pip said.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weir"
    locked = _BUILT.read_bytes() + _PLATFORM.read_bytes() + sys.version.encode()
    folder = cache / f"functions-{hashlib.sha256(locked).hexdigest()[:12]}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _make(folder)
    return folder / "bin" / "python"


def _make(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="making-") as workshop:
        made = Path(workshop, "environment")
        _run(sys.executable, "-m", "venv", str(made))
        pip = (str(made / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        _run(*pip, "--require-hashes", "-r", str(_BUILT))
        # it says that it wants Python 3.13, and runs on 3.11
        _run(*pip, "--require-hashes", "--no-deps", "--ignore-requires-python", "-r", str(_PLATFORM))
        # One rename, so that an interrupted installation is never taken for a finished one.
        try:
            made.rename(folder)
        except OSError:
            if not folder.exists():  # else another run was quicker, with the same requirements
                raise


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{' '.join(command[1:4])} took longer than {_INSTALL_SECONDS} s") from error
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[1:4])} failed:\n{(done.stdout + done.stderr)[-4000:]}")
