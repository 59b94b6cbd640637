"""Workers on fakes: a pipeline that adds, settings that hurry, and one run from start to stop."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring import FakeScorer, Pipeline, Scores
from scoring.errors import ScoringError
from stream_worker import StreamSettings, Worker
from stream_worker.fakes import FakeSink, FakeSource, FakeStream, Step
from telemetry import Counters
from tests.scoring.makers import feature, manifest

BOUND_S = 10.0  # no wait of a test is longer
GUILTY = 666.0  # the scorer raises on it


def _score(columns: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    if (columns["x"] == GUILTY).any():
        raise ScoringError("the session failed")
    scores: NDArray[Any] = columns["x"] + np.float32(0.5)
    return scores


class GatedScorer:
    """A scorer that waits, in its thread, until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.gate = threading.Event()

    def run(self, columns: Mapping[str, NDArray[Any]]) -> Scores:
        self.entered.set()
        self.gate.wait(BOUND_S)
        return Scores(None, _score(columns))


def pipeline(scorer: Any = None) -> Pipeline:
    """Answers an event `{"id": ..., "x": ...}` with x + 0.5."""
    shape = manifest(feature("x"), event_id=("id",))
    return Pipeline(shape, scorer or FakeScorer(_score))


def value(number: int, **more: Any) -> bytes:
    return json.dumps({"id": f"e{number}", "x": float(number % 500), **more}).encode()


def settings(**more: Any) -> StreamSettings:
    kafka = {"kind": "kafka", "bootstrap_servers": "localhost:9092"}
    fields: dict[str, Any] = {
        "source": {**kafka, "topic": "events", "group": "g"},
        "sink": {**kafka, "topic": "predictions"},
        "dead_letters": {**kafka, "topic": "dead"},
        "commit_interval_ms": 5,
        "shutdown_timeout_s": 5,
        "stall_timeout_s": 5,
        "health": None,
    }
    return StreamSettings.model_validate(fields | more)


@dataclass
class Stage:
    """A worker and all that stands around it."""

    stream: FakeStream = field(default_factory=FakeStream)
    script: Iterable[Step] = ()
    scorer: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)
    sink: FakeSink = field(default_factory=FakeSink)
    dead_letters: FakeSink = field(default_factory=lambda: FakeSink("dead_letters"))
    counters: Counters = field(default_factory=Counters)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.source = FakeSource(self.stream, self.script)
        self.worker = Worker(
            source=self.source,
            sink=self.sink,
            dead_letters=self.dead_letters,
            pipeline=pipeline(self.scorer),
            settings=settings(**self.options),
            observer=self.counters,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator["asyncio.Task[None]"]:
        """Run the worker during the block; then tell it to stop and see it end without an error."""
        task = asyncio.create_task(self.worker.run(self.stop))
        try:
            yield task
        except BaseException:
            task.cancel()
            await asyncio.wait([task], timeout=BOUND_S)
            raise
        self.stop.set()
        async with asyncio.timeout(BOUND_S):
            await task

    async def run_until(self, condition: Callable[[], bool]) -> None:
        """Run the worker until the condition holds, then stop it."""
        async with self.running() as task:
            await until(condition, task)

    async def run_dry(self) -> None:
        """Run the worker until every event is answered or let go, then stop it."""
        await self.run_until(lambda: self.answered() >= sum(self.stream.end(key) for key in self.stream.partitions))

    async def run_until_it_ends(self) -> None:
        """Run the worker until it raises, or the bound is over."""
        async with asyncio.timeout(BOUND_S):
            await self.worker.run(self.stop)

    def answered(self) -> int:
        """How many different events have a prediction or a dead letter."""
        return len(self.predicted_ids() | self.dead_values())

    def predicted_ids(self) -> set[Any]:
        return set(self.prediction_order())

    def prediction_order(self) -> list[str]:
        return [json.loads(message.value or b"")["event_id"] for message in self.sink.messages]

    def dead_values(self) -> set[Any]:
        return {message.value for message in self.dead_letters.messages}


async def until(condition: Callable[[], bool], task: "asyncio.Task[Any] | None" = None) -> None:
    """Wait for a condition, as long as the task, if there is one, goes on; within the bound."""
    async with asyncio.timeout(BOUND_S):
        while not condition():
            if task is not None and task.done():
                task.result()
                raise AssertionError("the worker ended by itself")
            await asyncio.sleep(0.002)
