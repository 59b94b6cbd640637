"""Figures: what came in and what it came to, how long it took, and how the values look that the model sees.

Rules:
- A figure's attributes are few and bounded: a model, a feature, a code, a partition, a bound. Never an event's own.
- What is counted an event at a time is counted in arrays, and read when figures are sent.
- Counts are kept for the models used lately; those of a model that comes back go on from nothing.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Final

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from scoring import Manifest
from telemetry.observer import BatchFacts, NullObserver, RowFacts, Stage
from telemetry.otel.features import FeatureCounts
from telemetry.otel.spread import Spread
from telemetry.subject import StreamSubject

__all__ = ["RowMetrics", "StreamMetrics"]

_MODELS: Final = 8
_PARTITIONS: Final = 256
_SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_MILLISECONDS: Final = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 60_000, 3_600_000)
_BATCHES: Final = (1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536)
_TENTHS: Final = tuple(tenth / 10 for tenth in range(11))
_POWERS: Final = (-1e6, -1e5, -1e4, -1e3, -100, -10, -1, 0, 1, 10, 100, 1e3, 1e4, 1e5, 1e6)

_code_of = attrgetter("code")
Attributes = Mapping[str, str | int]


class _Model:
    """What is counted of one model."""

    def __init__(self, manifest: Manifest, door: str) -> None:
        self.manifest = manifest
        self.attributes: Attributes = {
            "weir.model.name": manifest.name,
            "weir.model.version": manifest.version,
            "weir.door": door,
        }
        self.features = FeatureCounts(manifest)
        self.scores = Spread(_TENTHS if manifest.task in {"binary", "multiclass"} else _POWERS)


class RowMetrics(NullObserver):
    """Figures about rows, whichever door they came by."""

    def __init__(self, meter: Meter, door: str) -> None:
        """Set it up.

        Args:
            meter: makes the figures.
            door: `stream` or `http`.
        """
        self._door = door
        self._models: OrderedDict[str, _Model] = OrderedDict()
        self._lock = threading.Lock()  # rows are scored in several threads, and figures are sent from another
        self._received = meter.create_counter("weir.events.received", "{event}", "Events that were scored or refused.")
        self._predicted = meter.create_counter("weir.events.predicted", "{event}", "Events that got a prediction.")
        self._positive = meter.create_counter("weir.events.positive", "{event}", "Predictions of the positive label.")
        self._rejected = meter.create_counter("weir.events.rejected", "{event}", "Events that were refused, by code.")
        for name, what, observe in (
            ("weir.scores", "Predictions by score: those that do not exceed the bound `le`.", self._observe_scores),
            ("weir.feature.nulls", "Values that were null, by feature.", self._observe_nulls),
            ("weir.feature.out_of_range", "Values that training never saw, by feature.", self._observe_outside),
        ):
            meter.create_observable_counter(name, [self._locked(observe)], "{value}", what)
        meter.create_observable_gauge("weir.model.in_use", [self._locked(self._observe_models)], "1", "Models in use.")

    def scored(self, rows: RowFacts) -> None:
        """Count rows."""
        with self._lock:
            model = self._model(rows.manifest)
            model.features.add(rows.columns)
            model.scores.add(rows.scores)
        attributes = model.attributes
        self._received.add(len(rows.events), attributes)
        self._predicted.add(len(rows.predictions), attributes)
        if rows.manifest.outputs.positive is not None:
            self._positive.add(rows.positive, attributes)
        for code, count in Counter(map(_code_of, rows.refused)).items():
            self._rejected.add(count, {**attributes, "weir.error.code": code})

    def _model(self, manifest: Manifest) -> _Model:
        if manifest.digest not in self._models:
            self._models[manifest.digest] = _Model(manifest, self._door)
            if len(self._models) > _MODELS:
                self._models.popitem(last=False)
        self._models.move_to_end(manifest.digest)
        return self._models[manifest.digest]

    def _locked(self, observe: Callable[[_Model], Iterator[Observation]]) -> Callable[..., Iterable[Observation]]:
        def callback(_: CallbackOptions) -> Iterable[Observation]:
            with self._lock:
                return [observation for model in self._models.values() for observation in observe(model)]

        return callback

    @staticmethod
    def _observe_scores(model: _Model) -> Iterator[Observation]:
        for bound, count in model.scores.cumulative():
            yield Observation(count, {**model.attributes, "le": bound})

    @staticmethod
    def _observe_nulls(model: _Model) -> Iterator[Observation]:
        for feature, count in zip(model.features.features, model.features.nulls.tolist(), strict=True):
            if feature.nullable:
                yield Observation(count, {**model.attributes, "weir.feature": feature.name})

    @staticmethod
    def _observe_outside(model: _Model) -> Iterator[Observation]:
        for feature, count in zip(model.features.features, model.features.outside.tolist(), strict=True):
            yield Observation(count, {**model.attributes, "weir.feature": feature.name})

    @staticmethod
    def _observe_models(model: _Model) -> Iterator[Observation]:
        yield Observation(1, {**model.attributes, "weir.model.digest": model.manifest.digest})


class StreamMetrics(RowMetrics):
    """Figures about a stream, its rows among them."""

    def __init__(self, meter: Meter, subject: StreamSubject) -> None:
        """Set it up.

        Args:
            meter: makes the figures.
            subject: the stream.
        """
        super().__init__(meter, "stream")
        self._source = {**subject.source.attributes, "messaging.consumer.group.name": subject.group}
        self._sink = subject.sink.attributes
        self._lag: Mapping[int, int] = {}
        self._latency = Spread(_MILLISECONDS)
        self._consumed = meter.create_counter(
            "messaging.client.consumed.messages", "{message}", "Messages that were fetched."
        )
        self._sent = meter.create_counter(
            "messaging.client.sent.messages", "{message}", "Predictions that were acknowledged."
        )
        self._process = meter.create_histogram(
            "messaging.process.duration",
            "s",
            "From the decoding of a batch to its acknowledgement.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._stages = meter.create_histogram(
            "weir.stage.duration",
            "s",
            "Time in each step of a batch.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._sizes = meter.create_histogram(
            "weir.batch.size", "{event}", "Events of a batch.", explicit_bucket_boundaries_advisory=_BATCHES
        )
        self._under_way = meter.create_up_down_counter(
            "weir.batches.in_flight", "{batch}", "Batches that were fetched and are not acknowledged yet."
        )
        self._let_go = meter.create_counter(
            "weir.events.dropped", "{event}", "Events let go because their partitions moved; another worker has them."
        )
        self._failures = meter.create_counter("weir.batches.failed", "{batch}", "Batches that were not acknowledged.")
        meter.create_observable_gauge(
            "weir.consumer.lag", [self._observe_lag], "{event}", "Events that wait in the source, by partition."
        )
        meter.create_observable_counter(
            "weir.event.latency",
            [self._observe_latency],
            "{event}",
            "Events from their own time to the acknowledgement: those within `le` milliseconds.",
        )

    def fetched(self, events: int) -> None:
        """Count a batch that is under way."""
        self._consumed.add(events, {**self._source, "messaging.operation.name": "receive"})
        self._under_way.add(1, self._source)

    def batch(self, facts: BatchFacts) -> None:
        """Count a batch that is acknowledged."""
        self._under_way.add(-1, self._source)
        self._sent.add(facts.predicted, {**self._sink, "messaging.operation.name": "send"})
        self._sizes.record(facts.events, self._source)
        start, end = facts.stages[0].start, facts.stages[-1].end
        self._process.record((end - start) / 1e9, {**self._source, "messaging.operation.name": "process"})
        for stage in facts.stages:
            self._record(stage)
        with self._lock:
            self._latency.add(facts.latency_ms)

    def failed(self, error: BaseException) -> None:
        """Count a batch that was not acknowledged."""
        self._under_way.add(-1, self._source)
        self._failures.add(1, {**self._source, "error.type": type(error).__name__})

    def committed(self, stage: Stage) -> None:
        """Note how long a commit took."""
        self._record(stage)

    def dropped(self, events: int) -> None:
        """Count events that were let go."""
        self._under_way.add(-1, self._source)
        self._let_go.add(events, self._source)

    def lag(self, events: Mapping[int, int]) -> None:
        """Remember what waits."""
        self._lag = events

    def _record(self, stage: Stage) -> None:
        self._stages.record((stage.end - stage.start) / 1e9, {"weir.stage": stage.name})

    def _observe_lag(self, _: CallbackOptions) -> Iterable[Observation]:
        for number, events in sorted(self._lag.items())[:_PARTITIONS]:
            yield Observation(events, {**self._source, "messaging.destination.partition.id": str(number)})

    def _observe_latency(self, _: CallbackOptions) -> Iterable[Observation]:
        with self._lock:
            return [Observation(count, {**self._source, "le": bound}) for bound, count in self._latency.cumulative()]
