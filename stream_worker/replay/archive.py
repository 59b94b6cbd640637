"""An archive: from paths to groups that can be read independently of each other, and from a group to its portions.

Rules:
- A plan reads names, sizes and the footers of Parquet files, and nothing else.
- The same archive gives the same plan: groups stand in the natural order of their paths, 2 before 10.
- What cannot be read is a problem, never an error: the rest of the archive is planned.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from scoring import Manifest
from stream_worker.replay.capture import read_capture
from stream_worker.replay.files import Files, StorageOptions
from stream_worker.replay.grouping import RANGE_BYTES, Grouping
from stream_worker.replay.jsonl import read_jsonl
from stream_worker.replay.limits import Limits
from stream_worker.replay.listing import listed
from stream_worker.replay.parquet import Wanted, read_parquet
from stream_worker.replay.patterns import Pattern
from stream_worker.replay.records import ArchiveKind, Cursor, File, Group, Portion, Problem

__all__ = ["RANGE_BYTES", "Plan", "plan", "read"]

_HERE = StorageOptions()
_USUAL = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an archive consists of.

    Attributes:
        groups: in their order.
        problems: what cannot be read, and is in no group.
        files: those of the groups.
    """

    groups: Sequence[Group]
    problems: Sequence[Problem]
    files: Sequence[File]


def plan(
    paths: Sequence[str],
    *,
    kind: ArchiveKind | None = None,
    pattern: str | None = None,
    stream: str | None = None,
    storage: StorageOptions = _HERE,
    range_bytes: int = RANGE_BYTES,
    only: Collection[str] | None = None,
    without: Sequence[str] = (),
) -> Plan:
    """Return the groups of an archive.

    Args:
        paths: files, folders (with all below them), or patterns with `*`, `?`, `[...]` and `**`; local, or in a blob
            container as `abfs://container/path`. What begins with '.' or '_' is passed over, unless a path is its own.
        kind: of all files; where None, their extensions say.
        pattern: how the paths of Capture files are made, such as `{EventHub}/{PartitionId}/{Year}-{Month}-{Day}`;
            None or `default` is Azure's own.
        stream: the topic or hub that the events stood in, whatever the paths say.
        storage: the account of the blob containers.
        range_bytes: about how much of a JSON Lines or Parquet file to put into a group.
        only: the files to take of those that there are; None takes all.
        without: files and folders to pass over, with all below them: where the output goes, if that is in the archive.

    Raises:
        ConfigurationError: a path, the pattern or the storage account is none; says what was expected.
    """
    grouping = Grouping(Pattern(pattern), stream, range_bytes)
    with Files(storage) as files:
        for item in listed(paths, kind, files, without):
            if only is None or isinstance(item, Problem) or item.file.path in only:
                grouping.add(item)
        groups = grouping.groups(files)
    seen = {file.path: file for group in groups for file in group.files}
    return Plan(groups=groups, problems=grouping.problems, files=list(seen.values()))


def read(
    group: Group,
    *,
    manifest: Manifest,
    cursor: Cursor | None = None,
    storage: StorageOptions = _HERE,
    limits: Limits = _USUAL,
    column: str | None = None,
) -> Iterator[Portion]:
    """Yield a group's records, `PORTION` of them at a time.

    A group without records or problems yields nothing. Close the iterator where it is not read to its end.

    Args:
        group: of a plan.
        manifest: names the features, for archives that have them as columns.
        cursor: of the portion to go on after; None begins at the start.
        storage: the account of the blob containers.
        limits: bounds on what is held at once.
        column: of a Parquet file, the one that holds the event; where None, `value`, `body` or `Body`.
    """
    with Files(storage) as files:
        if group.kind == "capture":
            yield from read_capture(group, files, cursor, limits)
        elif group.kind == "jsonl":
            yield from read_jsonl(group, files, cursor, limits)
        else:
            yield from read_parquet(group, files, cursor, Wanted(manifest=manifest, limits=limits, column=column))
