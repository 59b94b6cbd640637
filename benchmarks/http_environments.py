"""Virtual environments of the other servers: installed once from hash-locked requirements, outside the repository."""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["PEERS", "EnvironmentMissingError", "environment"]

PEERS = Path(__file__).with_name("peers")
_INSTALL_SECONDS = 600


class EnvironmentMissingError(Exception):
    """An environment could not be installed here; the text ends with what the installer said."""


def environment(name: str) -> Path:
    """Return the folder with the programs of a peer, having it installed if it is not there yet.

    Args:
        name: of a requirements file in `benchmarks/peers`.

    Raises:
        EnvironmentMissingError: it cannot be installed here.
    """
    requirements = PEERS / f"{name}.txt"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:8]
    folder = cache / "weir" / f"peer-{name}-{digest}"
    if not folder.exists():
        print(f"installing {name} into {folder}", flush=True)
        _install(requirements, folder)
    return folder / "bin"


def _install(requirements: Path, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="installing-") as workshop:
        made = Path(workshop, "environment")
        # its programs find their interpreter beside them, so that the folder may be moved
        _uv("venv", "--relocatable", "--python", sys.executable, str(made))
        _uv(
            *("pip", "install", "--require-hashes", "--python", str(made / "bin" / "python")),
            *("--requirement", str(requirements)),
        )
        # one rename, so that an interrupted installation is never taken for a finished one
        try:
            made.rename(folder)
        except OSError:
            if not folder.exists():  # else another run was quicker, with the same packages
                raise


def _uv(*arguments: str) -> None:
    command = [sys.executable, "-m", "uv", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise EnvironmentMissingError(f"not installed within {_INSTALL_SECONDS} s") from error
    if done.returncode:
        raise EnvironmentMissingError(done.stderr.strip()[-1000:])
