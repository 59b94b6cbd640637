"""A group from its first record to its last: read, score, write down, portion by portion.

Rules:
- Reading, scoring and writing each have a thread; none is more than a portion ahead of the next. Nothing queues.
- What the journal has is never made again, and what it has not is made again from the last part's end, to the same
  bytes. So this may end anywhere, by any means, and be called again.
"""

import os
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial, reduce
from typing import NamedTuple, Protocol, cast

from scoring import Pipeline, Rejected
from stream_worker.replay.ahead import ahead
from stream_worker.replay.answers import Answered, answer, spread_of
from stream_worker.replay.journal import NOTHING, Entry, Journal
from stream_worker.replay.memory import peak_memory
from stream_worker.replay.parts import Destination
from stream_worker.replay.records import Cursor, Group, Portion, Problem
from stream_worker.replay.selection import Selection
from stream_worker.replay.tally import Tally
from telemetry import NullSlices, SliceFacts, SliceObserver

__all__ = ["TOLD", "Progress", "ReadGroup", "progress_of", "replay_group"]

_UNWATCHED = NullSlices()
TOLD = 20
"""Problems of a group that are told while it is replayed."""


class Progress(NamedTuple):
    """How far a group is, from its beginning and over all runs.

    Attributes:
        group: its number.
        bytes_read: of its files.
        records: so far.
        dead_letters: so far.
        problems: so far.
        process: who is at it; 0 is nobody.
        peak_memory: the most bytes that this process has had resident.
        told: the first of its problems.
    """

    group: int
    bytes_read: int = 0
    records: int = 0
    dead_letters: int = 0
    problems: int = 0
    process: int = 0
    peak_memory: int = 0
    told: Sequence[Problem] = ()


class ReadGroup(Protocol):
    """Reads a group."""

    def __call__(self, group: Group, *, cursor: Cursor | None) -> Iterator[Portion]:
        """Yield its portions from a cursor on; None is its beginning. What is yielded from can be closed."""
        ...


def progress_of(group: Group, entries: Sequence[Entry]) -> Progress:
    """Return how far a journal's entries say that a group is; nobody is at it."""
    standing = reduce(Entry.__add__, entries, NOTHING)
    return _progress(group, standing.tally, standing.bytes_read)._replace(process=0, peak_memory=0)


def replay_group(
    group: Group,
    *,
    read: ReadGroup,
    pipeline: Pipeline,
    destination: Destination,
    journal: Journal,
    selection: Selection,
    observer: SliceObserver = _UNWATCHED,
) -> Generator[Progress]:
    """Score a group from where its journal ends, and yield how far it is after each portion.

    Closed before its end, it finishes nothing: what the journal has not is for the next run.

    Raises:
        ConfigurationError: the archive does not keep what the selection decides by.
        SinkError: the answers, or the journal, cannot be written.
    """
    before = journal.standing(repair=True)
    if before.is_last:
        return
    done, number, part = before.tally, before.parts, Tally()
    begun = time.time_ns()
    told = partial(_slice, group=group.name, model=pipeline.manifest.reference)
    cursor: Cursor = before.cursor
    bytes_read, spread = before.bytes_read, spread_of(pipeline.manifest)
    portions = cast("Generator[Portion]", read(group, cursor=cursor if number else None))
    try:
        with closing(ahead(_answers(group, ahead(portions, "reading"), pipeline, selection), "scoring")) as answers:
            for answered in answers:
                too_large = destination.keep(group, answered)
                part += _settled(answered.tally(spread), too_large)
                cursor, bytes_read = answered.cursor, answered.portion.bytes_read
                if destination.is_full:
                    files = destination.finish_part(group, number)
                    journal.append(_entry(number, cursor, bytes_read, part, files))
                    observer.finished(facts := told(part, begun, number=number))
                    begun = facts.end
                    done, part, number = done + part, Tally(), number + 1
                yield _progress(group, done + part, bytes_read)
                if answered.is_last:
                    break
        files = destination.finish_part(group, number)
        journal.append(_entry(number, cursor, bytes_read, part, files, is_last=True))
        observer.finished(told(part, begun, number=number))
    finally:
        destination.drop()


def _slice(part: Tally, begun: int, *, group: str, number: int, model: str) -> SliceFacts:
    """Return the facts of a slice that ends now."""
    return SliceFacts(
        group=group,
        number=number,
        model=model,
        start=begun,
        end=time.time_ns(),
        records=part.records,
        predictions=part.predictions,
        dead_letters=sum(part.dead_letters.values()),
        problems=part.problems,
    )


def _answers(
    group: Group, portions: Generator[Portion], pipeline: Pipeline, selection: Selection
) -> Generator[Answered]:
    with closing(portions):
        for portion in portions:
            yield answer(group, portion, pipeline, selection)


def _settled(tally: Tally, too_large: Sequence[Rejected]) -> Tally:
    """Count predictions that a stream would not take as the dead letters that they became."""
    if not too_large:
        return tally
    return tally + Tally(predictions=-len(too_large), dead_letters={too_large[0].code: len(too_large)})


def _entry(
    number: int, cursor: Cursor, bytes_read: int, tally: Tally, files: Mapping[str, int], *, is_last: bool = False
) -> Entry:
    return Entry(
        number=number, cursor=dict(cursor), bytes_read=bytes_read, tally=tally, files=dict(files), is_last=is_last
    )


def _progress(group: Group, tally: Tally, bytes_read: int) -> Progress:
    letters = sum(tally.dead_letters.values())
    return Progress(
        group=group.number,
        bytes_read=bytes_read,
        records=tally.records,
        dead_letters=letters,
        problems=tally.problems,
        process=os.getpid(),
        peak_memory=peak_memory(),
        told=tally.shown[:TOLD],
    )
