"""Holds what came out of a topic against what went in, from the broker alone; it knows nothing of the worker."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from examples.fraud.events import StreamEvent

__all__ = ["Auditor", "Topics"]

Position = tuple[int, int]

_COORDINATOR_SOUGHT = {
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
}


@dataclass(frozen=True)
class Topics:
    source: str
    sink: str
    dead_letters: str
    group: str


@dataclass
class Auditor:
    """Reads the outputs and the group's committed positions, as often as asked, and notes each broken promise.

    Attributes:
        bytes_of: the prediction that each event id must have.
        violations: promises found broken, in words.
        duplicates: messages read beyond the first for an event.
    """

    bootstrap_servers: str
    topics: Topics
    sent: Sequence[StreamEvent]
    bytes_of: dict[str, bytes]
    at: dict[Position, StreamEvent] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    duplicates: int = 0
    answers: dict[Position, tuple[str, bytes | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        quiet = {"bootstrap.servers": self.bootstrap_servers, "enable.auto.commit": False, "log_level": 2}
        self._reader = Consumer(quiet | {"group.id": f"auditor-{self.topics.group}", "fetch.wait.max.ms": 10})
        self._group = Consumer(quiet | {"group.id": self.topics.group})
        self._partitions = {
            topic: sorted(self._reader.list_topics(topic, timeout=10).topics[topic].partitions)
            for topic in (self.topics.source, self.topics.sink, self.topics.dead_letters)
        }
        self._read: dict[tuple[str, int], int] = defaultdict(int)
        self._answered: dict[int, int] = defaultdict(int)  # everything below is answered, by source partition
        self._committed: dict[int, int] = defaultdict(int)
        self._last: dict[tuple[bytes, str], int] = {}
        self._reader.assign([TopicPartition(topic, number, 0) for topic, number in self._outputs()])

    def close(self) -> None:
        self._reader.close()
        self._group.close()

    def look(self) -> None:
        """Read what is committed, then all that is published: commits may not be ahead of output, nor go back."""
        committed = self._committed_now()
        self._read_to_the_end()
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

    def _committed_now(self) -> dict[int, int]:
        source = [TopicPartition(self.topics.source, number) for number in self._partitions[self.topics.source]]
        deadline = time.monotonic() + 15
        while True:
            try:
                return {p.partition: max(p.offset, 0) for p in self._group.committed(source, timeout=10)}
            except KafkaException as error:
                # a group's first coordinator is found while it is asked for
                if error.args[0].code() not in _COORDINATOR_SOUGHT or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _outputs(self) -> list[tuple[str, int]]:
        return [(topic, n) for topic in (self.topics.sink, self.topics.dead_letters) for n in self._partitions[topic]]

    def _read_to_the_end(self) -> None:
        ends = {
            (topic, n): self._reader.get_watermark_offsets(TopicPartition(topic, n), timeout=10)[1]
            for topic, n in self._outputs()
        }
        idle = 0
        while any(self._read[key] < end for key, end in ends.items()):
            messages = self._reader.consume(5000, 1.0)
            idle = 0 if messages else idle + 1
            if idle > 20:
                raise TimeoutError("the broker shows messages that it does not hand out")
            for message in messages:
                if message.error() is not None:
                    raise KafkaException(message.error())
                self._note(message)

    def _note(self, message: Message) -> None:
        topic, value = str(message.topic()), message.value()
        self._read[topic, int(message.partition() or 0)] = int(message.offset() or 0) + 1
        headers = dict(message.headers() or ())
        _, partition, offset = headers["weir-source"].decode().rsplit("/", 2)
        at = int(partition), int(offset)
        event = self.at[at]
        if at in self.answers:
            self.duplicates += 1
            if self.answers[at] != (topic, value):
                self._violate(f"{at} was answered twice, and differently")
            return
        self.answers[at] = topic, value
        self._check(event, topic, value, message.key())
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
