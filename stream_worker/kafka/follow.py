"""A topic and a consumer group of which nobody reads: where it stands, and moving it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from scoring.errors import SourceError
from stream_worker.kafka.client import Access
from stream_worker.kafka.settings import KafkaSourceSettings

__all__ = ["LiveTopic"]

_BOUND_S = 20.0


class LiveTopic:
    """A topic, seen as a group that assigns itself every partition without joining."""

    def __init__(self, settings: KafkaSourceSettings) -> None:
        """Set it up without connecting."""
        self._settings = settings
        self._access = Access(settings)
        self._partitions: dict[int, TopicPartition] = {}
        self._consumer: AIOKafkaConsumer

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            SourceError: no broker answers, or the topic does not exist.
        """
        settings = self._settings
        self._consumer = AIOKafkaConsumer(**self._access.options, group_id=settings.group, enable_auto_commit=False)
        try:
            async with asyncio.timeout(_BOUND_S):
                await self._consumer.start()
                numbers = await self._numbers()
        except (KafkaError, TimeoutError, OSError) as error:
            await self._close()
            raise self._unanswered(error) from error
        if not numbers:
            await self._close()
            raise SourceError(f"source: Kafka at {settings.where} has no topic {settings.topic!r} (source.topic)")
        self._partitions = {number: TopicPartition(settings.topic, number) for number in numbers}
        self._consumer.assign(list(self._partitions.values()))
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Leave."""
        await self._close()

    async def firsts(self) -> Mapping[int, int]:
        """Return the first offset of each partition.

        Raises:
            SourceError: the cluster does not answer.
        """
        return await self._offsets(self._consumer.beginning_offsets)

    async def ends(self) -> Mapping[int, int]:
        """Return the offset behind the last event of each partition.

        Raises:
            SourceError: the cluster does not answer.
        """
        return await self._offsets(self._consumer.end_offsets)

    async def standing(self) -> Mapping[int, int]:
        """Return the committed positions.

        Raises:
            SourceError: the cluster does not answer.
        """
        try:
            async with asyncio.timeout(_BOUND_S):
                found = {number: await self._consumer.committed(at) for number, at in self._partitions.items()}
        except (KafkaError, TimeoutError) as error:
            raise self._unanswered(error) from error
        return {number: offset for number, offset in found.items() if offset is not None}

    async def move(self, positions: Mapping[int, int]) -> None:
        """Commit positions.

        Raises:
            SourceError: the coordinator did not take them; it takes none while members read.
        """
        if not positions:
            return
        try:
            async with asyncio.timeout(_BOUND_S):
                await self._consumer.commit({self._partitions[number]: at for number, at in positions.items()})
        except (KafkaError, TimeoutError) as error:
            raise SourceError(
                f"source: positions of group {self._settings.group!r} could not be committed: "
                f"{self._access.in_words(error)}; stop the workers that read as this group"
            ) from error

    async def _offsets(self, ask: Callable[[list[TopicPartition]], Awaitable[Mapping[Any, int]]]) -> Mapping[int, int]:
        try:
            async with asyncio.timeout(_BOUND_S):
                found = await ask(list(self._partitions.values()))
        except (KafkaError, TimeoutError) as error:
            raise self._unanswered(error) from error
        return {partition.partition: offset for partition, offset in found.items()}

    async def _numbers(self) -> list[int]:
        """Return the topic's partitions; the consumer itself knows only those of topics that it is subscribed to."""
        admin = AIOKafkaAdminClient(**self._access.options)
        await admin.start()
        try:
            [told] = await admin.describe_topics([self._settings.topic])
        finally:
            await admin.close()
        return sorted(partition["partition"] for partition in told["partitions"])

    def _unanswered(self, error: Exception) -> SourceError:
        where = self._settings.where
        return SourceError(f"source: Kafka at {where} does not answer: {self._access.in_words(error)}")

    async def _close(self) -> None:
        await self._access.stop(self._consumer, "the Kafka consumer")
