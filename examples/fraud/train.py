"""Trains the fraud model and measures it as it would be used: on days that come after those it learnt from.

The decision threshold is chosen on a validation period, and the metrics are those of the test period (``periods.py``).
"""

from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from examples.fraud.features import feature_table
from examples.fraud.periods import Periods, period_rows, simulated
from examples.fraud.schema import LABEL, names
from examples.fraud.simulator import SECONDS_PER_DAY, Simulation

__all__ = [
    "Training",
    "held_back_table",
    "make_model",
    "model",
    "properties",
    "threshold",
    "train",
    "training_table",
]

Floats: TypeAlias = npt.NDArray[np.float64]

TOP: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A trained model and what it was made from.

    Attributes:
        model: The fitted pipeline.
        threshold: Probability of fraud from which a transaction is called a fraud.
        properties: What was measured, by name: ``test_*``, ``training_rows`` and the ``threshold``.
        training_table: The rows the model learnt from: the features, then the label.
        held_back_table: The rows it was measured on, in the same columns.
    """

    model: Pipeline
    threshold: float
    properties: dict[str, float]
    training_table: pd.DataFrame
    held_back_table: pd.DataFrame


def make_model() -> Pipeline:
    """Builds the unfitted pipeline.

    Numbers go in as they are: the trees know what to do with NaN. Categories that training did not show set no column.
    """
    columns = ColumnTransformer(
        [
            ("numbers", "passthrough", names("float32", "int64")),
            ("flags", "passthrough", names("bool")),
            ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), names("string")),
        ],
    )
    # No early stopping: it would hold rows back at random, and the validation period is already there.
    trees = HistGradientBoostingClassifier(
        max_iter=120, learning_rate=0.06, max_leaf_nodes=15, min_samples_leaf=30, early_stopping=False, random_state=0
    )
    return Pipeline([("columns", columns), ("trees", trees)])


def train(simulation: Simulation | None = None, periods: Periods | None = None) -> Training:
    """Simulates, computes features, fits, chooses the threshold and measures.

    Args:
        simulation: What to simulate; the default simulation if None.
        periods: Which days serve what; the end of the simulation if None.

    Returns:
        The same training for the same arguments.
    """
    simulation = simulation or Simulation()
    periods = periods or Periods.of(simulation.days)
    rows = simulated(simulation)
    training = feature_table(period_rows(rows, periods.training))
    validation = feature_table(period_rows(rows, periods.validation))
    test = period_rows(rows, periods.test)
    fitted = make_model().fit(training[names()], training[LABEL])
    chosen = _best_threshold(validation[LABEL], _probabilities(fitted, validation))
    measured = _measure(test, _probabilities(fitted, test), chosen)
    return Training(
        model=fitted,
        threshold=chosen,
        properties=measured | {"training_rows": len(training), "threshold": chosen},
        training_table=training,
        held_back_table=feature_table(test),
    )


@cache
def _trained() -> Training:
    """The default training, once for each process."""
    return train()


def model() -> Pipeline:
    """Returns the fitted pipeline of the default simulation: the converter's entry point."""
    return _trained().model


def threshold() -> float:
    """Returns the probability of fraud from which the default model calls a transaction a fraud."""
    return _trained().threshold


def properties() -> dict[str, float]:
    """Returns what was measured of the default model, by name."""
    return dict(_trained().properties)


def training_table() -> pd.DataFrame:
    """Returns what the default model learnt from: the features in the order of ``FEATURES``, then the label."""
    return _trained().training_table.copy()


def held_back_table() -> pd.DataFrame:
    """Returns what the default model was measured on, rows it never saw, in the columns of ``training_table``."""
    return _trained().held_back_table.copy()


def _probabilities(fitted: Pipeline, rows: pd.DataFrame) -> Floats:
    """The probability of fraud of each row."""
    probabilities: Floats = fitted.predict_proba(rows[names()])[:, 1]
    return probabilities


def _best_threshold(labels: "pd.Series[int]", probabilities: Floats) -> float:
    """The threshold with the best F1 score, rounded to four digits to be read and repeated."""
    precision, recall, thresholds = precision_recall_curve(labels, probabilities)
    score = 2 * precision * recall / np.maximum(precision + recall, np.finfo(np.float64).tiny)
    return round(float(thresholds[np.argmax(score[:-1])]), 4)


def _measure(test: pd.DataFrame, probabilities: Floats, chosen: float) -> dict[str, float]:
    """The metrics of the test period, rounded to four digits.

    The handbook counts cards among the top 100 of a day. Here transactions are counted: among the top 100 of the whole
    period, and among the top 100 of each day, averaged over its days.
    """
    labels, alerts = test[LABEL].to_numpy(), probabilities >= chosen
    caught = int((labels & alerts).sum())
    days = test["seconds"] // SECONDS_PER_DAY
    scored = pd.DataFrame({"score": probabilities, "fraud": labels, "day": days})
    top = scored.sort_values("score", ascending=False, kind="stable")
    metrics = {
        "test_fraud_rate": labels.mean(),
        "test_average_precision": average_precision_score(labels, probabilities),
        "test_roc_auc": roc_auc_score(labels, probabilities),
        "test_precision_top_100": top["fraud"].head(TOP).mean(),
        "test_precision_top_100_a_day": top.groupby("day").head(TOP).groupby("day")["fraud"].mean().mean(),
        "test_precision": caught / max(int(alerts.sum()), 1),
        "test_recall": caught / max(int(labels.sum()), 1),
    }
    counts = {"test_rows": len(test), "test_alerts": int(alerts.sum())}
    return counts | {name: round(float(value), 4) for name, value in metrics.items()}
