"""JSON Lines: each line's bytes are an event; a range of a file is the lines that begin in it.

Rules:
- Lines are split by C functions and not parsed: the pipeline decodes them.
- A cursor is the byte at which the next line begins, of the decompressed text where the file is compressed.
- A problem is told between the lines that it stands between, so that it is told once, wherever reading began.
"""

import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import repeat
from typing import BinaryIO, NamedTuple, cast

from scoring import Event
from stream_worker.replay.files import FAILURES, Files, in_words
from stream_worker.replay.limits import Limits
from stream_worker.replay.problems import Problems
from stream_worker.replay.records import PORTION, Cursor, Group, Portion, Problem

__all__ = ["is_compressed", "read_jsonl"]

_READ_BYTES = 1_048_576
_MARK = b"\xef\xbb\xbf"
_MAX_RATIO = 250  # JSON of machines seldom passes 50, a bomb reaches 1,000
_DAMAGES: tuple[type[Exception], ...] = (*FAILURES, EOFError, zlib.error)


class _Lines(NamedTuple):
    """Consecutive lines as they stand in the file, without their newlines, and the byte at which the first begins."""

    start: int
    raw: Sequence[bytes]


def is_compressed(path: str) -> bool:
    """Return whether a file is read through gzip."""
    return path.lower().endswith(".gz")


def read_jsonl(group: Group, files: Files, cursor: Cursor | None, limits: Limits) -> Iterator[Portion]:
    """Yield a range's lines as events, without keys or positions."""
    text = _Text(group, files, limits)
    events: list[Event] = []
    problems = Problems()
    for found in text.parts(None if cursor is None else int(cursor["offset"])):
        if isinstance(found, Problem):
            problems.append(found)
            continue
        for kept, after in _cut(found, PORTION - len(events)):
            events.extend(map(Event, kept))
            if len(events) == PORTION:
                yield _portion(events, problems, after, text)
                events = []
    if events or problems:
        yield _portion(events, problems, text.end, text)


def _portion(events: list[Event], problems: Problems, after: int, text: "_Text") -> Portion:
    read = text.bytes_read(after)
    return Portion(events=events, cursor={"offset": after}, problems=problems.take(), bytes_read=read)


def _cut(lines: _Lines, room: int) -> Iterator[tuple[Sequence[bytes], int]]:
    """Yield the lines that are not blank, `room` of them and then a portion's worth at a time.

    With each goes the byte at which the line after the last of them begins.
    """
    kept, places = _not_blank(lines)
    after, passed, taken = lines.start, 0, 0
    while taken < len(kept):
        part = kept[taken : taken + room]
        taken += len(part)
        upto = taken if places is None else places[taken - 1] + 1
        after += sum(map(len, lines.raw[passed:upto])) + upto - passed
        passed = upto
        yield part, after
        room = PORTION


def _not_blank(lines: _Lines) -> tuple[Sequence[bytes], Sequence[int] | None]:
    """Return the lines that hold something, without a carriage return, and their places; None where all lines do."""
    raw = lines.raw
    if not lines.start and raw[0].startswith(_MARK):
        raw = [raw[0].removeprefix(_MARK), *raw[1:]]
    kept = list(filter(bytes.strip, raw))
    places = None if len(kept) == len(raw) else [place for place, line in enumerate(raw) if line.strip()]
    if any(map(bytes.endswith, kept, repeat(b"\r"))):
        kept = list(map(bytes.removesuffix, kept, repeat(b"\r")))
    return kept, places


class _Text:
    """The text of one range, read once.

    Attributes:
        offset: where the next line begins that has not been yielded.
    """

    def __init__(self, group: Group, files: Files, limits: Limits) -> None:
        self.offset = group.start
        self._file = group.files[0]
        self._start = group.start
        self._stop = self._file.size if group.stop is None else group.stop
        self._zipped = is_compressed(self._file.path)
        self._files = files
        self._limits = limits
        self._raw_offset = 0

    @property
    def end(self) -> int:
        """How far reading has come in the range; no further than its end, wherever its last line ends."""
        return self.offset if self._zipped else min(self.offset, self._stop)

    def bytes_read(self, offset: int) -> int:
        """Return how much of the range has been read when `offset` has been reached."""
        return self._raw_offset if self._zipped else min(offset, self._stop) - self._start

    def parts(self, cursor: int | None) -> Iterator[_Lines | Problem]:
        """Yield the lines from the cursor on, and what is wrong between them."""
        why = None
        try:
            with ExitStack() as held:
                source = held.enter_context(self._files.open(self._file))
                text = held.enter_context(cast("BinaryIO", gzip.GzipFile(fileobj=source))) if self._zipped else source
                reader = _Reader(text, source, self._limits if self._zipped else None)
                for part in self._lines(reader, cursor):
                    self._raw_offset = reader.raw_offset
                    yield part
        except _DAMAGES as error:
            why = f"cannot be read from here on: {in_words(error)}"
        ending = self._files.ending(self._file, self.offset, why)
        if ending is not None:
            yield ending

    def _lines(self, reader: "_Reader", cursor: int | None) -> Iterator[_Lines | Problem]:
        rest = self._first_line(reader, cursor)
        while rest is not None and self._goes_on():
            data = reader.read()
            text = rest + data
            end = text.rfind(b"\n") + 1 if data else len(text)
            yield from self._split(self._inside(text[:end]))
            rest = text[end:] if data else None
            if rest and len(rest) > self._limits.max_event_bytes and self._goes_on():
                yield self._too_long()
                rest = self._after_line(reader, rest)

    def _goes_on(self) -> bool:
        return self._zipped or self.offset < self._stop

    def _first_line(self, reader: "_Reader", cursor: int | None) -> bytes | None:
        """Return what has been read of the first line, or None where no line begins in this range."""
        if cursor is None and self._start:
            self.offset = self._start - 1
            reader.go_to(self.offset)
            return self._after_line(reader, b"")
        self.offset = cursor or 0
        reader.go_to(self.offset)
        return b""

    def _after_line(self, reader: "_Reader", rest: bytes) -> bytes | None:
        """Pass over the line at `offset`; return what has been read after it, None where nothing comes."""
        while b"\n" not in rest:
            self.offset += len(rest)
            rest = reader.read()
            if not rest or not self._goes_on():
                return None
        end = rest.index(b"\n") + 1
        self.offset += end
        return rest[end:]

    def _inside(self, lines: bytes) -> bytes:
        """Return those of the whole lines that begin in the range."""
        if self._zipped or self.offset + len(lines) < self._stop:
            return lines
        end = lines.find(b"\n", self._stop - 1 - self.offset) + 1
        return lines[:end] if end else lines

    def _split(self, text: bytes) -> Iterator[_Lines | Problem]:
        raw = text.split(b"\n")
        if not raw[-1]:
            raw.pop()
        if raw and max(map(len, raw)) > self._limits.max_event_bytes:
            start = self.offset
            yield from self._without_long(raw)
            self.offset = start + len(text)
        elif raw:
            yield _Lines(self.offset, raw)
            self.offset += len(text)

    def _without_long(self, raw: Sequence[bytes]) -> Iterator[_Lines | Problem]:
        for line in raw:
            is_long = len(line) > self._limits.max_event_bytes
            yield self._too_long() if is_long else _Lines(self.offset, [line])
            self.offset += len(line) + 1

    def _too_long(self) -> Problem:
        return self._problem(f"a line of more than {self._limits.max_event_bytes} bytes; it was passed over")

    def _problem(self, words: str) -> Problem:
        return Problem(path=self._file.path, offset=self.offset, words=words)


class _Reader:
    """Reads a text in pieces, and stops one that a compressed file makes without end."""

    def __init__(self, text: BinaryIO, raw: BinaryIO, zipped: Limits | None) -> None:
        self._text = text
        self._raw = raw
        self._free = None if zipped is None else zipped.max_block_bytes
        self.made = 0

    @property
    def raw_offset(self) -> int:
        """How many bytes of the file have been read."""
        return self._raw.tell()

    def go_to(self, offset: int) -> None:
        """Go to a byte of the text."""
        self.made = self._text.seek(offset)

    def read(self) -> bytes:
        """Return the next bytes; none at the end.

        Raises:
            ValueError: the file is a bomb.
        """
        data = cast("io.BufferedReader", self._text).read1(_READ_BYTES)
        self.made += len(data)
        if self._free is not None and self.made > max(self._free, _MAX_RATIO * self.raw_offset):
            raise ValueError(f"it grows to more than {_MAX_RATIO} times its size when decompressed; a bomb, not events")
        return data
