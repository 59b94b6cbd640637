"""Event Hubs Capture: the events of one partition, out of many Avro files, in the order of their sequence numbers.

Rules:
- Files are merged by sequence number. Which begins where is looked up first, so that each is opened when its turn comes
  and closed when it has been read.
- The open files share the memory that one block may take, whatever their blocks claim. Where it is half full, no
  further file is opened, and what it has comes out of order; where it is full, a block is a problem.
- In a merge, events that came twice stand beside each other: the first is kept, the others are counted. One that has
  the number of the event before it and another body is not the same event, and a problem: it is left out, for without
  an id of its own its prediction would pass for the other's.
- Nothing is dropped for being out of order: a number that is lower than the one before it is a problem, and is read.
- A cursor says which files have had their turn, and for each that is open which of its blocks comes next and how much
  of it is done.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from hashlib import blake2b
from typing import BinaryIO

from scoring import Event
from stream_worker.replay.avro import CODECS, DamageError, Header, read_header, walk
from stream_worker.replay.event_data import decoder, first_number
from stream_worker.replay.files import FAILURES, Files, in_words
from stream_worker.replay.limits import Limits
from stream_worker.replay.merging import Chunk, Merge, Reel, Taken
from stream_worker.replay.problems import Problems
from stream_worker.replay.records import PORTION, Cursor, File, Group, Portion, Problem
from stream_worker.replay.spans import Spans
from stream_worker.replay.spare import Spare

__all__ = ["read_capture"]

_DAMAGES: tuple[type[Exception], ...] = (DamageError, *FAILURES)
_KEPT_OPEN = 64  # further files are opened for each read, and have a smaller buffer
_RECORD_BYTES = 300  # that an event takes in memory beside its bytes
_HEAD_BYTES = 65_536
_UNKNOWN = -1  # of a file that cannot be read: it is opened first, and its problem told


def read_capture(group: Group, files: Files, cursor: Cursor | None, limits: Limits) -> Iterator[Portion]:
    """Yield a partition's events in the order of their sequence numbers, each once."""
    with closing(_Partition(group, files, cursor, limits)) as partition:
        while True:
            portion = partition.portion()
            if portion.events or portion.problems or portion.duplicates:
                yield portion
            if len(portion.events) < PORTION:
                return


class _Partition:
    """The files of one partition, read together."""

    def __init__(self, group: Group, files: Files, cursor: Cursor | None, limits: Limits) -> None:
        before: Cursor = cursor or {"last": None, "body": "", "begun": [], "open": [], "finished": 0}
        self._group = group
        self._files = files
        self._limits = limits
        self._problems = Problems()
        self._spare = Spare(limits)
        self._duplicates = 0
        self._last: int | None = before["last"]
        self._body: str = before["body"]
        self._begun = Spans(before["begun"])
        self._finished: int = before["finished"]
        self._waiting = deque(self._in_order())
        self._read_to: dict[int, int] = {}
        self._merge = Merge()
        for index, offset, done in before["open"]:
            self._merge.add(Reel(index, self._chunks(index, offset, done)), self._problems)

    def close(self) -> None:
        """Close all files."""
        self._merge.close()

    def portion(self) -> Portion:
        """Return the next portion, with fewer events than it could have at the end."""
        events: list[Event] = []
        while len(events) < PORTION and self._open_due():
            below = self._waiting[0][0] if self._waiting else None
            events += self._new(self._merge.take(below, PORTION - len(events), self._problems))
        self._spare.renew()
        duplicates, self._duplicates = self._duplicates, 0
        return Portion(
            events=events,
            cursor=self._cursor(),
            problems=self._problems.take(),
            bytes_read=self._finished + sum(self._read_to.values()),
            duplicates=duplicates,
        )

    def _cursor(self) -> Cursor:
        return {
            "last": self._last,
            "body": self._body,
            "begun": self._begun.as_lists(),
            "open": self._merge.places,
            "finished": self._finished,
        }

    def _open_due(self) -> bool:
        """Open the files whose turn has come; return whether there is anything to take."""
        while self._waiting and (not self._merge or self._is_due(self._waiting[0][0])):
            _, index = self._waiting.popleft()
            self._begun.add(index)
            self._merge.add(Reel(index, self._chunks(index)), self._problems)
        return bool(self._merge)

    def _is_due(self, start: int) -> bool:
        return start <= self._merge.number and self._held() < self._limits.max_block_bytes // 2

    def _held(self) -> int:
        """Return about how many bytes the open files take."""
        return self._merge.size + _HEAD_BYTES * max(0, len(self._merge) - _KEPT_OPEN)

    def _room(self, count: int) -> int:
        """Return how many bytes the next block may have, with so many records, beside what the other files hold."""
        held = self._merge.size
        most = self._limits.max_block_bytes
        return max(1, most - held - _RECORD_BYTES * count) if held else most

    def _new(self, taken: Taken) -> Sequence[Event]:
        """Return the events that have not come before."""
        events, index, offset = taken
        first = _number(events[0])
        if self._last is not None and first < self._last:
            words = f"out of order: sequence number {first} comes after {self._last}; it was read all the same"
            self._problems.append(Problem(path=self._group.files[index].path, offset=offset, words=words))
        elif first == self._last and _digest(events[0]) == self._body:
            self._duplicates += 1
            events = events[1:]
        elif first == self._last:
            words = (
                f"sequence number {first} came before with another body: was the hub made anew? It was passed over; "
                "replay the files from before and from after one by one"
            )
            self._problems.append(Problem(path=self._group.files[index].path, offset=offset, words=words))
            events = events[1:]
        if events:
            self._last, self._body = _number(events[-1]), _digest(events[-1])
        return self._with_room(events, taken)

    def _with_room(self, events: Sequence[Event], taken: Taken) -> Sequence[Event]:
        """Return events without those that are too large to be held beside each other."""
        kept: list[Event] = []
        sizes = [len(event.value or b"") for event in events]
        while (place := self._spare.first_without(sizes)) is not None:
            path, words = self._group.files[taken.file].path, self._spare.words(sizes[place])
            self._problems.append(Problem(path=path, offset=taken.offset, words=words))
            kept += events[:place]
            events, sizes = events[place + 1 :], sizes[place + 1 :]
        return [*kept, *events] if kept else events

    def _chunks(self, index: int, offset: int = 0, done: int = 0) -> Iterator[Chunk | Problem]:
        """Yield a file's events, block by block, from a block on and without the first `done` of its events."""
        file, why = self._group.files[index], None
        self._read_to[index] = offset
        try:
            with self._open(file) as source:
                header = _header(source)
                decode = decoder(header.schema, self._group.stream, self._group.partition)
                start = offset or header.size
                for block in walk(source, header, decode, start=start, limits=self._limits, room=self._room):
                    self._read_to[index] = block.end
                    resumed = block.offset == offset  # whose damage has been told
                    if block.damage is not None and not resumed:
                        yield Problem(path=file.path, offset=block.offset, words=block.damage)
                    events = (block.content or ())[done if resumed else 0 :]
                    if events:
                        size = block.size + _RECORD_BYTES * block.count
                        yield Chunk(block.offset, done if resumed else 0, events, size)
        except _DAMAGES as error:
            why = _why(error)
        ending = self._files.ending(file, self._read_to[index], why)
        if ending is not None:
            yield ending
        del self._read_to[index]
        self._finished += file.size

    def _open(self, file: File) -> BinaryIO:
        if len(self._merge) < _KEPT_OPEN:
            return self._files.open(file)
        return self._files.open(file, buffer=_HEAD_BYTES, lasting=False)

    def _in_order(self) -> list[tuple[int, int]]:
        """Return the files that have not had their turn, by their first sequence numbers."""
        todo = [index for index in range(len(self._group.files)) if index not in self._begun]
        chosen = [self._group.files[index] for index in todo]
        starts = [_UNKNOWN] if len(self._group.files) == 1 and todo else self._files.each(self._start, chosen)
        found: list[tuple[int, int]] = []
        for start, index in zip(starts, todo, strict=True):
            if start is not None:
                found.append((start, index))
            else:  # it has no events
                self._begun.add(index)
                self._finished += self._group.files[index].size
        return sorted(found)

    def _start(self, file: File) -> int | None:
        """Return a file's first sequence number, None where it has no events."""
        damaged = False
        try:
            with self._files.open(file, buffer=_HEAD_BYTES) as source:
                header = _header(source)
                for block in walk(source, header, first_number(header.schema), start=header.size, limits=self._limits):
                    if block.content is not None:
                        return block.content
                    damaged = damaged or block.damage is not None
        except _DAMAGES:
            return _UNKNOWN
        return _UNKNOWN if damaged else None


def _header(source: BinaryIO) -> Header:
    header = read_header(source)
    if header.codec not in CODECS:
        raise DamageError(f"its blocks are compressed by {header.codec}; expected {', '.join(CODECS)}")
    return header


def _digest(event: Event) -> str:
    """Return what tells a body from another; a cursor has it."""
    return "" if event.value is None else blake2b(event.value, digest_size=16).hexdigest()


def _number(event: Event) -> int:
    return event.position.offset if event.position is not None else _UNKNOWN


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, DamageError) else f"cannot be read from here on: {in_words(error)}"
