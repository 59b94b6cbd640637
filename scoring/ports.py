"""What the core asks of the world: something that scores columns. And its fake."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["FakeScorer", "Scorer", "Scores"]


@dataclass(frozen=True, slots=True)
class Scores:
    """What a session answers.

    Attributes:
        labels: decisions, shape [N], int64 or str; None where the graph makes none.
        scores: probabilities, shape [N, classes]; or values or anomaly scores, shape [N].
    """

    labels: NDArray[Any] | None
    scores: NDArray[Any]


class Scorer(Protocol):
    """A model that can be run. Called from a thread, one call at a time or several."""

    def run(self, columns: Mapping[str, NDArray[Any]]) -> Scores:
        """Return the scores of all rows; a row's bits do not depend on its neighbours.

        Args:
            columns: for each feature an array of shape [N] or [N, *shape] in the feature's dtype; N is at least 1.

        Raises:
            ScoringError: the session failed on this batch; the caller looks for the guilty rows.
        """
        ...


@dataclass(frozen=True, slots=True)
class FakeScorer:
    """A scorer made of a NumPy function from columns to scores."""

    function: Callable[[Mapping[str, NDArray[Any]]], NDArray[Any]]

    def run(self, columns: Mapping[str, NDArray[Any]]) -> Scores:
        """Return the function's scores, with no labels."""
        return Scores(labels=None, scores=np.asarray(self.function(columns)))
