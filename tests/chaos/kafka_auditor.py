"""The auditor of Kafka's topics: a client of another make than the worker's reads them."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from examples.fraud.events import StreamEvent
from tests.chaos.auditor import Auditor, Message, Topics

__all__ = ["KafkaAuditor"]

_COORDINATOR_SOUGHT = {
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
}


class KafkaAuditor(Auditor):
    """Reads two topics and a group's committed positions."""

    def __init__(
        self, bootstrap_servers: str, topics: Topics, sent: Sequence[StreamEvent], bytes_of: dict[str, bytes]
    ) -> None:
        super().__init__(topics, sent, bytes_of)
        self.bootstrap_servers = bootstrap_servers
        quiet = {"bootstrap.servers": self.bootstrap_servers, "enable.auto.commit": False, "log_level": 2}
        self._reader = Consumer(quiet | {"group.id": f"auditor-{self.topics.group}", "fetch.wait.max.ms": 10})
        self._group = Consumer(quiet | {"group.id": self.topics.group})
        self._partitions = {
            topic: sorted(self._reader.list_topics(topic, timeout=10).topics[topic].partitions)
            for topic in (self.topics.source, self.topics.sink, self.topics.dead_letters)
        }
        self._read: dict[tuple[str, int], int] = defaultdict(int)
        self._reader.assign([TopicPartition(topic, number, 0) for topic, number in self._outputs()])

    def close(self) -> None:
        self._reader.close()
        self._group.close()

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

    def _published(self) -> Iterator[Message]:
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
                topic = str(message.topic())
                self._read[topic, int(message.partition() or 0)] = int(message.offset() or 0) + 1
                yield Message(topic, message.key(), message.value(), dict(message.headers() or ()))
