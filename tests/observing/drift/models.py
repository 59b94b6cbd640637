"""Manifests with baselines, and the facts of rows that were scored under them."""

from datetime import UTC, datetime

import numpy as np

from scoring import Baseline, Event, Feature, Graph, Manifest, ModelIdentity, Outputs, Prediction, Rejected
from scoring.columns import Block
from telemetry import RowFacts

EDGES = tuple(float(edge) for edge in range(1, 10))
TENTHS = Baseline(edges=EDGES, counts=(100,) * 10)


def number(name, dtype="float32", baseline=TENTHS, **more):
    return Feature(name=name, path=(name,), dtype=dtype, minimum=0.0, maximum=10.0, baseline=baseline, **more)


def manifest(*features, version=1, score=Baseline(edges=(0.5,), counts=(500, 500)), digest="0" * 64):  # noqa: B008
    return Manifest(
        name="payments",
        version=version,
        task="binary",
        features=features or (number("a"), number("b")),
        graph=Graph(form="columns", score="probabilities"),
        outputs=Outputs(labels=(0, 1), positive=1, baseline=score),
        opset={"ai.onnx": 18},
        digest=digest,
        created=datetime(2026, 1, 1, tzinfo=UTC),
    )


def facts(model, columns, scores=None, refused=()):
    """What an observer is told of rows; the events of `refused` places among them were turned down."""
    rows = len(next(iter(columns.values())))
    scores = np.full(rows, 0.25) if scores is None else scores
    identity = ModelIdentity(name=model.name, version=model.version, digest=model.digest)
    outcomes, kept = [], []
    answers = iter(scores)
    for place in range(rows + len(refused)):
        if place in refused:
            outcomes.append(Rejected("empty", "nothing"))
        else:
            kept.append(place)
            outcomes.append(
                Prediction(prediction_id="p", event_id=None, model=identity, label=0, score=float(next(answers)))
            )
    events = [Event(b"{}")] * len(outcomes)
    return RowFacts(manifest=model, events=events, outcomes=outcomes, rows=kept, columns=columns)


def block(**columns):
    """Columns as the pipeline lays them out where all are float32."""
    return Block(tuple(columns), np.column_stack([np.asarray(each, np.float32) for each in columns.values()]))
