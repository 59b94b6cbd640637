"""Lists the files of an archive, with what each is."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from stream_worker.replay.files import Files, in_words
from stream_worker.replay.records import ArchiveKind, File, Problem

__all__ = ["Listed", "kind_of", "listed", "made_at", "without_extension"]

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


def listed(
    paths: Sequence[str], kind: ArchiveKind | None, files: Files, without: Sequence[str] = ()
) -> Iterator[Listed | Problem]:
    """Yield the files that paths mean, each once, and what cannot be listed or is not of an archive.

    Args:
        paths: as `plan` takes them.
        kind: of all files; where None, their extensions say.
        files: where they are.
        without: files and folders to pass over, with all below them, wherever they are named.
    """
    seen: set[str] = set()
    is_left_out = _below_any(without)
    wrong: list[Problem] = []

    def failed(path: str, error: Exception) -> None:
        wrong.append(Problem(path=path, offset=0, words=in_words(error)))

    for path in paths:
        for below, file in files.find(path, failed):
            direct = file.path == path.removeprefix("file://")
            same = file.path if "://" in file.path else str(Path(file.path).absolute())
            if same in seen or (not direct and _is_hidden(below)) or is_left_out(file.path):
                continue
            seen.add(same)
            yield _checked(file, kind, below, direct)
    yield from wrong


def made_at(place: str) -> Sequence[str]:
    """Return what a replay to a place makes: there, beside it, and while it is under way."""
    place = place.rstrip("/")
    stem, _, suffix = place.rpartition(".")
    beside = [f"{stem}.dead_letters.{suffix}", f"{stem}.summary.json", f"{stem}.histogram.png"]
    return [place, f"{place}.partial", *(beside if suffix in {"parquet", "jsonl"} else ())]


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


def _below_any(places: Sequence[str]) -> Callable[[str], bool]:
    """Return what tells whether a file is one of some places, or below one."""
    named = {_real(place) for place in places}
    if not named:
        return lambda _: False
    folders = tuple(f"{place}/" for place in named)
    return lambda path: (real := _real(path)) in named or real.startswith(folders)


def _real(path: str) -> str:
    """Return what a path is, however it is written; links are followed."""
    path = path.removeprefix("file://")
    return f"blob://{path.partition('://')[2]}".rstrip("/") if "://" in path else os.path.realpath(path)


def _is_hidden(below: str) -> bool:
    return any(part.startswith((".", "_")) for part in below.split("/"))
