"""The model behind every server, in the form that each of them wants, and the rows that it is asked about."""

from dataclasses import dataclass
from pathlib import Path

import joblib
import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.workload import FEATURES, add_model, event_bodies
from models import LocalStore

__all__ = ["Rows", "add_models", "rows_to_ask"]


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
    store = folder / "store"
    manifest, model = add_model(LocalStore(store))
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
