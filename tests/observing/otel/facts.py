"""Batches as the run loop tells of them, and what OpenTelemetry keeps of them in memory."""

from typing import Any

import numpy as np
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from scoring import Event, FakeScorer, Outputs, Pipeline, Position
from stream_worker.facts import batch_facts
from telemetry import Place, RowFacts, Stage, StreamSubject
from tests.scoring.makers import feature, manifest

OUTPUTS = Outputs(labels=("no", "yes"), positive="yes", threshold=0.5)
BEGUN = 1_700_000_000_000_000_000
SUBJECT = StreamSubject(
    source=Place(system="kafka", name="events", address="broker.example", port=9092),
    group="scoring",
    sink=Place(system="kafka", name="predictions", address="broker.example", port=9092),
)


def traceparent(number: int, *, sampled: bool = True) -> tuple[str, bytes]:
    return "traceparent", f"00-{number:032x}-{number:016x}-{'01' if sampled else '00'}".encode()


def event(number: int, x: Any = 0.0, *headers: tuple[str, bytes]) -> Event:
    """An event that scores x, positive from 0.5 on; a text is refused."""
    value = f'{{"x": {x!r}}}'.replace("'", '"').encode()
    return Event(value, None, headers, Position("events", 3, number), BEGUN // 1_000_000 - 250)


def pipeline() -> Pipeline:
    def score(columns):
        x = columns["x"]
        return np.stack([1 - x, x], axis=1)

    return Pipeline(manifest(feature("x", minimum=0.0, maximum=1.0), task="binary", outputs=OUTPUTS), FakeScorer(score))


def rows(events) -> RowFacts:
    scores = pipeline()
    found = []
    scores.score(events, seen=lambda prepared, outcomes: found.append((prepared, outcomes)))
    [(prepared, outcomes)] = found
    return RowFacts(
        manifest=scores.manifest, events=events, outcomes=outcomes, rows=prepared.rows, columns=prepared.columns
    )


def stages(*names: str) -> list[Stage]:
    """Steps of 10 ms, one after the other."""
    return [Stage(name, BEGUN + n * 10_000_000, BEGUN + (n + 1) * 10_000_000) for n, name in enumerate(names)]


def run_through(observer, events) -> dict[str, bytes]:
    """Tell an observer of a batch as the run loop does, and return the headers that its messages carry."""
    observer.fetched(len(events))
    headers = dict(observer.publishing(events, stages("decode", "score")))
    facts = batch_facts(rows(events), (), stages("decode", "score", "encode", "publish"))
    observer.batch(facts)
    observer.scored(facts.rows)
    return headers


class Spans:
    """A provider whose spans are kept."""

    def __init__(self, **options: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False, **options)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("test")

    def all(self) -> list[Any]:
        return list(self.exporter.get_finished_spans())

    def named(self, name: str) -> list[Any]:
        return [span for span in self.all() if span.name == name]


class Figures:
    """A meter whose figures can be looked at."""

    def __init__(self, **options: Any) -> None:
        self.reader = InMemoryMetricReader()
        self.meter = MeterProvider([self.reader], shutdown_on_exit=False, **options).get_meter("test")

    def points(self, name: str) -> list[Any]:
        data = self.reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]

    def values(self, name: str, *keys: str) -> dict[Any, Any]:
        """Return the values of a figure by some of its attributes."""
        return {tuple(point.attributes.get(key) for key in keys): point.value for point in self.points(name)}
