"""A Kafka topic as a sink.

A message goes to the partition whose number is that of its event's, modulo the topic's partitions: one key's events
come from one partition, so their answers keep their order, and no key has to be hashed.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, TopicAuthorizationFailedError
from aiokafka.producer.message_accumulator import BatchBuilder

from scoring.errors import SinkError
from stream_worker.kafka_client import connection_options, in_words, stop_client
from stream_worker.ports import Outgoing
from stream_worker.settings import KafkaConnection, KafkaSinkSettings

__all__ = ["KafkaSink"]

_START_S = 20.0
_METADATA_S = 2.0  # how long a topic that was just created may take to be seen
_MAX_REQUEST_BYTES = (
    104_857_600  # Kafka's own bound on a request; the topic's `max.message.bytes` is the one that counts
)
_partition_of = attrgetter("partition")


class KafkaSink:
    """Writes a topic through an idempotent producer, in batches."""

    def __init__(self, settings: KafkaSinkSettings, connection: KafkaConnection, *, name: str) -> None:
        """Set it up without connecting.

        Args:
            settings: the topic and its bounds.
            connection: how to reach the cluster.
            name: the settings' key, for errors: `sink` or `dead_letters`.
        """
        self._settings = settings
        self._connection = connection
        self._name = name
        self._partitions = 0
        self._producer: AIOKafkaProducer

    async def __aenter__(self) -> Self:
        """Connect, and see that the topic exists.

        Raises:
            SinkError: no broker answers, or the topic does not exist.
        """
        settings = self._settings
        self._producer = AIOKafkaProducer(
            **connection_options(self._connection),
            acks="all",
            enable_idempotence=True,
            compression_type=None if settings.compression == "none" else settings.compression,
            max_batch_size=settings.batch_bytes,
            max_request_size=_MAX_REQUEST_BYTES,
            request_timeout_ms=int(settings.timeout_s * 1000),
        )
        try:
            await self._start()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Close the connection; everything was acknowledged before."""
        await self._close()

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when all messages are acknowledged.

        Raises:
            SinkError: they were not, for longer than is allowed; some of them may have been published.
        """
        topic = self._settings.topic
        acknowledgements: list[asyncio.Future[Any]] = []
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                for partition, batch in self._batches(messages):
                    acknowledgements.append(await self._producer.send_batch(batch, topic, partition=partition))
                await asyncio.gather(*acknowledgements)
        except MessageSizeTooLargeError as error:
            raise SinkError(
                f"{self._name}: topic {topic!r} refuses a batch as too large; raise its max.message.bytes "
                f"or lower {self._name}.batch_bytes ({self._settings.batch_bytes})"
            ) from error
        except (KafkaError, TimeoutError) as error:
            raise SinkError(f"{self._name}: topic {topic!r} did not acknowledge: {in_words(error)}") from error
        finally:
            _retrieve(acknowledgements)

    def _batches(self, messages: Sequence[Outgoing]) -> Iterator[tuple[int, BatchBuilder]]:
        """Yield filled batches with their partitions, in the messages' order within each partition."""
        now = int(time.time() * 1000)
        for number, group in groupby(messages, _partition_of):
            partition = number % self._partitions
            batch = self._producer.create_batch()
            for message in group:
                if not _append(batch, message, now):
                    yield partition, batch
                    batch = self._producer.create_batch()
                    _append(batch, message, now)
            yield partition, batch

    async def _start(self) -> None:
        topic = self._settings.topic
        where = f"{self._name}: Kafka at {self._connection.bootstrap_servers}"
        try:
            async with asyncio.timeout(_START_S):
                await self._producer.start()
        except (KafkaError, TimeoutError, OSError) as error:
            raise SinkError(f"{where} does not answer: {in_words(error)}") from error
        try:
            async with asyncio.timeout(_METADATA_S):
                self._partitions = len(await self._producer.partitions_for(topic))
        except TopicAuthorizationFailedError as error:
            raise SinkError(f"{where} does not let us see topic {topic!r} ({self._name}.topic)") from error
        except (KafkaError, TimeoutError) as error:
            raise SinkError(f"{where} has no topic {topic!r} ({self._name}.topic)") from error

    async def _close(self) -> None:
        await stop_client(self._producer, f"the Kafka producer of {self._name}")


def _append(batch: BatchBuilder, message: Outgoing, now: int) -> bool:
    """Add the message, and return whether it fitted; a batch takes its first message whatever its size."""
    return batch.append(timestamp=now, key=message.key, value=message.value, headers=message.headers) is not None


def _retrieve(acknowledgements: Sequence[asyncio.Future[Any]]) -> None:
    """Look at what fails beside the first failure, now or later: asyncio would complain that nobody did."""
    for acknowledgement in acknowledgements:
        acknowledgement.add_done_callback(_look_at)


def _look_at(acknowledgement: asyncio.Future[Any]) -> None:
    if not acknowledgement.cancelled():
        acknowledgement.exception()
