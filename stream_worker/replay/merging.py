"""Merges files that are each in order by number, a whole chunk at a time where no other file has numbers between."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush, heapreplace
from itertools import islice
from operator import lt
from typing import Any, NamedTuple

from scoring import Event
from stream_worker.replay.problems import Problems
from stream_worker.replay.records import Problem

__all__ = ["Chunk", "Merge", "Reel", "Taken"]


class Chunk(NamedTuple):
    """Consecutive events of a file.

    Attributes:
        offset: where their block begins in the file.
        skipped: how many events of the block stand before them.
        events: in the order of the file, each with a position; one or more.
        size: about how many bytes the whole block takes in memory.
    """

    offset: int
    skipped: int
    events: Sequence[Event]
    size: int = 0


class Reel:
    """A file while it is being read: what has come of it and has not been taken.

    Attributes:
        index: of the file, by which it is known in a cursor.
    """

    def __init__(self, index: int, feed: Iterator[Chunk | Problem]) -> None:
        self.index = index
        self._feed = feed
        self._chunk: Chunk | None = None
        self._numbers: list[int] = []
        self._at = 0
        self._stop = 0

    @property
    def number(self) -> int:
        """The next event's."""
        return self._numbers[self._at]

    @property
    def size(self) -> int:
        """About how many bytes are held of it."""
        return 0 if self._chunk is None else self._chunk.size

    @property
    def place(self) -> list[int]:
        """Where to go on: the file, the block, and how many of its events are done."""
        chunk = self._held
        return [self.index, chunk.offset, chunk.skipped + self._at]

    def advance(self, problems: Problems) -> bool:
        """Make sure that there is a next event; return whether there is one."""
        while self._chunk is None or self._at == len(self._numbers):
            self._chunk = None  # before the next is made: it takes memory
            found = next(self._feed, None)
            if found is None:
                return False
            if isinstance(found, Problem):
                problems.append(found)
                continue
            self._chunk, self._at, self._stop = found, 0, 0
            self._numbers = [event.position.offset for event in found.events if event.position is not None]
        if self._at == self._stop:
            self._stop = _end_of_run(self._numbers, self._at)
        return True

    def take(self, below: int | None, room: int) -> Sequence[Event]:
        """Return the next event, and those after it that are in order and have numbers below `below`."""
        start, stop = self._at, min(self._stop, self._at + room)
        if below is not None and self._numbers[stop - 1] >= below:
            stop = max(start + 1, bisect_left(self._numbers, below, start, stop))
        self._at = stop
        return self._held.events[start:stop]

    def close(self) -> None:
        """Close the file."""
        close: Any = getattr(self._feed, "close", None)
        if close is not None:
            close()

    @property
    def _held(self) -> Chunk:
        if self._chunk is None:
            raise RuntimeError("nothing has been read yet")
        return self._chunk


class Taken(NamedTuple):
    """Events out of one file.

    Attributes:
        events: one or more, their numbers ascending.
        file: its index, by which it is known in a cursor.
        offset: where their block begins in it.
    """

    events: Sequence[Event]
    file: int
    offset: int


class Merge:
    """Takes events from several files, always from where the lowest number is."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Reel]] = []

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def number(self) -> int:
        """The lowest number that is to be had, where there is a file."""
        return self._heap[0][0]

    @property
    def size(self) -> int:
        """About how many bytes are held of all files."""
        return sum(reel.size for _, _, reel in self._heap)

    @property
    def places(self) -> list[list[int]]:
        """Where to go on in each file."""
        return sorted(reel.place for _, _, reel in self._heap)

    def add(self, reel: Reel, problems: Problems) -> None:
        """Read a file, too."""
        if reel.advance(problems):
            heappush(self._heap, (reel.number, reel.index, reel))

    def take(self, below: int | None, room: int, problems: Problems) -> Taken:
        """Return the next events; as many as stand together before those of another file, and at most `room`.

        Args:
            below: where the next file begins that is not read yet.
            room: one or more.
            problems: is told what goes wrong.
        """
        reel = self._heap[0][2]
        others = [number for number, _, _ in islice(self._heap, 1, 3)]
        if below is not None:
            others.append(below)
        offset = reel.place[1]
        events = reel.take(min(others, default=None), room)
        if reel.advance(problems):
            heapreplace(self._heap, (reel.number, reel.index, reel))
        else:
            heappop(self._heap)
        return Taken(events, reel.index, offset)

    def close(self) -> None:
        """Close all files."""
        for _, _, reel in self._heap:
            reel.close()


def _end_of_run(numbers: Sequence[int], start: int) -> int:
    """Return where the numbers stop ascending."""
    if not start and all(map(lt, numbers, islice(numbers, 1, None))):
        return len(numbers)
    stop = start + 1
    while stop < len(numbers) and numbers[stop - 1] < numbers[stop]:
        stop += 1
    return stop
