"""Holds what came out of a stream against what went in; it knows nothing of the worker, nor of where streams are."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from examples.fraud.events import StreamEvent

__all__ = ["Auditor", "Message", "Topics"]

Position = tuple[int, int]


@dataclass(frozen=True)
class Topics:
    source: str
    sink: str
    dead_letters: str
    group: str


class Message(NamedTuple):
    """What was read back."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]


@dataclass
class Auditor:
    """Reads the outputs and the group's committed positions, as often as asked, and notes each broken promise.

    Attributes:
        bytes_of: the prediction that each event id must have.
        violations: promises found broken, in words.
        duplicates: messages read beyond the first for an event.
    """

    topics: Topics
    sent: Sequence[StreamEvent]
    bytes_of: dict[str, bytes]
    at: dict[Position, StreamEvent] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    duplicates: int = 0
    answers: dict[Position, tuple[str, bytes | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._answered: dict[int, int] = defaultdict(int)  # everything below is answered, by source partition
        self._committed: dict[int, int] = defaultdict(int)
        self._last: dict[tuple[bytes, str], int] = {}

    def close(self) -> None:
        """Close what was opened for reading."""

    def look(self) -> None:
        """Read what is committed, then all that is published: commits may not be ahead of output, nor go back."""
        committed = self._committed_now()
        for message in self._published():
            self._note(message)
        for partition, offset in committed.items():
            if offset > self._answered_below(partition):
                self._violate(
                    f"partition {partition} is committed to {offset}, answered to {self._answered[partition]}"
                )
            if offset < self._committed[partition]:
                self._violate(f"partition {partition} went back from {self._committed[partition]} to {offset}")
            self._committed[partition] = offset

    @property
    def lost(self) -> int:
        return len(self.at) - len(self.answers)

    @property
    def uncommitted(self) -> int:
        """Events that are not below a committed position."""
        return len(self.at) - sum(self._committed.values())

    def _committed_now(self) -> Mapping[int, int]:
        """Return the group's positions, by partition."""
        raise NotImplementedError

    def _published(self) -> Iterable[Message]:
        """Yield all that was published since the last time, each stream's partition in its order."""
        raise NotImplementedError

    def _note(self, message: Message) -> None:
        topic, value = message.topic, message.value
        _, partition, offset = message.headers["weir-source"].decode().rsplit("/", 2)
        at = int(partition), int(offset)
        event = self.at[at]
        if at in self.answers:
            self.duplicates += 1
            if self.answers[at] != (topic, value):
                self._violate(f"{at} was answered twice, and differently")
            return
        self.answers[at] = topic, value
        self._check(event, topic, value, message.key)
        key = event.key, topic
        if self._last.get(key, -1) > at[1]:
            self._violate(f"key {event.key!r}: offset {at[1]} first came after {self._last[key]}")
        self._last[key] = at[1]

    def _check(self, event: StreamEvent, topic: str, value: bytes | None, key: bytes | None) -> None:
        expected = event.value if event.malformed else self.bytes_of[event.event_id]
        right = self.topics.dead_letters if event.malformed else self.topics.sink
        if (topic, value, key) != (right, expected, event.key):
            self._violate(f"{event.event_id} ended in {topic} as {value!r} under {key!r}")

    def _answered_below(self, partition: int) -> int:
        while (partition, self._answered[partition]) in self.answers:
            self._answered[partition] += 1
        return self._answered[partition]

    def _violate(self, what: str) -> None:
        self.violations.append(what)
