"""Lists the files of an archive, with what each is."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from stream_worker.replay.files import Files, in_words
from stream_worker.replay.records import ArchiveKind, File, Problem

__all__ = ["Listed", "kind_of", "listed", "without_extension"]

_KINDS: dict[str, ArchiveKind] = {
    ".avro": "capture",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".jsonl.gz": "jsonl",
    ".ndjson.gz": "jsonl",
    ".json.gz": "jsonl",
    ".parquet": "parquet",
}
_EXTENSIONS = "expected .avro, .jsonl, .ndjson or .json (also .gz), or .parquet; or say which kind it is"


class Listed(NamedTuple):
    """A file of an archive.

    Attributes:
        file: itself.
        kind: what it is read as.
        below: its place below the path that named it.
        direct: whether the path was its own.
    """

    file: File
    kind: ArchiveKind
    below: str
    direct: bool


def listed(paths: Sequence[str], kind: ArchiveKind | None, files: Files) -> Iterator[Listed | Problem]:
    """Yield the files that paths mean, each once, and what cannot be listed or is not of an archive.

    Args:
        paths: as `plan` takes them.
        kind: of all files; where None, their extensions say.
        files: where they are.
    """
    seen: set[str] = set()
    wrong: list[Problem] = []

    def failed(path: str, error: Exception) -> None:
        wrong.append(Problem(path=path, offset=0, words=in_words(error)))

    for path in paths:
        for below, file in files.find(path, failed):
            direct = file.path == path.removeprefix("file://")
            same = file.path if "://" in file.path else str(Path(file.path).absolute())
            if same in seen or (not direct and _is_hidden(below)):
                continue
            seen.add(same)
            yield _checked(file, kind, below, direct)
    yield from wrong


def kind_of(path: str) -> ArchiveKind | None:
    """Return what a file is by its extension."""
    name = path.rpartition("/")[2].lower()
    return next((kind for extension, kind in _KINDS.items() if name.endswith(extension)), None)


def without_extension(path: str) -> str:
    """Return a path without an extension that says what it is; any other stays."""
    extension = max((each for each in _KINDS if path.lower().endswith(each)), key=len, default="")
    return path[: len(path) - len(extension)]


def _checked(file: File, kind: ArchiveKind | None, below: str, direct: bool) -> Listed | Problem:
    found = kind or kind_of(file.path)
    if found is None:
        return Problem(path=file.path, offset=0, words=f"not a file of an archive: {_EXTENSIONS}")
    if not file.size:
        return Problem(path=file.path, offset=0, words="the file is empty: it has 0 bytes")
    return Listed(file, found, below, direct)


def _is_hidden(below: str) -> bool:
    return any(part.startswith((".", "_")) for part in below.split("/"))
