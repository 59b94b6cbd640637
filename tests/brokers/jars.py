"""Apache Kafka's server jars: Maven resolves them once, into a cache outside the repository."""

import hashlib
import re
import shutil
from pathlib import Path

from tests.fetched import cache, fetch, run

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
        fetch(folder, _fill)
    return folder


def _folder() -> Path:
    pom = _POM.read_bytes()
    version = re.search(rb"<kafka.version>(.+)</", pom)[1].decode()
    # The digest makes any change of the pom, not only a new version, fetch anew.
    return cache() / f"kafka-{version}-{hashlib.sha256(pom).hexdigest()[:8]}"


def _fill(target: Path) -> None:
    command = ["mvn", "--batch-mode", "--no-transfer-progress", "--file", str(_POM)]
    command += ["dependency:copy-dependencies", f"-DoutputDirectory={target}"]
    run(command, program="Maven", what="Apache Kafka", seconds=_DOWNLOAD_SECONDS)
