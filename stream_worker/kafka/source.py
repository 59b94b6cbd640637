"""A Kafka topic as a source.

Rules:
- The epoch moves on the moment partitions are taken away, before anything else is awaited; batches carry the epoch of
  the moment in which the client handed their records out, so that a stale one is known for what it is.
- Before partitions are let go the handover is awaited, inside a bound that the group's own timeout exceeds.
- Commits are explicit positions. One that fails because the group moved on is passed over: the events come again.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from operator import attrgetter
from typing import Self

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from scoring import Event, Position
from scoring.errors import SourceError, StreamError
from stream_worker.kafka.client import Access, in_words
from stream_worker.kafka.settings import KafkaSourceSettings
from stream_worker.ports import Batch, Handover, Partition

__all__ = ["KafkaSource"]

_LOG = logging.getLogger(__name__)
_POLL_S = 0.2  # how long a fetch waits for the first event before it says that there is none
_START_S = 20.0
_MAX_FETCH_BYTES = 33_554_432
# The client asks one broker one question at a time: while a quiet partition's is open, a busy one's must wait for it.
_FETCH_WAIT_MS = 20
_fields = attrgetter("value", "key", "headers", "offset", "timestamp")


class KafkaSource(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """Reads a topic as a member of a consumer group."""

    def __init__(self, settings: KafkaSourceSettings) -> None:
        self._settings = settings
        self._epoch = 0
        self._handover: Handover | None = None
        self._handover_s = min(10.0, settings.session_timeout_s / 3)
        self._access: Access
        self._consumer: AIOKafkaConsumer

    @property
    def epoch(self) -> int:
        """How often partitions were taken away."""
        return self._epoch

    def holds(self, batch: Batch) -> bool:
        """Return whether no partition was taken away since the batch was fetched."""
        return batch.epoch == self._epoch

    def on_handover(self, handover: Handover) -> None:
        """Set what is awaited before partitions are let go."""
        self._handover = handover

    async def __aenter__(self) -> Self:
        """Connect, see that the topic exists, and join the group.

        Raises:
            SourceError: no broker answers, the sign-in is refused, or the topic does not exist.
        """
        settings = self._settings
        milliseconds = int(settings.session_timeout_s * 1000)
        self._access = Access(settings)
        self._consumer = AIOKafkaConsumer(
            **self._access.options,
            group_id=settings.group,
            auto_offset_reset=settings.start,
            enable_auto_commit=False,
            session_timeout_ms=milliseconds,
            heartbeat_interval_ms=milliseconds // 10,
            isolation_level="read_committed",
            max_partition_fetch_bytes=settings.fetch_bytes,
            fetch_max_bytes=_MAX_FETCH_BYTES,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
        )
        try:
            await self._start()
        except BaseException:
            await self._close()
            raise
        self._consumer.subscribe([settings.topic], listener=self)
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Leave the group."""
        await self._close()

    async def fetch(self, *, max_events: int, max_wait: float) -> Batch | None:
        """Return the next events, or None when there were none for a while.

        Raises:
            SourceError: the client gave up, e.g. because it may not read the topic.
        """
        gathered: dict[TopicPartition, list[ConsumerRecord]] = {}
        count = 0
        wait, epoch = _POLL_S, self._epoch
        deadline = 0.0
        while count < max_events and wait > 0:
            fetched = await self._getmany(wait, max_events - count)
            # no await stands between the client's handing out of the records and this line
            if epoch != self._epoch:
                gathered, count, deadline, epoch = {}, 0, 0.0, self._epoch
            for partition, records in fetched.items():
                gathered.setdefault(partition, []).extend(records)
                count += len(records)
            if not count:
                return None
            deadline = deadline or time.monotonic() + max_wait
            wait = deadline - time.monotonic()
        return _batch(gathered, epoch)

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """Commit explicit positions; those of partitions that are no longer held are passed over.

        Raises:
            SourceError: the group's coordinator did not take them in time.
        """
        held = self._consumer.assignment()
        offsets = {
            partition: position
            for partition, position in ((TopicPartition(*key), value) for key, value in positions.items())
            if partition in held
        }
        if not offsets:
            return
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError):
            _LOG.info("the group moved on before %d positions were committed; their events come again", len(offsets))
        except (KafkaError, TimeoutError) as error:
            raise SourceError(f"source: positions could not be committed: {self._access.in_words(error)}") from error

    async def lag(self) -> Mapping[Partition, int]:
        """Return, for each partition held, how many events wait behind the last one fetched.

        Raises:
            SourceError: the cluster does not answer.
        """
        held = self._consumer.assignment()
        if not held:
            return {}
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                ends = await self._consumer.end_offsets(held)
                return {
                    (partition.topic, partition.partition): max(0, end - await self._consumer.position(partition))
                    for partition, end in ends.items()
                    if partition in self._consumer.assignment()
                }
        except IllegalStateError:
            return {}  # the partitions moved meanwhile
        except (KafkaError, TimeoutError) as error:
            raise SourceError(f"source: the cluster does not answer: {self._access.in_words(error)}") from error

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Move on to the next epoch, then finish and commit what is being published."""
        self._epoch += 1
        leaving = [(partition.topic, partition.partition) for partition in revoked]
        if self._handover is None or not leaving:
            return
        try:
            async with asyncio.timeout(self._handover_s):
                await self._handover(leaving)
        except (TimeoutError, StreamError) as error:
            why = in_words(error) if isinstance(error, TimeoutError) else error
            _LOG.warning("partitions are let go before all was committed, some events come again: %s", why)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Say what is held now."""
        _LOG.info("reading partitions %s", sorted(partition.partition for partition in assigned))

    async def _start(self) -> None:
        where = f"source: Kafka at {self._settings.bootstrap_servers}"
        topic = self._settings.topic
        try:
            async with asyncio.timeout(_START_S):
                obstacle = await self._access.obstacle(topic, key="source.topic")
                if obstacle is not None:
                    raise SourceError(f"{where} {obstacle}")
                await self._consumer.start()
                topics = await self._consumer.topics()
        except (KafkaError, TimeoutError, OSError) as error:
            raise SourceError(f"{where} does not answer: {self._access.in_words(error)}") from error
        if topic not in topics:
            raise SourceError(f"{where} has no topic {topic!r} (source.topic)")

    async def _getmany(self, wait: float, max_records: int) -> Mapping[TopicPartition, list[ConsumerRecord]]:
        try:
            # the client's own timeout does not run while partitions move
            async with asyncio.timeout(self._settings.timeout_s):
                fetched: Mapping[TopicPartition, list[ConsumerRecord]] = await self._consumer.getmany(
                    timeout_ms=int(wait * 1000), max_records=max_records
                )
        except TimeoutError as error:
            raise SourceError(f"source: no partitions were assigned for {self._settings.timeout_s:g} s") from error
        except KafkaError as error:
            raise SourceError(
                f"source: cannot read {self._settings.topic!r}: {self._access.in_words(error)}"
            ) from error
        except UnicodeDecodeError as error:
            # Kafka lets a name be any bytes, aiokafka does not
            raise SourceError(
                f"source: cannot read {self._settings.topic!r}: an event has a header whose name is not UTF-8"
            ) from error
        return fetched

    async def _close(self) -> None:
        await self._access.stop(self._consumer, "the Kafka consumer")


def _batch(gathered: Mapping[TopicPartition, Sequence[ConsumerRecord]], epoch: int) -> Batch:
    events: list[Event] = []
    ends: dict[Partition, int] = {}
    for (topic, partition), records in gathered.items():
        values, keys, headers, offsets, times = zip(*map(_fields, records), strict=True)
        positions = map(Position, repeat(topic), repeat(partition), offsets)
        events.extend(map(Event, values, keys, headers, positions, times))
        ends[topic, partition] = offsets[-1] + 1
    return Batch(events=events, ends=ends, epoch=epoch)
