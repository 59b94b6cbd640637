"""The run loop: fetch, score, publish, commit, with a bounded number of batches under way.

Rules:
- Three stages hand batches on through queues of one place each: while one batch is scored in a thread, the next is
  fetched and decoded and the one before is published. Nothing else queues; a slow sink stops the fetching.
- A position is recorded only after the sink and the dead-letter sink have acknowledged all that stands before it.
- A batch whose partitions were taken away is dropped before it is published: whoever holds them now answers it.
- No lock is held while fetching: a rebalance runs inside the fetch, and needs what the lock would guard.
- Every step is bounded. A stop interrupts only connecting and fetching, which have nothing to finish.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from scoring import Pipeline, Prepared, Scored
from scoring.errors import StalledError, WeirError
from stream_worker.deadline import Deadline
from stream_worker.delivery import answers_to, deliver
from stream_worker.facts import batch_facts
from stream_worker.messages import split
from stream_worker.ports import Batch, Partition, Sink, Source
from stream_worker.positions import Positions
from stream_worker.settings import StreamSettings
from stream_worker.status import Status, Timer
from telemetry import Observer, RowFacts, Stage

__all__ = ["Worker"]

_LAG_INTERVAL_S = 5.0
_ABORT_S = 5.0  # for closing connections after a failure
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Fetched:
    batch: Batch
    prepared: Prepared
    decoded: Stage


@dataclass(frozen=True, slots=True)
class _Scored:
    batch: Batch
    scored: Scored
    stages: tuple[Stage, ...]


class Worker:
    """Scores a source's events into a sink until it is told to stop."""

    def __init__(
        self,
        *,
        source: Source,
        sink: Sink,
        dead_letters: Sink,
        pipeline: Pipeline,
        settings: StreamSettings,
        observer: Observer,
        status: Status | None = None,
    ) -> None:
        """Put the parts together without connecting anything."""
        self._source = source
        self._sink = sink
        self._dead_letters = dead_letters
        self._pipeline = pipeline
        self._settings = settings
        self._observer = observer
        self._positions = Positions()
        self._committing = asyncio.Lock()
        self._unpublished = asyncio.Event()  # set while nothing is being published
        self._unpublished.set()
        self._deadline: Deadline | None = None
        self._executor = ThreadPoolExecutor(1, "scoring")
        self.status = status or Status()
        source.on_handover(self._hand_over)

    @property
    def end_by(self) -> float:
        """When a stop that was asked for must be over, or one that nobody asked for, on the monotonic clock."""
        return time.monotonic() + (self._deadline or Deadline(_ABORT_S)).remaining()

    async def run(self, stop: asyncio.Event) -> None:
        """Connect and work until `stop` is set; then finish what is under way, commit it, and leave.

        Raises:
            StreamError: the source, the sink or the dead-letter sink failed for longer than is allowed.
            StalledError: a step or the stop took longer than is allowed.
        """
        connections = AsyncExitStack()
        try:
            if await self._unless(stop, self._connect(connections), "connecting"):
                self.status.phase = "running"
                await self._work(stop)
        finally:
            self.status.phase = "stopping"
            self._executor.shutdown(wait=False)
            await _close(connections, self._deadline or Deadline(_ABORT_S))

    async def _connect(self, connections: AsyncExitStack) -> bool:
        for connection in (self._dead_letters, self._sink, self._source):
            await connections.enter_async_context(connection)
        return True

    async def _work(self, stop: asyncio.Event) -> None:
        prepared: asyncio.Queue[_Fetched | None] = asyncio.Queue(1)
        scored: asyncio.Queue[_Scored | None] = asyncio.Queue(1)
        try:
            async with asyncio.TaskGroup() as group:
                beside = [
                    group.create_task(task)
                    for task in (self._commit_regularly(), self._measure_lag(), self._end_in_time(stop))
                ]
                group.create_task(self._fetch(stop, prepared))
                group.create_task(self._score(prepared, scored))
                await self._publish(scored)
                for task in beside:
                    task.cancel()
        except ExceptionGroup as errors:
            raise _first(errors) from None

    async def _fetch(self, stop: asyncio.Event, outbox: "asyncio.Queue[_Fetched | None]") -> None:
        batching = self._settings.batch
        max_events = min(batching.max_events, self._pipeline.max_rows)
        while not stop.is_set():
            fetching = self._source.fetch(max_events=max_events, max_wait=batching.max_wait_ms / 1000)
            batch = await self._unless(stop, fetching, "fetching")
            if batch is None:
                continue
            self._observer.fetched(len(batch.events))
            with self.status.step("decoding") as timer:
                prepared = self._pipeline.prepare(batch.events)
            await outbox.put(_Fetched(batch, prepared, timer.stage("decode")))
        await outbox.put(None)

    async def _score(self, inbox: "asyncio.Queue[_Fetched | None]", outbox: "asyncio.Queue[_Scored | None]") -> None:
        while (item := await inbox.get()) is not None:
            if self._is_stale(item.batch):
                continue
            async with self._bounded("scoring") as timer:
                scored = await asyncio.get_running_loop().run_in_executor(
                    self._executor, self._pipeline.run, item.prepared
                )
            await outbox.put(_Scored(item.batch, scored, (item.decoded, timer.stage("score"))))
        await outbox.put(None)

    async def _publish(self, inbox: "asyncio.Queue[_Scored | None]") -> None:
        while (item := await inbox.get()) is not None:
            if self._is_stale(item.batch):
                continue
            # no await stands between the check and this line, so a handover that begins later waits for this batch
            self._unpublished.clear()
            try:
                await self._answer(item)
                self._positions.acknowledge(item.batch)
            finally:
                self._unpublished.set()
        await self._commit()

    async def _answer(self, item: _Scored) -> None:
        events = item.batch.events
        manifest = self._pipeline.manifest
        try:
            with self.status.step("encoding") as encoding:
                outcomes = self._pipeline.finish(item.scored)
                settled = split(events, outcomes)
                traced = self._observer.publishing(events, item.stages)
                answers = answers_to(settled, manifest.reference, traced)
            async with self._bounded("publishing") as publishing:
                too_large = await deliver(answers, sink=self._sink, dead_letters=self._dead_letters)
        except BaseException as error:
            self._observer.failed(_first(error) if isinstance(error, ExceptionGroup) else error)
            raise
        prepared = item.scored.prepared
        rows = RowFacts(
            manifest=manifest,
            events=events,
            outcomes=outcomes,
            rows=prepared.rows,
            columns=prepared.columns,
            known=(settled.predictions, [why for _, why in settled.refused]),
            values=self._pipeline.values(item.scored),
        )
        stages = (*item.stages, encoding.stage("encode"), publishing.stage("publish"))
        self._observer.batch(batch_facts(rows, too_large, stages))
        self._observer.scored(rows)

    async def _hand_over(self, partitions: Collection[Partition]) -> None:
        """Finish what is being published and commit it; the source calls this before these partitions move."""
        try:
            await self._unpublished.wait()
            await self._commit()
        finally:
            self._positions.release(partitions, self._source.epoch)

    async def _commit(self) -> None:
        async with self._committing:
            releases, positions = self._positions.uncommitted()
            if positions:
                async with self._bounded("committing") as timer:
                    await self._source.commit(positions)
                self._positions.committed(releases, positions)
                self._observer.committed(timer.stage("commit"))

    async def _commit_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._settings.commit_interval_ms / 1000)
            await self._commit()

    async def _measure_lag(self) -> None:
        """Ask the source how much waits: an answer is also the proof that somebody is there."""
        while True:
            await asyncio.sleep(_LAG_INTERVAL_S)
            async with self._bounded("asking the source for its lag"):
                waiting = await self._source.lag()
            self._observer.lag({number: events for (_, number), events in waiting.items()})

    async def _end_in_time(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self.status.phase = "stopping"
        self._deadline = Deadline(self._settings.shutdown_timeout_s)
        await asyncio.sleep(self._deadline.remaining())
        raise StalledError(
            f"the stop took longer than stream.shutdown_timeout_s ({self._settings.shutdown_timeout_s:g} s); "
            "what was not committed will be scored again"
        )

    @asynccontextmanager
    async def _bounded(self, step: str) -> AsyncIterator[Timer]:
        """Time a step, and let it take no longer than is allowed."""
        limit = self._settings.stall_timeout_s
        try:
            with self.status.step(step) as timer:
                async with asyncio.timeout(limit):
                    yield timer
        except TimeoutError as error:
            raise self._stalled(step) from error

    async def _unless(self, stop: asyncio.Event, work: Coroutine[Any, Any, T], step: str) -> T | None:
        """Return what the work returns; None when `stop` is set before that, and the work is cancelled."""
        working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
        try:
            with self.status.step(step):
                limit = self._settings.stall_timeout_s
                await asyncio.wait((working, stopping), timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            if stopping.done():
                return None
            raise self._stalled(step)
        finally:
            stopping.cancel()
            if not working.done():
                await _cancel(working)

    def _stalled(self, step: str) -> StalledError:
        return StalledError(f"{step} took longer than stream.stall_timeout_s ({self._settings.stall_timeout_s:g} s)")

    def _is_stale(self, batch: Batch) -> bool:
        if self._source.holds(batch):
            return False
        self._observer.dropped(len(batch.events))
        return True


async def _close(connections: AsyncExitStack, deadline: Deadline) -> None:
    """Close all connections inside the deadline; what does not close by then is left to the process's end."""
    with suppress(TimeoutError):
        async with deadline.bound():
            await connections.aclose()


async def _cancel(task: asyncio.Future[Any]) -> None:
    """Cancel a task and see it end, unless it takes too long for that."""
    task.cancel()
    await asyncio.wait((task,), timeout=_ABORT_S)
    if task.done() and not task.cancelled():
        task.exception()  # nobody needs it any more, and asyncio would complain that nobody looked


def _first(errors: ExceptionGroup[Exception]) -> Exception:
    """Return the first error of a group of groups that is told in words; else the first of all."""
    told = errors.subgroup(WeirError)
    first = (told or errors).exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first
