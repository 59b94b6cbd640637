"""What the estimator itself answers: the truth that the session is measured against."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from converters.layout import Layout
from scoring.errors import ConversionError
from scoring.manifest import Manifest
from scoring.outcomes import Label

__all__ = ["Answer", "Reference", "as_label"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an estimator answers to rows.

    Attributes:
        scores: probabilities, margins or values, float64 of shape [N, columns].
        labels: its decisions, shape [N]; None for a regression.
        margins: how far in score each row is from another decision, shape [N].
    """

    scores: NDArray[np.float64]
    labels: NDArray[Any] | None
    margins: NDArray[np.float64]


def as_label(value: Any) -> Label:
    """Returns a class of the estimator as predictions show it: a string, or an integer.

    Raises:
        ConversionError: it is neither, nor a whole number or a truth value.
    """
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, str):
        return plain
    if isinstance(plain, bool | int | float) and plain == int(plain):
        return int(plain)
    raise ConversionError(f"the class {plain!r} is neither a string nor an integer", remedy="Fit on such labels.")


class Reference:
    """A fitted estimator that answers as a manifest means it."""

    def __init__(self, estimator: Any, layout: Layout, manifest: Manifest) -> None:
        self._estimator = estimator
        self._layout = layout
        self._outputs = manifest.outputs
        self._task = manifest.task
        self._score = manifest.graph.score

    def answer(self, rows: pd.DataFrame) -> Answer:
        """Return the estimator's own answers to rows of the table.

        Raises:
            ConversionError: the estimator raised.
        """
        given = self._layout.of(rows)
        try:
            with warnings.catch_warnings():
                # an unseen category is warned of; here it is asked for
                warnings.simplefilter("ignore")
                return self._answer(given, len(rows))
        except ConversionError:
            raise
        except Exception as error:
            # every estimator has its own way to refuse rows
            text = " ".join(str(error).split())
            raise ConversionError(
                f"the estimator itself fails on the sample: {type(error).__name__}: {text[:300]}",
                remedy="Expected the columns of training, in the same types.",
            ) from error

    def _answer(self, given: Any, count: int) -> Answer:
        scores = np.asarray(self._scores(given), np.float64).reshape(count, -1)
        threshold = self._outputs.threshold
        if self._task == "regression":
            if scores.shape[1] > 1:
                raise ConversionError(
                    f"it answers {scores.shape[1]} values for one event, and a prediction has one",
                    remedy="Convert one regressor for each value.",
                )
            return Answer(scores=scores, labels=None, margins=np.full(count, np.inf))
        if threshold is not None:
            single = self._single(scores)
            labels = np.array(self._sides(), object)[np.where(single >= threshold, 0, 1)]
            return Answer(scores=scores, labels=labels, margins=np.abs(single - threshold))
        labels = np.empty(count, object)
        labels[:] = [as_label(value) for value in self._estimator.predict(given)]
        return Answer(scores=scores, labels=labels, margins=_margins(scores))

    def _scores(self, given: Any) -> Any:
        if self._score == "probabilities":
            return self._estimator.predict_proba(given)
        return self._estimator.decision_function(given) if self._score == "scores" else self._estimator.predict(given)

    def _single(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return scores[:, self._positive()] if scores.shape[1] > 1 else scores[:, 0]

    def _sides(self) -> tuple[Label, Label]:
        labels, positive = self._outputs.labels, self._positive()
        return labels[positive], labels[1 - positive]

    def _positive(self) -> int:
        return 0 if self._outputs.positive is None else self._outputs.labels.index(self._outputs.positive)


def _margins(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half the lead of the best class, which a difference of that size in both could undo; or the margin from zero."""
    if scores.shape[1] == 1:
        return np.asarray(np.abs(scores[:, 0]), np.float64)
    best = np.sort(scores, axis=1)[:, -2:]
    return np.asarray((best[:, 1] - best[:, 0]) / 2, np.float64)
