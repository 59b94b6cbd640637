"""Names for the parts of a fitted estimator: the words in which a conversion's refusal points at one of them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

__all__ = ["Step", "last_step", "walk"]


class Step(NamedTuple):
    """One part of a fitted estimator.

    Attributes:
        path: the names that lead to it, joined by dots; empty for the estimator itself.
        estimator: the fitted part.
        in_line: whether rows flow straight into it (a pipeline's step), rather than through another estimator's code.
    """

    path: str
    estimator: Any
    in_line: bool

    def __str__(self) -> str:
        kind = type(self.estimator).__name__
        return f"{self.path}: {kind}" if self.path else kind


def walk(estimator: Any) -> Iterator[Step]:
    """Yields the estimator and every fitted part of it, outermost first.

    Args:
        estimator: a fitted estimator, Pipeline, ColumnTransformer or meta-estimator.
    """
    yield from _walk(estimator, "", in_line=True, seen=set())


def last_step(estimator: Any) -> Any:
    """The fitted estimator that answers: behind pipelines and searches, the last step and the best one found."""
    while True:
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            return estimator


def _walk(estimator: Any, path: str, *, in_line: bool, seen: set[int]) -> Iterator[Step]:
    if id(estimator) in seen:
        return
    seen.add(id(estimator))
    yield Step(path, estimator, in_line)
    structural = isinstance(estimator, Pipeline | ColumnTransformer | FeatureUnion)
    for name, part in _parts(estimator):
        yield from _walk(part, f"{path}.{name}" if path else name, in_line=in_line and structural, seen=seen)


def _parts(estimator: Any) -> Iterator[tuple[str, Any]]:
    """The direct parts: named steps where there are names, fitted attributes (`estimator_`, ...) elsewhere."""
    if isinstance(estimator, Pipeline):
        named = estimator.steps
    elif isinstance(estimator, ColumnTransformer):
        named = [(name, part) for name, part, _ in estimator.transformers_]
    elif isinstance(estimator, FeatureUnion):
        named = estimator.transformer_list
    else:
        named = [pair for key, value in vars(estimator).items() if key.endswith("_") for pair in _attribute(key, value)]
    yield from ((name, part) for name, part in named if isinstance(part, BaseEstimator))


def _attribute(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list | tuple):
        yield from ((f"{key}[{index}]", part) for index, part in enumerate(value))
    elif isinstance(value, np.ndarray) and value.dtype.hasobject:  # GradientBoosting keeps its trees in an array
        yield from ((f"{key}[{index}]", part) for index, part in enumerate(value.ravel()))
    else:
        yield key, value
