"""A worker process with one of three faults planted in it, and a sink that is slow enough for faults to be seen.

    python -m tests.chaos.launch FAULT PUBLISH_DELAY_SECONDS worker --config weir.yaml

The faults are those that such workers are usually written with. A test of promises that does not catch them proves
nothing.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence

from stream_worker.event_hubs.sink import EventHubsSink
from stream_worker.kafka.sink import KafkaSink
from stream_worker.kafka.source import KafkaSource
from stream_worker.ports import Outgoing, Partition
from stream_worker.worker import Worker
from weir.cli import main


def commit_before_publish() -> None:
    answer = Worker._answer

    async def faulty(self, item):
        self._positions.acknowledge(item.batch)
        await self._commit()
        await answer(self, item)

    Worker._answer = faulty


def bare_commit() -> None:
    async def faulty(self: KafkaSource, positions: Mapping[Partition, int]) -> None:
        await self._consumer.commit()

    KafkaSource.commit = faulty


def no_epoch_check() -> None:
    Worker._is_stale = lambda self, batch: False


def slow_sink(kind: type[KafkaSink] | type[EventHubsSink], seconds: float) -> None:
    publish = kind.publish

    async def slow(self, messages: Sequence[Outgoing]) -> Sequence[int]:
        await asyncio.sleep(seconds)
        return await publish(self, messages)

    kind.publish = slow


FAULTS = {"none": lambda: None, **{f.__name__: f for f in (commit_before_publish, bare_commit, no_epoch_check)}}

if __name__ == "__main__":
    _, fault, delay, *arguments = sys.argv
    FAULTS[fault]()
    if float(delay):
        slow_sink(KafkaSink, float(delay))
        slow_sink(EventHubsSink, float(delay))
    sys.argv = ["weir", *arguments]
    main()
