"""What the files of an archive keep of where their events stood: the number of each, and its partition."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from scoring import Manifest
from stream_worker.replay.files import FAILURES, Files, StorageOptions
from stream_worker.replay.footers import FooterError, read_footer
from stream_worker.replay.listing import without_extension
from stream_worker.replay.patterns import Pattern
from stream_worker.replay.records import File, Group
from stream_worker.replay.tables import MisfitError, shape_of

__all__ = ["Keeps", "Kept", "Looking", "kept_by"]

Keeps = Literal["nothing", "numbers", "places"]
"""Of where events stood; numbers are those of one partition, and nobody says which. A table's row number is none."""

_DAMAGES: tuple[type[Exception], ...] = (*FAILURES, pa.ArrowException, FooterError, MisfitError)


class Kept(NamedTuple):
    """What a file keeps of where its events stood.

    Attributes:
        path: the file's.
        places: what it keeps.
        keys: whether its events have keys.
    """

    path: str
    places: Keeps
    keys: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """How files are looked at.

    Attributes:
        manifest: names the features of a table.
        column: of a table, the one that holds the event; None is the usual one.
        pattern: how the paths of a Capture are made; None is Azure's own.
        storage: the account of the blob containers.
    """

    manifest: Manifest
    column: str | None
    pattern: str | None
    storage: StorageOptions


def kept_by(groups: Sequence[Group], looking: Looking) -> Iterator[Kept]:
    """Yield what each file keeps; a table that cannot be read is passed over.

    Raises:
        ConfigurationError: the pattern is none, or nothing says how to reach a file.
    """
    pattern = Pattern(looking.pattern)
    tables = [group.files[0] for group in groups if group.kind == "parquet" and not group.start]
    for group in groups:
        if group.kind == "capture":
            yield _of_path(group.files[0].path, pattern)
        elif group.kind == "jsonl":
            yield Kept(group.files[0].path, "nothing", keys=False)
    with Files(looking.storage) as files:
        yield from filter(None, files.each(lambda file: _of_table(file, files, looking), tables))


def _of_path(path: str, pattern: Pattern) -> Kept:

    says = "{PartitionId}" in pattern.text and pattern.match(without_extension(path)) is not None
    return Kept(path, "places" if says else "numbers", keys=True)


def _of_table(file: File, files: Files, looking: Looking) -> Kept | None:
    try:
        with files.open(file) as source:
            read_footer(source)  # pyarrow may end the process over a damaged one
            shape = shape_of(pq.read_schema(source), looking.manifest, looking.column)
    except _DAMAGES:
        return None  # the replay tells it
    numbers: Keeps = "numbers" if shape.partition is None else "places"
    return Kept(file.path, "nothing" if shape.offset is None else numbers, keys=shape.key is not None)
