"""What other observers know, as figures: drift, and what became of the rows that were to be collected."""

from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from telemetry.collection import Collector, Counts
from telemetry.drift import Drift, DriftFigures

__all__ = ["show_collection", "show_drift"]


def show_drift(meter: Meter, drift: Drift, door: str) -> None:
    """Make gauges of drift's figures: for each feature of each model, and for its score."""

    def gauge(name: str, what: str, value: Callable[[DriftFigures], float | None]) -> None:
        def observe(_: CallbackOptions) -> Iterable[Observation]:
            for figures in drift.figures():
                shown = value(figures)
                if shown is not None:
                    yield Observation(shown, _attributes(figures, door))

        meter.create_observable_gauge(name, [observe], "{index}", what)

    gauge("weir.drift.psi", "Population stability index against training.", lambda figures: figures.psi)
    gauge("weir.drift.ks", "Kolmogorov-Smirnov distance from training.", lambda figures: figures.ks)


def _attributes(figures: DriftFigures, door: str) -> dict[str, str | int]:
    name, _, version = figures.model.rpartition(":")
    return {
        "weir.model.name": name,
        "weir.model.version": int(version),
        "weir.output" if figures.is_score else "weir.feature": figures.feature,
        "weir.door": door,
    }


def show_collection(meter: Meter, collector: Collector) -> None:
    """Make counters of the rows that were written, and of those that were dropped."""

    def counter(name: str, what: str, value: Callable[[Counts], int]) -> None:
        def observe(_: CallbackOptions) -> Iterable[Observation]:
            yield Observation(value(collector.counts))

        meter.create_observable_counter(name, [observe], "{event}", what)

    counter("weir.collection.rows", "Rows that were written.", lambda counts: counts.collected)
    counter(
        "weir.collection.dropped", "Rows for which there was no room, or no storage.", lambda counts: counts.dropped
    )
