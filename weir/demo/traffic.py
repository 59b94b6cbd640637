"""The demonstration's other side, a process of its own: broker, producer, and an independent reader of what comes out.

It says on standard output, one JSON object a line, where the broker is, and at the end what became of each event. It
ends when its standard input does. The embedded broker keeps little, so the producer is paced by what was read back.
"""

import argparse
import json
import sys
import time
import zlib
from collections.abc import Iterator, Sequence

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from examples.fraud.events import StreamEvent, events
from weir.demo.audit import Audit, Expected
from weir.demo.broker import EmbeddedBroker

__all__ = ["DEAD_LETTERS", "PREDICTIONS", "TRANSACTIONS", "main"]

TRANSACTIONS = "transactions"
PREDICTIONS = "predictions"
DEAD_LETTERS = "transactions.dead"

_PARTITIONS = 4
_UNANSWERED = 16_000  # well below what the broker keeps
_CHUNK = 1000
_STEADY_RATE = 5000
_PATIENCE_S = 30.0


def main() -> None:
    """Send, read back, count, and print the counts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--malformed", type=int, required=True)
    parser.add_argument("--steady", type=int, required=True, help="how many of the events to send at a steady rate")
    options = parser.parse_args()
    with EmbeddedBroker() as broker:
        address = broker.bootstrap_servers
        sent = events(options.events, malformed=options.malformed)
        traffic = _Traffic(address)
        _say({"bootstrap_servers": address})
        burst = len(sent) - options.steady
        traffic.burst(sent[:burst])
        traffic.steady(sent[burst:])
        traffic.close()
        _say(traffic.audit.result())
        sys.stdin.read()  # the broker stays until the worker has left it


class _Traffic:
    """A producer and a reader in step."""

    def __init__(self, address: str) -> None:
        self.audit = Audit()
        self._producer = Producer({"bootstrap.servers": address, "linger.ms": 2, "enable.idempotence": True})
        self._next = [0] * _PARTITIONS
        self._read = 0
        self._last_progress = time.monotonic()
        for topic in (TRANSACTIONS, PREDICTIONS, DEAD_LETTERS):
            self._producer.list_topics(topic, timeout=10)  # a topic appears when it is asked for
        self._consumer = Consumer(
            {"bootstrap.servers": address, "group.id": "audit", "enable.auto.commit": False, "fetch.wait.max.ms": 10}
        )
        self._consumer.assign([TopicPartition(topic, n, 0) for topic in (PREDICTIONS, DEAD_LETTERS) for n in range(4)])

    def burst(self, sent: Sequence[StreamEvent]) -> None:
        """Send as fast as answers come back."""
        for chunk in _chunks(sent, _CHUNK):
            self._send(chunk)
            while self._waiting > _UNANSWERED and self._patient:
                self._read_back(0.01)
            self._read_back(0.0)
        self._read_all()

    def steady(self, sent: Sequence[StreamEvent]) -> None:
        """Send at a steady rate, whatever comes back."""
        step = 0.01
        due = time.monotonic()
        for chunk in _chunks(sent, int(_STEADY_RATE * step)):
            self._send(chunk)
            due += step
            while (left := due - time.monotonic()) > 0:
                self._read_back(min(left, 0.002))
        self._read_all()

    def close(self) -> None:
        """Close both clients."""
        self._consumer.close()
        self._producer.flush(5)

    @property
    def _waiting(self) -> int:
        return len(self.audit.sent) - self._read

    @property
    def _patient(self) -> bool:
        return time.monotonic() - self._last_progress < _PATIENCE_S

    def _send(self, chunk: Sequence[StreamEvent]) -> None:
        for event in chunk:
            partition = zlib.crc32(event.key) % _PARTITIONS
            self._producer.produce(TRANSACTIONS, event.value, event.key, partition)
            expected = Expected(event.event_id, event.key, event.is_fraud, event.malformed)
            self.audit.send(partition, self._next[partition], expected)
            self._next[partition] += 1
        self._producer.poll(0)

    def _read_all(self) -> None:
        self._producer.flush(_PATIENCE_S)
        while self._waiting > 0 and self._patient:
            self._read_back(0.05)

    def _read_back(self, timeout: float) -> None:
        for message in self._consumer.consume(2000, timeout):
            if message.error() is not None:
                raise KafkaException(message.error())
            if message.topic() == PREDICTIONS:
                self.audit.prediction(message.value() or b"")
            else:
                self.audit.dead_letter(dict(message.headers() or ()))
            self._read += 1
            self._last_progress = time.monotonic()


def _chunks(items: Sequence[StreamEvent], size: int) -> Iterator[Sequence[StreamEvent]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
