"""The observer that collects: it samples, copies and queues, and another thread writes.

Rules:
- `scored` never waits, never raises, and does no I/O: a row that does not fit is counted as dropped.
- What is held is bounded in rows and in bytes, whatever the storage does.
"""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from scoring.errors import ConfigurationError
from telemetry.collection.hashing import Hasher
from telemetry.collection.layout import Layout, layout_of
from telemetry.collection.rows import keep
from telemetry.collection.sampling import bound_of, chosen
from telemetry.collection.settings import CollectionSettings
from telemetry.collection.storage import Storage, storage_of
from telemetry.collection.waiting import Counts, Waiting
from telemetry.collection.writing import Writer
from telemetry.observer import NullObserver, RowFacts

if TYPE_CHECKING:
    from telemetry.collection.writing import Encode

__all__ = ["Collector", "refuse_what_cannot_begin"]

_LOG = logging.getLogger(__name__)
_LAYOUTS = 64


class Collector(NullObserver):
    """Collects a share of what is scored, from construction to `close`."""

    def __init__(
        self,
        settings: CollectionSettings,
        *,
        storage: Storage | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Start the thread that writes; nothing is connected or made yet.

        Args:
            settings: what to collect, and where to.
            storage: takes the files, in place of the one that the settings name.
            clock: the time, in nanoseconds since 1970 UTC.

        Raises:
            ConfigurationError: pyarrow is not installed, or the storage's connection string is none.
        """
        encode = _encoder(Hasher(settings.hash_key))
        self._settings = settings
        self._bound = bound_of(settings.share)
        self._clock = clock
        self._layouts: dict[tuple[str, str], Layout] = {}
        self._waiting = Waiting(rows=settings.queue_rows, enough=settings.part_rows)
        self._writer = Writer(
            self._waiting,
            storage_of(settings) if storage is None else storage,
            encode,
            to=settings.to,
            flush_s=settings.flush_s,
            part_rows=settings.part_rows,
        )

    @property
    def counts(self) -> Counts:
        """What became of the rows that were chosen so far."""
        return self._waiting.counts

    def scored(self, rows: RowFacts) -> None:
        """Queue a copy of the rows that are chosen, and drop those for which there is no room."""
        places = chosen(rows, self._bound)
        room = self._waiting.let_in(len(places)) if places else 0
        if not room:
            return
        try:
            kept = keep(rows, places[:room], self._layout(rows), self._clock() // 1000)
        except Exception:  # noqa: BLE001 - scoring goes on, whatever is wrong with the collection
            self._waiting.give_back(room)
            return
        self._waiting.put(kept)

    def close(self, seconds: float) -> None:
        """Write what waits; what is not written after so many seconds is dropped."""
        self._waiting.close()
        if not self._writer.join(seconds):
            left = self._waiting.give_up()
            if left:
                _LOG.warning("the collection gave up %d rows: they were not written within %g s", left, seconds)

    def _layout(self, rows: RowFacts) -> Layout:
        key = (rows.manifest.reference, rows.manifest.digest)
        found = self._layouts.get(key)
        if found is None:
            if len(self._layouts) >= _LAYOUTS:
                self._layouts.clear()
            found = self._layouts[key] = layout_of(rows.manifest, self._settings)
        return found


def refuse_what_cannot_begin(settings: CollectionSettings) -> None:
    """See that a collector could be made; nothing is connected or made.

    Raises:
        ConfigurationError: as of `Collector`.
    """
    _encoder(Hasher(settings.hash_key))
    storage_of(settings).close()


def _encoder(hasher: Hasher) -> "Encode":
    try:
        from telemetry.collection.parquet import encode_parquet  # noqa: PLC0415 - who does not collect does without
    except ImportError as error:
        raise ConfigurationError("telemetry.collection needs pyarrow: install requirements/replay.txt") from error
    return partial(encode_parquet, hasher=hasher)
