"""Which records of an archive are asked for: of some partitions, and from one moment or number up to another."""

from dataclasses import replace

import msgspec
import numpy as np

from scoring import Event
from scoring.errors import ConfigurationError
from stream_worker.replay.records import Group, Portion

__all__ = ["Selection"]


class Selection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Bounds; None leaves a side open.

    Attributes:
        partitions: the partitions; none means all.
        from_time: the first moment, in milliseconds since 1970 UTC.
        to_time: the moment before which a record must have been appended.
        from_sequence: the first sequence number or offset.
        to_sequence: the one below which a record's must be.
    """

    partitions: tuple[int, ...] = ()
    from_time: int | None = None
    to_time: int | None = None
    from_sequence: int | None = None
    to_sequence: int | None = None

    def may_ask_for(self, group: Group) -> bool:
        """Return whether records of the group may be asked for; a table's rows may say their partitions themselves."""
        return not self.partitions or group.kind == "parquet" or group.partition in self.partitions

    def of(self, portion: Portion, group: Group) -> Portion:
        """Return a group's portion with only the records that are asked for.

        Raises:
            ConfigurationError: a record has no time, or no sequence number, to decide by.
        """
        if self == _ALL or not portion.events:
            return portion
        rows = [row for row, event in enumerate(portion.events) if self._asks_for(event, group)]
        if len(rows) == len(portion.events):
            return portion
        columns, ids = portion.columns, portion.event_ids
        places = np.array(rows, np.intp)
        return replace(
            portion,
            events=[portion.events[row] for row in rows],
            columns=None if columns is None else {name: column[places] for name, column in columns.items()},
            event_ids=None if ids is None else [ids[row] for row in rows],
        )

    def is_past(self, portion: Portion, group: Group) -> bool:
        """Return whether nothing that comes after a portion can be asked for: a Capture has its numbers in order."""
        if self.to_sequence is None or group.kind != "capture" or not portion.events:
            return False
        position = portion.events[-1].position
        return position is not None and position.offset >= self.to_sequence - 1

    def _asks_for(self, event: Event, group: Group) -> bool:
        partition = group.partition if event.position is None else event.position.partition
        if self.partitions and partition not in self.partitions:
            return False
        return self._asks_for_time(event) and self._asks_for_number(event)

    def _asks_for_time(self, event: Event) -> bool:
        if self.from_time is None and self.to_time is None:
            return True
        if event.time is None:
            raise ConfigurationError("--from-time and --to-time: the archive does not keep the times of its records")
        return _within(event.time, self.from_time, self.to_time)

    def _asks_for_number(self, event: Event) -> bool:
        if self.from_sequence is None and self.to_sequence is None:
            return True
        if event.position is None:
            raise ConfigurationError(
                "--from-sequence and --to-sequence: the archive does not keep the sequence numbers of its records"
            )
        return _within(event.position.offset, self.from_sequence, self.to_sequence)


def _within(value: int, low: int | None, high: int | None) -> bool:
    return (low is None or value >= low) and (high is None or value < high)


_ALL = Selection()
