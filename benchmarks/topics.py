"""When messages were appended to a topic, by the broker's own clock."""

from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

__all__ = ["append_span", "count", "messages"]


def _consumer(kafka: str) -> Consumer:
    return Consumer({"bootstrap.servers": kafka, "group.id": "reader", "enable.auto.commit": False})


def _ends(consumer: Consumer, topic: str) -> dict[int, int]:
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    return {
        number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)[1] for number in partitions
    }


def count(kafka: str, topic: str) -> int:
    """Return how many messages a topic holds."""
    consumer = _consumer(kafka)
    try:
        return sum(_ends(consumer, topic).values())
    finally:
        consumer.close()


def messages(kafka: str, topic: str) -> Iterator[Message]:
    """Yield every message that a topic holds now."""
    consumer = _consumer(kafka)
    try:
        ends = {number: end for number, end in _ends(consumer, topic).items() if end}
        consumer.assign([TopicPartition(topic, number, 0) for number in ends])
        left = sum(ends.values())
        while left:
            batch = consumer.consume(10_000, 10)
            if not batch:
                raise RuntimeError(f"{left} messages of {topic} did not come")
            for message in batch:
                if message.error() is not None:
                    raise KafkaException(message.error())
                yield message
            left -= len(batch)
    finally:
        consumer.close()


def append_span(kafka: str, topic: str) -> tuple[float, float]:
    """Return when the first and the last message of a topic were appended, in seconds."""
    consumer = _consumer(kafka)
    try:
        times: list[int] = []
        for number, end in _ends(consumer, topic).items():
            for offset in {0, end - 1} if end else set():
                consumer.assign([TopicPartition(topic, number, offset)])
                message = consumer.poll(10)
                if message is None:
                    raise RuntimeError(f"{topic}/{number}/{offset} did not come")
                times.append(message.timestamp()[1])
        return min(times) / 1000, max(times) / 1000
    finally:
        consumer.close()
