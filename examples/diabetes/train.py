"""Trains the diabetes model and measures it on patients it never saw.

The data are scikit-learn's (``load_diabetes``), from B. Efron, T. Hastie, I. Johnstone and R. Tibshirani, *Least Angle
Regression*, Annals of Statistics 32, 2004: 442 patients, and how far their disease had progressed a year later.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor, VotingRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.model_selection import KFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

__all__ = ["FEATURES", "SAMPLE", "TARGET", "Training", "make_model", "patients", "train"]

FEATURES: Final = ("AGE", "SEX", "BMI", "BP", "S1", "S2", "S3", "S4", "S5", "S6")
TARGET: Final = "Y"
SAMPLE: Final = {
    "data": [
        {"AGE": 59, "SEX": 2, "BMI": 32.1, "BP": 101, "S1": 157, "S2": 93.2, "S3": 38, "S4": 4, "S5": 4.8598, "S6": 87},
        {"AGE": 36, "SEX": 1, "BMI": 21.6, "BP": 83, "S1": 183, "S2": 103.2, "S3": 70, "S4": 3, "S5": 3.8918, "S6": 69},
    ]
}
_HELD_BACK: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A trained model and what it was made from.

    Attributes:
        model: the fitted regressor.
        properties: what was measured on the rows held back (``r2``, ``rmse``, ``mae``), the numbers of rows, and
            ``cross_validated_r2``: the mean over five splits of all patients. A hundred rows are few to measure on.
        training_table: the rows that it learnt from: the features, then the target.
        held_back_table: the rows that it was measured on, in the same columns.
    """

    model: VotingRegressor
    properties: dict[str, float]
    training_table: pd.DataFrame
    held_back_table: pd.DataFrame


def patients() -> pd.DataFrame:
    """Returns the 442 patients as they were measured: ``FEATURES`` and ``TARGET``.

    AGE in years, SEX 1 or 2, BMI in kg/m2, BP the mean arterial pressure in mmHg, S1 to S6 blood serum measurements.
    """
    frame: pd.DataFrame = load_diabetes(as_frame=True, scaled=False).frame
    frame.columns = pd.Index([*FEATURES, TARGET])
    return frame


def make_model() -> VotingRegressor:
    """Builds the unfitted model: the mean of boosted trees and of a ridge regression, better than either alone."""
    trees = GradientBoostingRegressor(n_estimators=120, learning_rate=0.05, max_depth=2, subsample=0.5, random_state=0)
    return VotingRegressor([("trees", trees), ("line", make_pipeline(StandardScaler(), Ridge(alpha=10.0)))])


@cache
def train() -> Training:
    """Returns the trained model, once for each process and always the same."""
    training, held_back = train_test_split(patients(), test_size=_HELD_BACK, random_state=0)
    model = make_model().fit(training[list(FEATURES)], training[TARGET])
    return Training(
        model=model,
        properties={
            **_measure(model, held_back),
            "cross_validated_r2": _cross_validated(),
            "training_rows": len(training),
            "test_rows": len(held_back),
        },
        training_table=training.reset_index(drop=True),
        held_back_table=held_back.reset_index(drop=True),
    )


def _measure(model: VotingRegressor, rows: pd.DataFrame) -> dict[str, float]:
    """The metrics, rounded to four digits."""
    expected, found = rows[TARGET], np.asarray(model.predict(rows[list(FEATURES)]))
    metrics = {"r2": r2_score, "rmse": root_mean_squared_error, "mae": mean_absolute_error}
    return {name: round(float(metric(expected, found)), 4) for name, metric in metrics.items()}


def _cross_validated() -> float:
    """The coefficient of determination, as the mean over five splits."""
    rows = patients()
    splits = KFold(n_splits=5, shuffle=True, random_state=0)
    return round(float(cross_val_score(make_model(), rows[list(FEATURES)], rows[TARGET], cv=splits).mean()), 4)
