"""Kafka as the contracts' world, written and read back with a client of another make."""

import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition

from scoring import Event
from stream_worker import Outgoing
from stream_worker.kafka.settings import KafkaSinkSettings, KafkaSourceSettings
from stream_worker.kafka.sink import KafkaSink
from stream_worker.kafka.source import KafkaSource
from tests.brokers import Broker, unique_topic

_BOUND_S = 30.0
_CHECKSUM = slice(17, 21)  # of a record batch; it covers all that follows
_MOMENTARY = {KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS}
_QUIET = {"log_level": 2}
SESSION_S = 4.5  # the mock lets nobody in with less than 4


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def source_settings(servers: str, topic: str, **more: Any) -> KafkaSourceSettings:
    fields = {"kind": "kafka", "bootstrap_servers": servers, "topic": topic, "group": unique_topic("group")}
    return KafkaSourceSettings.model_validate(fields | {"session_timeout_s": SESSION_S, "timeout_s": 20} | more)


def send(servers: str, topic: str, events: Sequence[Event], partition: int = 0) -> None:
    """Write events, in order, and wait until all are acknowledged."""
    producer = Producer(
        {"bootstrap.servers": servers, "message.max.bytes": 10_000_000, "enable.idempotence": True, **_QUIET}
    )
    failed: list[Any] = []
    for event in events:
        producer.produce(
            topic,
            value=event.value,
            key=event.key,
            partition=partition,
            headers=list(event.headers),
            on_delivery=lambda error, _: failed.append(error) if error else None,
        )
    assert producer.flush(_BOUND_S) == 0
    assert failed == []


async def send_with_header(servers: str, topic: str, name: bytes) -> None:
    """Write an event with a header whose name is any bytes, which no client would do."""
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        batch = producer.create_batch()
        written = "?" * len(name)
        batch.append(timestamp=1, key=None, value=b"{}", headers=[(written, b"")])
        content = bytearray(batch._build())
        at = content.index(written.encode())
        content[at : at + len(name)] = name
        content[_CHECKSUM] = struct.pack(">I", calc_crc32c(bytes(content[_CHECKSUM.stop :])))
        batch._buffer = content
        await (await producer.send_batch(batch, topic, partition=0))


def read_back(servers: str, topic: str) -> list[Any]:
    """Return every message of a topic, partition by partition."""
    consumer = Consumer(
        {"bootstrap.servers": servers, "group.id": unique_topic("reader"), "enable.auto.commit": False, **_QUIET}
    )
    try:
        partitions = [
            TopicPartition(topic, n) for n in consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ]
        ends = [consumer.get_watermark_offsets(partition, timeout=10) for partition in partitions]
        expected = sum(high - low for low, high in ends)
        consumer.assign([TopicPartition(topic, at.partition, OFFSET_BEGINNING) for at in partitions])
        found = _take(consumer, expected)
    finally:
        consumer.close()
    return sorted(found, key=lambda m: (m.partition(), m.offset()))


def committed(servers: str, group: str, topic: str, partitions: int) -> dict[int, int]:
    """Return a group's committed position for each partition that has one, or none while its coordinator moves."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": group, **_QUIET})
    try:
        asked = [TopicPartition(topic, number) for number in range(partitions)]
        return {at.partition: at.offset for at in consumer.committed(asked, timeout=10) if at.offset >= 0}
    except KafkaException as error:
        if error.args[0].code() in _MOMENTARY:
            return {}  # a cluster that has just begun to keep groups
        raise
    finally:
        consumer.close()


def _take(consumer: Consumer, count: int) -> list[Any]:
    found: list[Any] = []
    deadline = time.monotonic() + _BOUND_S
    while len(found) < count and time.monotonic() < deadline:
        found += [message for message in consumer.consume(1000, timeout=0.2) if message.error() is None]
    assert len(found) == count
    return found


class KafkaSourceWorld:
    def __init__(self, broker: Broker, take_down: Callable[[], None] = lambda: None, **more: Any) -> None:
        self.servers = broker.bootstrap_servers
        self.stream = broker.create_topic(unique_topic(), 2)
        self.settings = source_settings(self.servers, self.stream, **more)
        self.take_down = take_down

    def append(self, *events: Event, partition: int = 0) -> None:
        send(self.servers, self.stream, events, partition)

    def source(self) -> KafkaSource:
        return KafkaSource(self.settings)

    def absent(self) -> KafkaSource:
        return KafkaSource(source_settings(f"127.0.0.1:{closed_port()}", self.stream))

    def missing(self) -> KafkaSource:
        return KafkaSource(source_settings(self.servers, "nowhere"))


class KafkaSinkWorld:
    def __init__(self, broker: Broker, take_down: Callable[[], None] = lambda: None, **more: Any) -> None:
        self.broker = broker
        self.topic = broker.create_topic(unique_topic("predictions"), 2)
        self.more = {"timeout_s": 20} | more
        self.take_down = take_down

    def sink(self, topic: str | None = None, servers: str | None = None, **more: Any) -> KafkaSink:
        fields = {"kind": "kafka", "bootstrap_servers": servers or self.broker.bootstrap_servers}
        settings = KafkaSinkSettings.model_validate(fields | self.more | {"topic": topic or self.topic} | more)
        return KafkaSink(settings, settings, name="sink")

    def limited(self) -> KafkaSink:
        create: Any = self.broker.create_topic
        self.limited_topic = create(unique_topic("limited"), 1, max_message_bytes=100_000)
        return self.sink(self.limited_topic, batch_bytes=50_000)

    def published_to_limited(self) -> list[Outgoing]:
        return self.published(self.limited_topic)

    def absent(self) -> KafkaSink:
        return self.sink(servers=f"127.0.0.1:{closed_port()}")

    def missing(self) -> KafkaSink:
        return self.sink("nowhere")

    def published(self, topic: str | None = None) -> list[Outgoing]:
        return [
            Outgoing(message.value(), message.key(), list(message.headers() or []), message.partition())
            for message in read_back(self.broker.bootstrap_servers, topic or self.topic)
        ]
