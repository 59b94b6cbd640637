"""The thread that writes: rows to parts by model and hour, each tried a few times and then given up.

Rules:
- It is the only one that encodes, writes, logs and waits; nobody waits for it but `close`, and that not for ever.
- A part's name is its own, so trying again cannot write rows twice.
"""

import logging
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from threading import Thread
from time import monotonic

from telemetry.collection.rows import Kept
from telemetry.collection.storage import Storage, StorageError
from telemetry.collection.waiting import Waiting

__all__ = ["PAUSES_S", "Writer", "parts_of"]

PAUSES_S = (1.0, 4.0)
"""Between one attempt to write a part and the next."""

_LOG = logging.getLogger(__name__)
_WARN_EVERY_S = 60.0
_PART_BYTES = 32 * 1024 * 1024
_HOUR_US = 3_600_000_000

Encode = Callable[[Sequence[Kept]], memoryview]


def parts_of(batches: Iterable[Kept], rows: int) -> "deque[list[Kept]]":
    """Return batches as parts: of one model, of one hour, and of the same columns.

    Args:
        batches: what waits.
        rows: from so many on a part ends; a batch is not cut.
    """
    parts: deque[list[Kept]] = deque()
    open_parts: dict[tuple[object, ...], list[Kept]] = {}
    for batch in batches:
        manifest = batch.manifest
        hour, shape = batch.time // _HOUR_US, (batch.has_positions, batch.hides_ids)
        key = (manifest.reference, manifest.digest, hour, shape)
        if key not in open_parts:
            open_parts[key] = []
            parts.append(open_parts[key])
        part = open_parts[key]
        part.append(batch)
        if _rows(part) >= rows or _bytes(part) >= _PART_BYTES:
            del open_parts[key]
    return parts


class Writer:
    """Writes what waits, until it is closed."""

    def __init__(
        self,
        waiting: Waiting,
        storage: Storage,
        encode: Encode,
        *,
        to: str,
        flush_s: float,
        part_rows: int,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        """Begin to write.

        Args:
            waiting: what waits.
            storage: where it goes; closed in the end.
            encode: makes a file of rows.
            to: what to call the storage in a warning.
            flush_s: how often, in seconds.
            part_rows: from so many rows on a part ends.
            pauses_s: between attempts, in seconds.
        """
        self._waiting = waiting
        self._storage = storage
        self._encode = encode
        self._to = to
        self._flush_s, self._part_rows, self._pauses_s = flush_s, part_rows, tuple(pauses_s)
        self._token = secrets.token_hex(8)
        self._number = 0
        self._told = 0
        self._tell_from = float("-inf")
        self._why = ""
        self._thread = Thread(target=self._run, name="weir-collection", daemon=True)
        self._thread.start()

    def join(self, seconds: float) -> bool:
        """Return whether it has ended, within so many seconds."""
        self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()

    def _run(self) -> None:
        is_last = False
        while not is_last:
            batches, is_last = self._waiting.take(self._flush_s)
            parts = parts_of(batches, self._part_rows)
            del batches
            while parts and not self._waiting.is_over:
                self._write(parts.popleft())
                self._warn()
            self._warn(at_last=is_last)
        self._storage.close()

    def _write(self, part: Sequence[Kept]) -> None:
        rows, size = _rows(part), _bytes(part)
        try:
            name, content = self._named(part[0]), self._encode(part)
        except Exception as error:  # noqa: BLE001 - whatever a row holds, the next ones are to be written
            self._why = f"rows cannot be written as Parquet ({type(error).__name__})"
            self._waiting.failed(rows, size)
            return
        if self._put(name, content):
            self._waiting.written(rows, size)
        else:
            self._waiting.failed(rows, size)

    def _put(self, name: str, content: memoryview) -> bool:
        for pause in (*self._pauses_s, 0.0):
            try:
                self._storage.put(name, content)
            except StorageError as error:
                self._why = f"cannot write to {self._to}: {error}"
            except Exception as error:  # noqa: BLE001 - the same
                self._why = f"cannot write to {self._to} ({type(error).__name__})"
            else:
                return True
            if self._waiting.is_over:
                return False
            self._waiting.wait_for_close(pause)
        return False

    def _named(self, batch: Kept) -> str:
        hour = datetime.fromtimestamp(batch.time // _HOUR_US * 3600, UTC)
        self._number += 1
        manifest = batch.manifest
        return f"{manifest.name}/{manifest.version}/{hour:%Y/%m/%d/%H}/{self._token}-{self._number:06}.parquet"

    def _warn(self, *, at_last: bool = False) -> None:
        """Say how many rows were dropped since it was last said, not too often but for the last time."""
        dropped, now = self._waiting.counts.dropped, monotonic()
        if dropped > self._told and (at_last or now >= self._tell_from) and not self._waiting.is_over:
            why = self._why or "more are chosen than can be written"
            _LOG.warning("the collection dropped %d rows: %s", dropped - self._told, why)
            self._told, self._tell_from, self._why = dropped, now + _WARN_EVERY_S, ""


def _rows(part: Sequence[Kept]) -> int:
    return sum(batch.rows for batch in part)


def _bytes(part: Sequence[Kept]) -> int:
    return sum(batch.size for batch in part)
