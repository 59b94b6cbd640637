"""Rows between the threads that score and the one that writes: bounded, and nobody who scores ever waits.

Rules:
- A row is held from when it is let in until it is written or given up, and counts until then.
- Every row that was chosen ends as collected or as dropped.
- The lock is held for a few instructions, and never while anything is copied, written or logged.
"""

from threading import Condition
from typing import NamedTuple

from telemetry.collection.rows import Kept

__all__ = ["MAX_BYTES", "Counts", "Waiting"]

MAX_BYTES = 64 * 1024 * 1024
"""How much may be held, whatever the number of its rows."""


class Counts(NamedTuple):
    """What became of the rows that were chosen.

    Attributes:
        collected: rows that were written.
        dropped: rows that were not, because the queue was full or the storage failed.
        parts: files that were written.
        waiting: rows that are held in memory.
    """

    collected: int
    dropped: int
    parts: int
    waiting: int


class Waiting:
    """Rows that wait to be written."""

    def __init__(self, *, rows: int, enough: int, most_bytes: int = MAX_BYTES) -> None:
        """Hold nothing yet.

        Args:
            rows: how many may be held.
            enough: so many are handed out before their time.
            most_bytes: how much they may take.
        """
        self._changed = Condition()
        self._most_rows, self._most_bytes = rows, most_bytes
        self._enough_rows, self._enough_bytes = enough, most_bytes // 2
        self._pending: list[Kept] = []
        self._pending_rows = self._pending_bytes = 0
        self._held_rows = self._held_bytes = 0
        self._collected = self._dropped = self._parts = 0
        self._closed = self._given_up = False

    @property
    def counts(self) -> Counts:
        """What became of the rows so far."""
        with self._changed:
            return Counts(self._collected, self._dropped, self._parts, self._held_rows)

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for what is held any more."""
        return self._given_up

    def let_in(self, rows: int) -> int:
        """Return for how many of these rows there is room, and hold it; the others are dropped."""
        with self._changed:
            room = 0 if self._closed else min(rows, self._most_rows - self._held_rows)
            self._held_rows += room
            self._dropped += rows - room
            return room

    def put(self, kept: Kept) -> None:
        """Add rows that were let in; they are dropped after all where their bytes do not fit."""
        rows = kept.rows
        with self._changed:
            if self._closed or self._held_bytes + kept.size > self._most_bytes:
                self._let_go(rows, 0)
                return
            self._held_bytes += kept.size
            self._pending.append(kept)
            self._pending_rows += rows
            self._pending_bytes += kept.size
            if self._has_enough():
                self._changed.notify()

    def give_back(self, rows: int) -> None:
        """Drop rows that were let in, and could not be copied."""
        with self._changed:
            self._let_go(rows, 0)

    def take(self, timeout: float) -> tuple[list[Kept], bool]:
        """Return what waits, and whether it is the last, when there is enough, at the end, or after so many seconds."""
        with self._changed:
            self._changed.wait_for(self._has_enough, timeout)
            taken, self._pending = self._pending, []
            self._pending_rows = self._pending_bytes = 0
            return taken, self._closed

    def wait_for_close(self, seconds: float) -> None:
        """Return after so many seconds, or at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed, seconds)

    def written(self, rows: int, size: int) -> None:
        """Let go of rows that are in a file."""
        with self._changed:
            if not self._given_up:
                self._held_rows -= rows
                self._held_bytes -= size
                self._collected += rows
                self._parts += 1

    def failed(self, rows: int, size: int) -> None:
        """Let go of rows that could not be written."""
        with self._changed:
            self._let_go(rows, size)

    def close(self) -> None:
        """Let nothing in any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def give_up(self) -> int:
        """Drop all that is held, and return how many rows that were."""
        with self._changed:
            left = self._held_rows
            self._given_up = True
            self._dropped += left
            self._held_rows = self._held_bytes = 0
            self._pending = []
            return left

    def _let_go(self, rows: int, size: int) -> None:
        if not self._given_up:
            self._held_rows -= rows
            self._held_bytes -= size
            self._dropped += rows

    def _has_enough(self) -> bool:
        is_enough = self._pending_rows >= self._enough_rows or self._pending_bytes >= self._enough_bytes
        return self._closed or is_enough
