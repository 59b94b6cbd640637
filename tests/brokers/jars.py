"""Apache Kafka's server jars: Maven resolves them once, into a cache outside the repository."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

__all__ = ["missing_tools", "server_jars"]

_POM = Path(__file__).with_name("pom.xml")
_DOWNLOAD_SECONDS = 280  # below pytest's own limit, so that Maven's words are shown


def missing_tools() -> str:
    """Say what stands in the way of running Apache Kafka here; empty where nothing does."""
    if not shutil.which("java"):
        return "Apache Kafka needs Java 17 or newer"
    if not _folder().exists() and not shutil.which("mvn"):
        return "Apache Kafka's jars need Maven (mvn) to fetch them once"
    return ""


def server_jars() -> Path:
    """Return the folder with the server's jars, having them fetched if they are not there yet.

    Raises:
        RuntimeError: Maven could not fetch them; the text ends with what it said.
    """
    folder = _folder()
    if not folder.exists():
        _fetch(folder)
    return folder


def _folder() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    pom = _POM.read_bytes()
    version = re.search(rb"<kafka.version>(.+)</", pom)[1].decode()
    # The digest makes any change of the pom, not only a new version, fetch anew.
    return cache / "weir" / f"kafka-{version}-{hashlib.sha256(pom).hexdigest()[:8]}"


def _fetch(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as workshop:
        jars = Path(workshop, "jars")
        _copy_dependencies(jars)
        # One rename, so that an interrupted download is never taken for a finished one.
        try:
            jars.rename(folder)
        except OSError:
            if not folder.exists():  # else another run was quicker, with the same jars
                raise


def _copy_dependencies(target: Path) -> None:
    command = ["mvn", "--batch-mode", "--no-transfer-progress", "--file", str(_POM)]
    command += ["dependency:copy-dependencies", f"-DoutputDirectory={target}"]
    try:
        maven = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_DOWNLOAD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"Maven did not fetch Apache Kafka within {_DOWNLOAD_SECONDS} s") from error
    if maven.returncode:
        raise RuntimeError(f"Maven could not fetch Apache Kafka:\n{maven.stdout[-4000:]}")
