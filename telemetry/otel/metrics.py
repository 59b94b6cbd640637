"""Figures: what came in and what it came to, how long it took, and how the values look that the model sees.

Rules:
- A figure's attributes are few and bounded: a model, a feature, a code, a partition, a bound. Never an event's own.
- What can be counted in plain numbers is, and read when figures are sent: an instrument costs more than an event.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Final

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from telemetry.observer import BatchFacts, NullObserver, RowFacts, Stage
from telemetry.otel.models import ModelCounts, Models
from telemetry.otel.spread import Spread
from telemetry.subject import StreamSubject

__all__ = ["RowMetrics", "StreamMetrics"]

_PARTITIONS: Final = 256
_SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_MILLISECONDS: Final = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 60_000, 3_600_000)
_BATCHES: Final = (1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536)
_NONE: Final[Mapping[str, int]] = {}
_code_of = attrgetter("code")


class RowMetrics(NullObserver):
    """Figures about rows, whichever door they came by."""

    def __init__(self, meter: Meter, door: str) -> None:
        """Set it up.

        Args:
            meter: makes the figures.
            door: `stream` or `http`.
        """
        self._models = Models(door)
        for name, unit, what, observe in (
            ("weir.events.received", "{event}", "Events that were scored or refused.", _received),
            ("weir.events.predicted", "{event}", "Events that got a prediction.", _predicted),
            ("weir.events.positive", "{event}", "Predictions of the positive label.", _positive),
            ("weir.events.rejected", "{event}", "Events that were refused, by code.", _rejected),
            ("weir.scores", "{prediction}", "Predictions whose score does not exceed the bound `le`.", _scores),
            ("weir.feature.rows", "{event}", "Events whose features were looked at.", _looked_at),
            ("weir.feature.nulls", "{value}", "Values that were null, by feature.", _nulls),
            ("weir.feature.out_of_range", "{value}", "Values that training never saw, by feature.", _outside),
        ):
            meter.create_observable_counter(name, [self._over_models(observe)], unit, what)
        in_use = self._over_models(_in_use, recent=True)
        meter.create_observable_gauge("weir.model.in_use", [in_use], "{model}", "Models that scored lately.")

    def scored(self, rows: RowFacts) -> None:
        """Count rows."""
        self._models.add(rows, _NONE)

    def _over_models(
        self, observe: Callable[[ModelCounts], Iterator[Observation]], *, recent: bool = False
    ) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def callback(_: CallbackOptions) -> Iterable[Observation]:
            return [observation for model in self._models.read(recent=recent) for observation in observe(model)]

        return callback


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
        self._process = {**self._source, "messaging.operation.name": "process"}
        self._late: Mapping[str, int] = _NONE  # of the batch that is acknowledged, and whose rows come next
        self._lag: Mapping[int, int] = {}
        self._fetched = self._sent = self._dropped = self._under_way = 0
        self._failed: Counter[str] = Counter()
        self._latency = Spread(_MILLISECONDS)
        self._durations = meter.create_histogram(
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
        self._observe(meter, subject)

    def fetched(self, events: int) -> None:
        """Count a batch that is under way."""
        self._fetched += events
        self._under_way += 1

    def batch(self, facts: BatchFacts) -> None:
        """Count a batch that is acknowledged."""
        self._under_way -= 1
        self._sent += facts.predicted
        self._late = Counter(facts.rejected) - Counter(map(_code_of, facts.rows.refused)) if facts.rejected else _NONE
        self._latency.add(facts.latency_ms)
        self._sizes.record(facts.events, self._source)
        start, end = facts.stages[0].start, facts.stages[-1].end
        self._durations.record((end - start) / 1e9, self._process)
        for stage in facts.stages:
            self._record(stage)

    def scored(self, rows: RowFacts) -> None:
        """Count the rows of a batch that is acknowledged."""
        late, self._late = self._late, _NONE
        self._models.add(rows, late)

    def failed(self, error: BaseException) -> None:
        """Count a batch that was not acknowledged."""
        self._under_way -= 1
        self._failed[type(error).__name__] += 1

    def committed(self, stage: Stage) -> None:
        """Note how long a commit took."""
        self._record(stage)

    def dropped(self, events: int) -> None:
        """Count events that were let go."""
        self._under_way -= 1
        self._dropped += events

    def lag(self, events: Mapping[int, int]) -> None:
        """Remember what waits."""
        self._lag = events

    def _record(self, stage: Stage) -> None:
        self._stages.record((stage.end - stage.start) / 1e9, {**self._source, "weir.stage": stage.name})

    def _observe(self, meter: Meter, subject: StreamSubject) -> None:
        received = {**self._source, "messaging.operation.name": "receive"}
        sent = {**subject.sink.attributes, "messaging.operation.name": "send"}
        counter = meter.create_observable_counter
        for name, unit, what, read in (
            (
                "messaging.client.consumed.messages",
                "{message}",
                "Messages that were fetched.",
                lambda: [Observation(self._fetched, received)],
            ),
            (
                "messaging.client.sent.messages",
                "{message}",
                "Predictions that were acknowledged.",
                lambda: [Observation(self._sent, sent)],
            ),
            (
                "weir.events.dropped",
                "{event}",
                "Events let go because their partitions moved; another worker has them.",
                lambda: [Observation(self._dropped, self._source)],
            ),
            (
                "weir.batches.failed",
                "{batch}",
                "Batches that were not acknowledged.",
                lambda: [
                    Observation(count, {**self._source, "error.type": kind}) for kind, count in self._failed.items()
                ],
            ),
            (
                "weir.event.latency",
                "{event}",
                "Events from their own time to the acknowledgement: those within `le` milliseconds.",
                lambda: [
                    Observation(count, {**self._source, "le": bound}) for bound, count in self._latency.cumulative()
                ],
            ),
        ):
            counter(name, [_callback(read)], unit, what)
        meter.create_observable_up_down_counter(
            "weir.batches.in_flight",
            [_callback(lambda: [Observation(self._under_way, self._source)])],
            "{batch}",
            "Batches that were fetched and are not acknowledged yet.",
        )
        meter.create_observable_gauge(
            "weir.consumer.lag", [_callback(self._read_lag)], "{event}", "Events that wait in the source, by partition."
        )

    def _read_lag(self) -> list[Observation]:
        return [
            Observation(events, {**self._source, "messaging.destination.partition.id": str(number)})
            for number, events in sorted(self._lag.items())[:_PARTITIONS]
        ]


def _callback(read: Callable[[], list[Observation]]) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda _: read()


def _received(model: ModelCounts) -> Iterator[Observation]:
    yield Observation(model.received, model.attributes)


def _predicted(model: ModelCounts) -> Iterator[Observation]:
    yield Observation(model.predicted, model.attributes)


def _positive(model: ModelCounts) -> Iterator[Observation]:
    if model.manifest.outputs.positive is not None:
        yield Observation(model.positive, model.attributes)


def _rejected(model: ModelCounts) -> Iterator[Observation]:
    for code, count in model.rejected.items():
        yield Observation(count, {**model.attributes, "weir.error.code": code})


def _scores(model: ModelCounts) -> Iterator[Observation]:
    for bound, count in model.scores.cumulative():
        yield Observation(count, {**model.attributes, "le": bound})


def _looked_at(model: ModelCounts) -> Iterator[Observation]:
    yield Observation(model.features.rows, model.attributes)


def _nulls(model: ModelCounts) -> Iterator[Observation]:
    for feature, count in zip(model.features.features, model.features.nulls.tolist(), strict=True):
        if feature.nullable:
            yield Observation(count, {**model.attributes, "weir.feature": feature.name})


def _outside(model: ModelCounts) -> Iterator[Observation]:
    for feature, count in zip(model.features.features, model.features.outside.tolist(), strict=True):
        yield Observation(count, {**model.attributes, "weir.feature": feature.name})


def _in_use(model: ModelCounts) -> Iterator[Observation]:
    yield Observation(1, {**model.attributes, "weir.model.digest": model.manifest.digest})
