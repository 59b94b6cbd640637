"""A Kafka topic as a sink.

A message goes to the partition whose number is that of its event's, modulo the topic's partitions: one key's events
come from one partition, so their answers keep their order, and no key has to be hashed.
"""

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder

from scoring.errors import SinkError
from stream_worker.kafka.client import Access
from stream_worker.kafka.settings import KafkaConnection, KafkaSinkSettings
from stream_worker.ports import Outgoing

__all__ = ["KafkaSink"]

_LOG = logging.getLogger(__name__)
_START_S = 20.0
_METADATA_S = 2.0  # how long a topic that was just created may take to be seen
_partition_of = attrgetter("partition")


class _NeverSentError(MessageSizeTooLargeError):  # type: ignore[misc]  # aiokafka ships no types
    """A message that is larger than any request may be; the broker has not seen it."""


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
        self._access: Access
        self._producer: AIOKafkaProducer

    async def __aenter__(self) -> Self:
        """Connect, and see that the topic exists.

        Raises:
            SinkError: no broker answers, the sign-in is refused, or the topic does not exist.
        """
        self._access = Access(self._connection)
        self._producer = self._new_producer()
        try:
            await self._start()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Close the connection; everything was acknowledged before."""
        await self._close()

    async def publish(self, messages: Sequence[Outgoing]) -> Sequence[int]:
        """Return when all messages are acknowledged, but for those that are too large for the topic.

        Returns:
            The places, among the messages, of those that the topic will never take.

        Raises:
            SinkError: they were not, for longer than is allowed; some of them may have been published.
        """
        places: Sequence[int] = range(len(messages))
        refused: list[int] = []
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                while failed := await self._send(messages, places):
                    too_large = {places[run.start] for run, error in failed if _is_one_too_large(run, error)}
                    if not too_large:
                        raise failed[0][1]
                    refused += sorted(too_large)
                    # what stood behind it in its partition failed with it, and goes out again in its order
                    places = [places[at] for run, _ in failed for at in run if places[at] not in too_large]
                    if not all(isinstance(error, _NeverSentError) for _, error in failed):
                        await self._renew()
        except MessageSizeTooLargeError as error:
            raise SinkError(
                f"{self._name}: topic {self._settings.topic!r} refuses a batch as too large; raise its "
                f"max.message.bytes or lower {self._name}.batch_bytes ({self._settings.batch_bytes})"
            ) from error
        except (KafkaError, TimeoutError) as error:
            raise SinkError(
                f"{self._name}: topic {self._settings.topic!r} did not acknowledge: {self._access.in_words(error)}"
            ) from error
        return refused

    async def _send(self, messages: Sequence[Outgoing], places: Sequence[int]) -> list[tuple[range, Exception]]:
        """Send the messages at these places, and return the runs of places that were not acknowledged, with why."""
        chosen = messages if len(places) == len(messages) else [messages[place] for place in places]
        runs: list[range] = []
        acknowledgements: list[asyncio.Future[Any]] = []
        never_sent: list[tuple[range, Exception]] = []
        under_way = 0
        try:
            for partition, batch, run in self._batches(chosen):
                if batch.size() > self._access.largest_request:
                    never_sent.append((run, _NeverSentError()))
                    continue
                if under_way + batch.size() > self._access.largest_request:
                    # the client puts what waits for one broker into one request, however large that becomes
                    await _all_done(acknowledgements)
                    under_way = 0
                under_way += batch.size()
                sending = self._producer.send_batch(batch, self._settings.topic, partition=partition)
                acknowledgements.append(await sending)
                runs.append(run)
            results = await asyncio.gather(*acknowledgements, return_exceptions=True)
        finally:
            _retrieve(acknowledgements)
        sent = zip(runs, results, strict=True)
        return never_sent + [(run, result) for run, result in sent if isinstance(result, Exception)]

    async def _renew(self) -> None:
        """Go on with another producer: after a refusal this one's sequence numbers are not what the broker expects."""
        _LOG.warning("%s: topic %r refused a message as too large", self._name, self._settings.topic)
        await self._close()
        self._producer = self._new_producer()
        await self._producer.start()

    def _batches(self, messages: Sequence[Outgoing]) -> Iterator[tuple[int, BatchBuilder, range]]:
        """Yield filled batches with their partitions and the run of messages they hold, in order in each partition."""
        now = int(time.time() * 1000)
        start = at = 0
        for number, group in groupby(messages, _partition_of):
            partition = number % self._partitions
            batch = self._producer.create_batch()
            for message in group:
                if not _append(batch, message, now):
                    yield partition, batch, range(start, at)
                    start = at
                    batch = self._producer.create_batch()
                    _append(batch, message, now)
                at += 1
            yield partition, batch, range(start, at)
            start = at

    def _new_producer(self) -> AIOKafkaProducer:
        settings = self._settings
        options = {"request_timeout_ms": int(settings.timeout_s * 1000)} | self._access.options
        return AIOKafkaProducer(
            **options,
            acks="all",
            enable_idempotence=True,
            compression_type=None if settings.compression == "none" else settings.compression,
            max_batch_size=min(settings.batch_bytes, self._access.largest_request),
            max_request_size=self._access.largest_request,
        )

    async def _start(self) -> None:
        topic = self._settings.topic
        where = f"{self._name}: Kafka at {self._connection.bootstrap_servers}"
        try:
            async with asyncio.timeout(_START_S):
                obstacle = await self._access.obstacle(topic, key=f"{self._name}.topic")
                if obstacle is not None:
                    raise SinkError(f"{where} {obstacle}")
                await self._producer.start()
        except (KafkaError, TimeoutError, OSError) as error:
            raise SinkError(f"{where} does not answer: {self._access.in_words(error)}") from error
        try:
            async with asyncio.timeout(_METADATA_S):
                self._partitions = len(await self._producer.partitions_for(topic))
        except (KafkaError, TimeoutError) as error:
            raise SinkError(f"{where} has no topic {topic!r} ({self._name}.topic)") from error

    async def _close(self) -> None:
        await self._access.stop(self._producer, f"the Kafka producer of {self._name}")


def _append(batch: BatchBuilder, message: Outgoing, now: int) -> bool:
    """Add the message, and return whether it fitted; a batch takes its first message whatever its size."""
    return batch.append(timestamp=now, key=message.key, value=message.value, headers=message.headers) is not None


def _is_one_too_large(run: range, error: Exception) -> bool:
    return isinstance(error, MessageSizeTooLargeError) and len(run) == 1


async def _all_done(acknowledgements: Sequence[asyncio.Future[Any]]) -> None:
    if acknowledgements:
        await asyncio.wait(acknowledgements)


def _retrieve(acknowledgements: Sequence[asyncio.Future[Any]]) -> None:
    """Look at what fails beside the first failure, now or later: asyncio would complain that nobody did."""
    for acknowledgement in acknowledgements:
        acknowledgement.add_done_callback(_look_at)


def _look_at(acknowledgement: asyncio.Future[Any]) -> None:
    if not acknowledgement.cancelled():
        acknowledgement.exception()
