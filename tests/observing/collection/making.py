"""Batches as the doors hand them to observers, and collections as readers find them."""

import io
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scoring import Event, FakeScorer, Manifest, Outputs, Pipeline, Position
from telemetry import RowFacts
from telemetry.collection import CollectionSettings
from tests.scoring.makers import feature, manifest

KEY = "a key of 16 bytes or more"
HOUR_NS = 3_600_000_000_000
NOON_NS = 1_763_640_000_000_000_000  # 2025-11-20T12:00:00Z


def card_manifest(**more: Any) -> Manifest:
    """A model of an amount, a nullable country and a card number."""
    features = (feature("amount"), feature("country", "string", nullable=True), feature("card", "string"))
    outputs = Outputs(labels=("no", "yes"), positive="yes", threshold=0.5)
    return manifest(*features, task="binary", outputs=outputs, **({"event_id": ("id",)} | more))


def pipeline_of(model: Manifest) -> Pipeline:
    """Scores that follow from the first feature."""
    first, classes = model.features[0].name, len(model.outputs.labels)

    def score(columns: Mapping[str, Any]) -> Any:
        value = np.tanh(
            np.abs(np.nan_to_num(np.asarray(columns[first], np.float32))).reshape(len(columns[first]), -1)[:, 0]
        )
        return value if not classes else np.stack([1 - value, *[value / (classes - 1)] * (classes - 1)], axis=1)

    return Pipeline(model, FakeScorer(score))


def facts_of(pipeline: Pipeline, events: Sequence[Event], form: Any = "event") -> RowFacts:
    """What a door tells its observer of a batch."""
    prepared = pipeline.prepare(events, form)
    outcomes = pipeline.finish(pipeline.run(prepared))
    return RowFacts(
        manifest=pipeline.manifest, events=events, outcomes=outcomes, rows=prepared.rows, columns=prepared.columns
    )


def payment(number: int, **more: Any) -> dict[str, Any]:
    """The fields of an event that `card_manifest` takes."""
    card = f"4000{number:012}"
    return {"id": f"tx-{number}", "amount": number / 8, "country": ("de", None)[number % 2], "card": card} | more


def placed(events: Sequence[Event]) -> list[Event]:
    """The events where a stream would have them."""
    return [Event(event.value, position=Position("tx", 0, offset)) for offset, event in enumerate(events)]


def settings(to: Path | str = "unused", **more: Any) -> CollectionSettings:
    """Settings that collect all, where not told otherwise."""
    return CollectionSettings.model_validate({"to": str(to), "share": 1} | more)


def read(content: bytes) -> pa.Table:
    """The rows of a file."""
    return pq.read_table(io.BytesIO(content))


def rows_below(folder: Path) -> list[dict[str, Any]]:
    """The rows of all files that a reader finds."""
    return [row for path in sorted(folder.rglob("[!.]*.parquet")) for row in pq.read_table(path).to_pylist()]


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Return when something has become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)
