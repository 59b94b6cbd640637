"""Azurite's JavaScript: npm installs it once, into a cache outside the repository."""

import hashlib
import json
import shutil
from pathlib import Path

from tests.fetched import cache, fetch, install_packages

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
        fetch(folder, _fill)
    return folder / _PROGRAM


def _folder() -> Path:
    lock = _LOCK.read_bytes()
    version = json.loads(lock)["packages"]["node_modules/azurite"]["version"]
    # The digest makes any change of the lock, not only a new version, fetch anew.
    return cache() / f"azurite-{version}-{hashlib.sha256(lock).hexdigest()[:8]}"


def _fill(target: Path) -> None:
    said = install_packages(target, _LOCK, what="Azurite", seconds=_DOWNLOAD_SECONDS)
    if not (target / _PROGRAM).exists():
        raise RuntimeError(f"npm could not fetch Azurite:\n{said[-4000:]}")
