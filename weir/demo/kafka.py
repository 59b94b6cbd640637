"""The demonstration over Kafka: the embedded broker, and librdkafka's clients."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Self

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from examples.fraud.events import StreamEvent
from weir.demo.broker import EmbeddedBroker
from weir.demo.wires import DEAD_LETTERS, PARTITIONS, PREDICTIONS, TRANSACTIONS, Answer

__all__ = ["KafkaWire"]

_PATIENCE_S = 30.0


class KafkaWire:
    """An embedded broker, a producer and a consumer."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._broker = EmbeddedBroker()
        self._producer: Producer
        self._consumer: Consumer

    def __enter__(self) -> Self:
        """Start the broker, and make the topics."""
        servers = self._stack.enter_context(self._broker).bootstrap_servers
        self._producer = Producer({"bootstrap.servers": servers, "linger.ms": 2, "enable.idempotence": True})
        for topic in (TRANSACTIONS, PREDICTIONS, DEAD_LETTERS):
            self._producer.list_topics(topic, timeout=10)  # a topic appears when it is asked for
        self._consumer = Consumer(
            {"bootstrap.servers": servers, "group.id": "audit", "enable.auto.commit": False, "fetch.wait.max.ms": 10}
        )
        outputs = [TopicPartition(topic, n, 0) for topic in (PREDICTIONS, DEAD_LETTERS) for n in range(PARTITIONS)]
        self._consumer.assign(outputs)
        return self

    def __exit__(self, *exception: object) -> None:
        """Close both clients, and end the broker."""
        self._consumer.close()
        self._producer.flush(5)
        self._stack.close()

    @property
    def address(self) -> Mapping[str, Any]:
        """Where the broker is."""
        return {"kind": "kafka", "bootstrap_servers": self._broker.bootstrap_servers}

    def send(self, partition: int, events: Sequence[StreamEvent]) -> None:
        """Send events of one partition, in order."""
        for event in events:
            self._producer.produce(TRANSACTIONS, event.value, event.key, partition)
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until what was sent is stored."""
        self._producer.flush(_PATIENCE_S)

    def read(self, timeout: float) -> Iterator[Answer]:
        """Yield what came out since the last time.

        Raises:
            KafkaException: the broker failed.
        """
        for message in self._consumer.consume(2000, timeout):
            if message.error() is not None:
                raise KafkaException(message.error())
            yield Answer(str(message.topic()), message.value() or b"", dict(message.headers() or ()))
