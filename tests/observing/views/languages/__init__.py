"""Queries read by their languages' own parsers, which npm installs once, into a cache outside the repository.

KQL with Microsoft's language service, which knows each column of each table; PromQL with the grammar of Prometheus' own
editor; Bicep with tree-sitter's grammar. None of them runs a query.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["missing_tools", "read"]

_HERE = Path(__file__).parent
_LOCK = _HERE / "package-lock.json"
_DOWNLOAD_SECONDS = 200  # below pytest's own limit, so that npm's words are shown
_READ_SECONDS = 60


def missing_tools() -> str:
    """Say what stands in the way of reading queries here; empty where nothing does."""
    if not shutil.which("node"):
        return "reading queries needs Node.js 20 or newer (node)"
    if not _folder().exists() and not shutil.which("npm"):
        return "the languages' parsers need npm to fetch them once"
    return ""


def read(**asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was found in queries.

    Args:
        asked: `tables`, `kql`, `promql`, `bicep`, as `reader.cjs` takes them.
    """
    folder = _folder()
    if not folder.exists():
        _fetch(folder)
    command = ["node", str(_HERE / "reader.cjs"), str(folder)]
    node = subprocess.run(
        command, input=json.dumps(asked), capture_output=True, text=True, timeout=_READ_SECONDS, check=False
    )
    if node.returncode:
        raise RuntimeError(f"the queries could not be read:\n{node.stderr[-4000:]}")
    return json.loads(node.stdout)


def _folder() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    # The digest makes any change of the lock fetch anew.
    return cache / "weir" / f"query-languages-{hashlib.sha256(_LOCK.read_bytes()).hexdigest()[:8]}"


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
        raise RuntimeError(f"npm did not fetch the languages' parsers within {_DOWNLOAD_SECONDS} s") from error
    if npm.returncode:
        raise RuntimeError(f"npm could not fetch the languages' parsers:\n{npm.stdout[-4000:]}")
