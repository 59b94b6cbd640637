"""Baselines for drift: how numbers and scores were distributed in training, as counts in bins.

Rules:
- A number equal to an edge is in the bin below it: of a column that is mostly zero, the zeros have a bin.
- Numbers are compared with edges as serving will: both as float32 where the feature is.
"""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from converters.layout import serving_columns
from models import OnnxScorer
from scoring import Event, Pipeline, Prediction, Prepared
from scoring.errors import ConversionError
from scoring.manifest import Baseline, Dtype, Manifest

__all__ = ["MAX_SCORED", "number_baseline", "score_baseline"]

MAX_SCORED: Final = 20_000
_DECILES: Final = np.arange(0.1, 1.0, 0.1)


def number_baseline(present: NDArray[np.float64], dtype: Dtype, *, nulls: int = 0) -> Baseline:
    """Returns the distribution of a column of numbers, in bins that hold about a tenth of its rows each.

    Args:
        present: the numbers, shape [N], without nulls.
        dtype: what serving makes of them.
        nulls: rows without one.
    """
    if not present.size:
        return Baseline(counts=(0,), nulls=nulls)
    edges = np.array([0.5]) if dtype == "bool" else np.unique(np.quantile(present, _DECILES))
    kind = np.float32 if dtype == "float32" else np.float64
    with np.errstate(over="ignore"):  # what float32 cannot hold is refused elsewhere, in words
        bins = np.searchsorted(edges.astype(kind), present.astype(kind), side="left")
    counts = np.bincount(bins, minlength=len(edges) + 1)
    return Baseline(edges=tuple(edges.tolist()), counts=tuple(counts.tolist()), nulls=nulls)


def score_baseline(manifest: Manifest, model: bytes, rows: pd.DataFrame) -> Baseline | None:
    """Returns the distribution of the scores that predictions carry, as the certified session gives them.

    Args:
        manifest: with its certificate.
        model: the serialised graph.
        rows: of the table; `MAX_SCORED` of them are scored, evenly spread over it.

    Returns:
        None where the rows cannot be scored.
    """
    few = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MAX_SCORED)).astype(np.int64))
    try:
        columns = serving_columns(manifest.features, rows.iloc[few])
    except ConversionError:  # they hold numbers that serving refuses: the certificate was made of other rows
        return None
    padding = 1 if manifest.certificate is None else manifest.certificate.padding
    pipeline = Pipeline(manifest, OnnxScorer(model, manifest.features, manifest.graph, padding=padding))
    prepared = Prepared(
        events=[Event(b"")] * len(few), rejected={}, rows=range(len(few)), columns=columns, event_ids=None
    )
    outcomes = pipeline.finish(pipeline.run(prepared))
    scores = np.array([outcome.score for outcome in outcomes if isinstance(outcome, Prediction)])
    return number_baseline(scores, "float64") if scores.size else None
