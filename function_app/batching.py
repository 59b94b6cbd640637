"""Concurrent small requests are scored together.

Rules:
- Requests of one model, one form and one kind of answer are joined in the order in which they came, and each gets its
  own outcomes back.
- A request that arrives alone is scored at once: nothing waits for company unless `max_wait_ms` says so.
- A quick batch is scored where it stands, since handing it to a thread would take longer; a slow one in a thread.
- Rows that wait are bounded; beyond that a request is refused at once rather than late.
- A batch that takes too long is given up, and its callers are told.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from function_app.problems import ProblemError
from function_app.settings import HttpSettings
from scoring import Event, Form, Manifest, Outcome, Pipeline, Prepared, Rejected
from telemetry import Observer, RowFacts

__all__ = ["Batcher"]

_QUICK_S = 0.002  # a batch expected to take longer would keep other requests from being read


@dataclass(slots=True)
class _Waiting:
    events: Sequence[Event]
    answered: asyncio.Future[list[Any]]


class _Kind(NamedTuple):
    """What is scored together."""

    form: Form
    classes: bool


class Batcher:
    """Scores the requests for one model."""

    def __init__(
        self, pipeline: Pipeline, settings: HttpSettings, executor: Executor, observer: Observer | None = None
    ) -> None:
        """Set it up; the running event loop is the one that it will be used in.

        Args:
            pipeline: the model.
            settings: how requests are joined, and for how long they may wait.
            executor: the threads that score.
            observer: is told of the rows; None where nobody cares, which costs nothing.
        """
        self.pipeline = pipeline
        self._seen = None if observer is None else partial(_tell, observer, pipeline.manifest)
        self._settings = settings.batching
        self._limit = settings.limits.scoring_s
        self._executor = executor
        self._queues: defaultdict[_Kind, list[_Waiting]] = defaultdict(list)
        self._rows = 0
        self._scheduled: set[_Kind] = set()
        self._seconds: dict[int, float] = {}  # what a batch took lately, by the length of its size in bits
        self._running: set[asyncio.Task[None]] = set()

    async def score(self, events: Sequence[Event], form: Form) -> list[Outcome]:
        """Return one outcome for each event, in order.

        Raises:
            ProblemError: 503, too many rows wait already; 504, scoring took too long.
        """
        return await self._answer(events, _Kind(form, classes=False))

    async def score_classes(self, events: Sequence[Event], form: Form) -> list[list[float] | Rejected]:
        """Return for each event the score of every class, in the manifest's order.

        Raises:
            ProblemError: 503, too many rows wait already; 504, scoring took too long.
        """
        return await self._answer(events, _Kind(form, classes=True))

    async def _answer(self, events: Sequence[Event], kind: _Kind) -> list[Any]:
        if self._rows and self._rows + len(events) > self._settings.queued_rows:
            raise ProblemError(503, f"{self._rows} rows wait already; try again", headers={"Retry-After": "1"})
        loop = asyncio.get_running_loop()
        waiting = _Waiting(events, loop.create_future())
        self._queues[kind].append(waiting)
        self._rows += len(events)
        if kind not in self._scheduled:
            self._scheduled.add(kind)
            if self._settings.max_wait_ms:
                loop.call_later(self._settings.max_wait_ms / 1000, self._flush, kind)
            else:
                loop.call_soon(self._flush, kind)
        return await waiting.answered

    def _flush(self, kind: _Kind) -> None:
        self._scheduled.discard(kind)
        queue, self._queues[kind] = self._queues[kind], []
        batch: list[_Waiting] = []
        rows = 0
        for waiting in queue:
            if waiting.answered.done():  # its caller has gone
                self._rows -= len(waiting.events)
                continue
            if batch and rows + len(waiting.events) > self._settings.max_rows:
                self._start(batch, rows, kind)
                batch, rows = [], 0
            batch.append(waiting)
            rows += len(waiting.events)
        if batch:
            self._start(batch, rows, kind)

    def _start(self, batch: list[_Waiting], rows: int, kind: _Kind) -> None:
        events = batch[0].events if len(batch) == 1 else [event for waiting in batch for event in waiting.events]
        if self._seconds.get(rows.bit_length(), _QUICK_S) < _QUICK_S:
            self._settle(batch, rows, self._score(events, kind))
            return
        task = asyncio.create_task(self._in_thread(batch, rows, events, kind))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _in_thread(self, batch: list[_Waiting], rows: int, events: Sequence[Event], kind: _Kind) -> None:
        loop = asyncio.get_running_loop()
        outcomes: list[Any] | Exception
        try:
            async with asyncio.timeout(self._limit):
                outcomes = await loop.run_in_executor(self._executor, self._score, events, kind)
        except TimeoutError:
            outcomes = ProblemError(504, f"scoring took longer than {self._limit:g} s")
        self._settle(batch, rows, outcomes)

    def _score(self, events: Sequence[Event], kind: _Kind) -> list[Any] | Exception:
        started = time.perf_counter()
        score = self.pipeline.score_classes if kind.classes else self.pipeline.score
        try:
            outcomes = score(events, kind.form, self._seen)
        except Exception as error:  # noqa: BLE001 - it belongs to the callers, whatever it is
            return error
        self._seconds[len(events).bit_length()] = time.perf_counter() - started
        return outcomes

    def _settle(self, batch: list[_Waiting], rows: int, outcomes: list[Any] | Exception) -> None:
        self._rows -= rows
        start = 0
        for waiting in batch:
            stop = start + len(waiting.events)
            if not waiting.answered.done():
                if isinstance(outcomes, Exception):
                    waiting.answered.set_exception(outcomes)
                else:
                    waiting.answered.set_result(outcomes[start:stop])
            start = stop


def _tell(observer: Observer, manifest: Manifest, prepared: Prepared, outcomes: Sequence[Outcome]) -> None:
    """Tell an observer what was scored and what it came to."""
    rows, columns = prepared.rows, prepared.columns
    facts = RowFacts(manifest=manifest, events=prepared.events, outcomes=outcomes, rows=rows, columns=columns)
    observer.scored(facts)
