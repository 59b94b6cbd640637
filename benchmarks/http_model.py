"""The model behind every server, in the form that each of them wants, and the rows that it is asked about."""

from dataclasses import dataclass
from pathlib import Path

import joblib
import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.workload import FEATURES, event_bodies
from converters import Columns, Source, convert, sample_of
from models import LocalStore

__all__ = ["Rows", "add_models", "rows_to_ask"]

_SEED = 7


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows to ask about, and what scikit-learn says of them.

    Attributes:
        values: float32, one row each.
        probabilities: of the positive class.
    """

    values: NDArray[np.float32]
    probabilities: NDArray[np.float64]


def add_models(folder: Path) -> HistGradientBoostingClassifier:
    """Train the stream benchmark's model; write it for Weir, for onnxruntime alone and for scikit-learn's servers.

    Args:
        folder: gets `store/`, `model.onnx` and `model.joblib`.

    Returns:
        The estimator, as the other servers load it.
    """
    random = np.random.default_rng(_SEED)
    table = pd.DataFrame(random.normal(50.0, 25.0, (20_000, len(FEATURES))).astype(np.float32), columns=list(FEATURES))
    signal = table[FEATURES[0]] + 0.5 * table[FEATURES[1]] - 0.3 * table[FEATURES[2]]
    label = (signal + random.normal(0, 20, len(table)) > signal.quantile(0.9)).astype(int)
    model = HistGradientBoostingClassifier(max_iter=200, early_stopping=False, random_state=_SEED).fit(table, label)
    source = Source(
        estimator=model,
        sample=sample_of(table.assign(label=label), name="seeded"),
        columns=Columns(label="label", event_id="transaction_id"),
    )
    store = folder / "store"
    manifest = convert(source, name="benchmark", store=LocalStore(store), positive=1, threshold=0.5)
    (folder / "model.onnx").write_bytes((store / "benchmark" / str(manifest.version) / "model.onnx").read_bytes())
    # the other servers give it arrays: without names it takes them without a warning each time
    del model.feature_names_in_
    joblib.dump(model, folder / "model.joblib")
    return model


def rows_to_ask(model: HistGradientBoostingClassifier, count: int) -> Rows:
    """Return the numbers of the stream benchmark's first events, with scikit-learn's own answers."""
    events = (msgspec.json.decode(body) for _, body in event_bodies(count))
    values = np.array([[event[name] for name in FEATURES] for event in events], np.float32)
    return Rows(values, model.predict_proba(values)[:, 1])
