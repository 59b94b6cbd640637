"""Trains the loan model and measures it on applications that it never saw, always the same ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, roc_auc_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from examples.loans.applications import APPROVED, DENIED, FEATURES, LABEL, decided

__all__ = ["SAMPLE", "TRAINING_ROWS", "Training", "auc", "held_back", "make_model", "train"]

TRAINING_ROWS: Final = 20_000
SAMPLE: Final = {"data": [[2000, 2, 45], [2000, 9, 45]], "method": "predict_proba"}
_HELD_BACK_ROWS: Final = 10_000
_TRAINING_SEED: Final = 1
_HELD_BACK_SEED: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A trained model and what it was made from.

    Attributes:
        model: the fitted classifier.
        properties: ``accuracy`` and ``auc`` on the rows held back, and the numbers of rows.
        tags: the framework and its version, and the algorithm.
        training_table: the rows that it learnt from: the features, then the label.
    """

    model: HistGradientBoostingClassifier
    properties: dict[str, float]
    tags: dict[str, str]
    training_table: pd.DataFrame


def make_model() -> HistGradientBoostingClassifier:
    """Builds the unfitted classifier.

    More income never counts against an applicant and more cards never count for one, whatever the sample says.
    """
    constraints = {"income": -1, "credit_cards": 1, "age": 0}  # of the second class, which is `denied`
    return HistGradientBoostingClassifier(
        max_iter=60,
        learning_rate=0.1,
        max_leaf_nodes=15,
        monotonic_cst=[constraints[name] for name in FEATURES],
        early_stopping=False,
        random_state=0,
    )


def held_back() -> pd.DataFrame:
    """Returns the rows that every model is measured on: the features, then the label."""
    return decided(_HELD_BACK_ROWS, _HELD_BACK_SEED)[[*FEATURES, LABEL]]


def train(rows: int = TRAINING_ROWS) -> Training:
    """Returns a trained model, the same for the same number of rows.

    Args:
        rows: how many decided applications to learn from.
    """
    training, test = decided(rows, _TRAINING_SEED)[[*FEATURES, LABEL]], held_back()
    # one thread: the same sums on any machine, and no threads that wait for each other on a busy one
    with threadpool_limits(1):
        model = make_model().fit(training[list(FEATURES)].to_numpy(), training[LABEL])
        approved = model.predict_proba(test[list(FEATURES)].to_numpy())[:, model.classes_.tolist().index(APPROVED)]
    accuracy = accuracy_score(test[LABEL], np.where(approved >= 0.5, APPROVED, DENIED))
    return Training(
        model=model,
        properties={
            "accuracy": round(float(accuracy), 4),
            "auc": auc(test[LABEL], approved),
            "training_rows": rows,
            "test_rows": len(test),
        },
        tags={
            "framework": "scikit-learn",
            "framework_version": sklearn.__version__,
            "algorithm": type(model).__name__,
        },
        training_table=training,
    )


def auc(labels: "pd.Series[Any]", approved: Sequence[float]) -> float:
    """Returns the area under the ROC curve, rounded to four digits, of probabilities of approval."""
    return round(float(roc_auc_score(labels == APPROVED, approved)), 4)
