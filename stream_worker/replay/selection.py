"""Which records of an archive are asked for: of some partitions, and from one moment or number up to another."""

from collections.abc import Sequence
from dataclasses import replace
from os.path import commonprefix

import msgspec
import numpy as np

from scoring import Event
from scoring.errors import ConfigurationError
from stream_worker.replay.problems import Problems, number_of
from stream_worker.replay.records import PORTION, Group, Portion, Problem

__all__ = ["Selection", "outside"]

_TIMES, _NUMBERS = "--from-time and --to-time", "--from-sequence and --to-sequence"


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

        One that does not say what is to be decided by is left out, and a problem.

        Raises:
            ConfigurationError: no record of the portion has a time, or a sequence number, to decide by.
        """
        if self == _ALL or not portion.events:
            return portion
        self._check(portion.events, group)
        asked = [self._asks_for(event, group) for event in portion.events]
        rows = [row for row, is_asked_for in enumerate(asked) if is_asked_for]
        if len(rows) == len(portion.events):
            return portion
        unknown = [event for event, is_asked_for in zip(portion.events, asked, strict=True) if is_asked_for is None]
        columns, ids = portion.columns, portion.event_ids
        places = np.array(rows, np.intp)
        return replace(
            portion,
            events=[portion.events[row] for row in rows],
            columns=None if columns is None else {name: column[places] for name, column in columns.items()},
            event_ids=None if ids is None else [ids[row] for row in rows],
            problems=[*portion.problems, *self._told(unknown, group)] if unknown else portion.problems,
        )

    def is_past(self, portion: Portion, group: Group) -> bool:
        """Return whether nothing that comes after a portion can be asked for.

        A Capture has its numbers in order, but for single ones: the whole portion must be past.
        """
        most = self.to_sequence
        if most is None or group.kind != "capture" or not portion.events:
            return False
        return all(event.position is not None and event.position.offset >= most for event in portion.events)

    @property
    def _by_time(self) -> bool:
        return self.from_time is not None or self.to_time is not None

    @property
    def _by_number(self) -> bool:
        return self.from_sequence is not None or self.to_sequence is not None

    def _check(self, events: Sequence[Event], group: Group) -> None:
        if group.kind == "capture" and len(events) < PORTION:
            return  # its format keeps both; a few events may be all that lack them
        if self._by_time and all(event.time is None for event in events):
            raise ConfigurationError(f"{_TIMES}: the archive does not keep the times of its records")
        if self._by_number and all(event.position is None for event in events):
            raise ConfigurationError(f"{_NUMBERS}: the archive does not keep the sequence numbers of its records")

    def _asks_for(self, event: Event, group: Group) -> bool | None:
        """Return whether a record is asked for, None where it does not say what is to be decided by."""
        partition = group.partition if event.position is None else event.position.partition
        if self.partitions and partition not in self.partitions:
            return False
        number = None if event.position is None else event.position.offset
        sides = (
            _within(event.time, self.from_time, self.to_time),
            _within(number, self.from_sequence, self.to_sequence),
        )
        return False if False in sides else (None if None in sides else True)

    def _told(self, unknown: Sequence[Event], group: Group) -> Sequence[Problem]:
        problems = Problems()
        path = _place_of(group)
        for event in unknown:
            position = event.position
            place = "" if position is None else f" at {position}"
            is_time = self._by_time and event.time is None
            missing = f"time, which {_TIMES}" if is_time else f"sequence number, which {_NUMBERS}"
            words = f"the event{place} has no {missing} ask for; it was left out"
            problems.append(Problem(path=path, offset=0 if position is None else position.offset, words=words))
        return problems.take()


def _place_of(group: Group) -> str:
    """Return the file of a group, or the folder of its files."""
    files = [file.path for file in group.files]
    if len(files) == 1:
        return files[0]
    return commonprefix(files).rpartition("/")[0]  # noqa: RUF071 - cut at a slash; commonpath would spoil abfs://


def outside(portion: Portion, asked: Portion) -> int:
    """Return how many records of a portion were not asked for, of which `asked` is what was."""
    unknown = number_of(asked.problems) - number_of(portion.problems)
    return len(portion.events) - len(asked.events) - unknown


def _within(value: int | None, low: int | None, high: int | None) -> bool | None:
    """Return whether a value is within bounds, None where there are bounds and no value."""
    if low is None and high is None:
        return True
    return None if value is None else (low is None or value >= low) and (high is None or value < high)


_ALL = Selection()
