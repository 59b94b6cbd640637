"""Azurite's JavaScript: npm installs it once, into a cache outside the repository."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

__all__ = ["azurite_program", "missing_tools"]

_HERE = Path(__file__).parent
_LOCK = _HERE / "package-lock.json"
_PROGRAM = Path("node_modules", "azurite", "dist", "src", "blob", "main.js")
_DOWNLOAD_SECONDS = 280  # below pytest's own limit, so that npm's words are shown


def missing_tools() -> str:
    """Say what stands in the way of running Azurite here; empty where nothing does."""
    if not shutil.which("node"):
        return "Azurite needs Node.js 20 or newer (node)"
    if not _folder().exists() and not shutil.which("npm"):
        return "Azurite's packages need npm to fetch them once"
    return ""


def azurite_program() -> Path:
    """Return the program to give to node, having it fetched if it is not there yet.

    Raises:
        RuntimeError: npm could not fetch it; the text ends with what it said.
    """
    folder = _folder()
    if not folder.exists():
        _fetch(folder)
    return folder / _PROGRAM


def _folder() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    lock = _LOCK.read_bytes()
    version = json.loads(lock)["packages"]["node_modules/azurite"]["version"]
    # The digest makes any change of the lock, not only a new version, fetch anew.
    return cache / "weir" / f"azurite-{version}-{hashlib.sha256(lock).hexdigest()[:8]}"


def _fetch(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as workshop:
        packages = Path(workshop, "packages")
        packages.mkdir()
        for name in ("package.json", _LOCK.name):
            shutil.copy(_HERE / name, packages)
        _install(packages)
        # One rename, so that an interrupted download is never taken for a finished one.
        try:
            packages.rename(folder)
        except OSError:
            if not folder.exists():  # else another run was quicker, with the same packages
                raise


def _install(target: Path) -> None:
    # No package may run anything of its own while it is installed.
    command = ["npm", "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        npm = subprocess.run(
            command,
            cwd=target,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_DOWNLOAD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"npm did not fetch Azurite within {_DOWNLOAD_SECONDS} s") from error
    if npm.returncode or not (target / _PROGRAM).exists():
        raise RuntimeError(f"npm could not fetch Azurite:\n{npm.stdout[-4000:]}")
