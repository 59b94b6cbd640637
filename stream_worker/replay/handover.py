"""What the journal's folder keeps when a replay to a stream has ended, for who follows the live stream after it.

Rules:
- `replayed.json` and `summary.json` say what was scored, and where its partitions end. They are there when all is.
- `followed.json` is written before the group's first position is set. Without it, nobody has read on as the group.
"""

from collections.abc import Collection
from typing import TypeVar

import msgspec

from scoring.errors import ConfigurationError
from stream_worker.replay.folders import Folder
from stream_worker.replay.follow import SourceSettings
from stream_worker.replay.output import FOLLOWED, PLAN, REPLAYED, SUMMARY
from stream_worker.replay.premises import Premises
from stream_worker.replay.summary import Summary

__all__ = ["begun_with", "ends_of", "followed", "note_followed", "scored"]

T = TypeVar("T")


class _Followed(msgspec.Struct, frozen=True, kw_only=True):
    """As whom the live stream is followed."""

    kind: str
    stream: str
    group: str


def begun_with(work: Folder) -> Collection[str] | None:
    """Return the files of a replay that has been begun and not ended; None where there is none.

    An archive grows while it is scored. What has come since it was begun is read from the live stream.
    """
    plan = work.get(PLAN)
    try:
        return None if plan is None else msgspec.json.decode(plan, type=Premises).files.keys()
    except msgspec.DecodeError:
        return None  # of another version, which the replay says in words


def scored(work: Folder, now: Premises) -> Summary | None:
    """Return what an archive came to whose replay to a stream has ended; None where it has not.

    Args:
        work: the journal's folder.
        now: what a replay would depend on.

    Raises:
        ConfigurationError: it was the replay of something else.
    """
    summary, replayed = work.get(SUMMARY), work.get(REPLAYED)
    if summary is None or replayed is None or work.size(PLAN) is not None:
        return None
    before = _decoded(work, replayed, Premises)
    mistaken = before.mistaken_for(now)
    if mistaken:
        raise ConfigurationError(
            f"{work} is the journal of another replay: {'; '.join(mistaken)}. Pass --overwrite to score this archive, "
            "or name another --journal"
        )
    return _decoded(work, summary, Summary)


def ends_of(summary: Summary, stream: str) -> dict[int, int]:
    """Return the position of the last event of each partition of a stream; row numbers of a table are of none."""
    places = [(place.rpartition("/"), position) for place, position in summary.ends.items()]
    return {int(number): position for (name, _, number), position in places if name == stream}


def followed(work: Folder, source: SourceSettings) -> bool:
    """Return whether the archive has been followed.

    Raises:
        ConfigurationError: it has, as another group or on another stream.
    """
    kept = work.get(FOLLOWED)
    if kept is None:
        return False
    before, now = _decoded(work, kept, _Followed), _of(source)
    if before != now:
        raise ConfigurationError(
            f"the archive has been followed on {before.stream!r} as group {before.group!r}, and would be on "
            f"{now.stream!r} as {now.group!r}: what came since would be scored again. Go on as the former, or with "
            "`weir worker`"
        )
    return True


def note_followed(work: Folder, source: SourceSettings) -> None:
    """Keep in mind that the archive is being followed."""
    work.put(FOLLOWED, msgspec.json.encode(_of(source)))


def _of(source: SourceSettings) -> _Followed:
    return _Followed(kind=source.kind, stream=source.stream, group=source.group)


def _decoded(work: Folder, content: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise ConfigurationError(
            f"{work} was written by another version of Weir: name another --journal, or follow with `weir worker`"
        ) from error
