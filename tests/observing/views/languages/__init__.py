"""Queries read by their languages' own parsers, which npm installs once, into a cache outside the repository.

KQL with Microsoft's language service, which knows each column of each table; PromQL with the grammar of Prometheus' own
editor; Bicep with tree-sitter's grammar. None of them runs a query.
"""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.fetched import cache, fetch, install_packages

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
        fetch(folder, _fill)
    command = ["node", str(_HERE / "reader.cjs"), str(folder)]
    node = subprocess.run(
        command, input=json.dumps(asked), capture_output=True, text=True, timeout=_READ_SECONDS, check=False
    )
    if node.returncode:
        raise RuntimeError(f"the queries could not be read:\n{node.stderr[-4000:]}")
    return json.loads(node.stdout)


def _folder() -> Path:
    # The digest makes any change of the lock fetch anew.
    return cache() / f"query-languages-{hashlib.sha256(_LOCK.read_bytes()).hexdigest()[:8]}"


def _fill(target: Path) -> None:
    install_packages(target, _LOCK, what="the languages' parsers", seconds=_DOWNLOAD_SECONDS)
