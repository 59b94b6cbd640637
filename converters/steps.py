"""Names for the parts of a fitted estimator: the words in which a conversion's refusal points at one of them."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import IsolationForest
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.feature_selection import SelectorMixin
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, OneHotEncoder, OrdinalEncoder
from sklearn.tree import BaseDecisionTree

__all__ = ["Step", "computes_before_trees", "last_step", "walk"]

# Steps that hand a value on, choose among values, or write whole numbers: float32 holds what they answer.
_EXACT_STEPS: Final = (
    ColumnTransformer,
    FeatureUnion,
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    Pipeline,
    SelectorMixin,
)
_TREES: Final = (
    BaseDecisionTree,
    BaseForest,
    BaseGradientBoosting,
    BaseHistGradientBoosting,
    IsolationForest,
)


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


def computes_before_trees(estimator: Any) -> bool:
    """Whether trees compare numbers that the steps before them have computed, rather than handed on."""
    trees = last_step(estimator)
    if not isinstance(trees, _TREES) and type(trees).__module__.partition(".")[0] not in ("lightgbm", "xgboost"):
        return False
    parts = [step.estimator for step in walk(estimator) if step.in_line and step.estimator is not trees]
    return any(not isinstance(part, _EXACT_STEPS) for part in parts if part is not estimator)


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
