"""Every estimator of scikit-learn that plain numbers can fit, fitted on small tables: what `support` compares."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDOneClassSVM
from sklearn.neighbors import LocalOutlierFactor
from sklearn.svm import OneClassSVM
from sklearn.utils import all_estimators

__all__ = ["Kind", "Subject", "subjects"]

Kind = Literal["classifier", "regressor", "outlier detector", "transformer"]
_ROWS: Final = 240
_HELD_BACK: Final = 61
_FEATURES: Final = 4

Array = np.ndarray[Any, np.dtype[Any]]


class Subject(NamedTuple):
    """A fitted estimator and rows it has not seen.

    Attributes:
        estimator: fitted.
        held_back: float64 [rows, features], each value exact in float32, so that both sides read the same numbers.
    """

    estimator: Any
    held_back: Array


# Estimators that need more than their defaults: an inner estimator, or a choice without which they raise.
_MADE: Final[dict[str, Callable[[type], Any]]] = {
    "ClassifierChain": lambda kind: kind(LogisticRegression()),
    "FixedThresholdClassifier": lambda kind: kind(LogisticRegression(), threshold=0.3),
    "MultiOutputClassifier": lambda kind: kind(LogisticRegression()),
    "MultiOutputRegressor": lambda kind: kind(Ridge()),
    "OneVsOneClassifier": lambda kind: kind(LogisticRegression()),
    "OneVsRestClassifier": lambda kind: kind(LogisticRegression()),
    "OutputCodeClassifier": lambda kind: kind(LogisticRegression()),
    "RadiusNeighborsClassifier": lambda kind: kind(outlier_label="most_frequent"),
    "RegressorChain": lambda kind: kind(Ridge()),
    "SelfTrainingClassifier": lambda kind: kind(LogisticRegression()),
    "StackingClassifier": lambda kind: kind([("forest", RandomForestClassifier(5)), ("line", LogisticRegression())]),
    "StackingRegressor": lambda kind: kind([("forest", RandomForestRegressor(5)), ("line", Ridge())]),
    "TransformedTargetRegressor": lambda kind: kind(LinearRegression(), func=np.log1p, inverse_func=np.expm1),
    "TunedThresholdClassifierCV": lambda kind: kind(LogisticRegression()),
    "VotingClassifier": lambda kind: kind(
        [("forest", RandomForestClassifier(5)), ("line", LogisticRegression())], voting="soft"
    ),
    "VotingRegressor": lambda kind: kind([("forest", RandomForestRegressor(5)), ("line", Ridge())]),
    "SelectFromModel": lambda kind: kind(LogisticRegression()),
    "SequentialFeatureSelector": lambda kind: kind(LogisticRegression()),
}
_DETECTORS: Final[dict[str, Callable[[], Any]]] = {
    "EllipticEnvelope": EllipticEnvelope,
    "IsolationForest": IsolationForest,
    "LocalOutlierFactor": lambda: LocalOutlierFactor(novelty=True),
    "OneClassSVM": OneClassSVM,
    "SGDOneClassSVM": SGDOneClassSVM,
}
_COUNTS: Final = ("CategoricalNB", "OneHotEncoder", "OrdinalEncoder", "TargetEncoder")
_NOT_NUMBERS: Final = ("FeatureHasher", "HashingVectorizer", "PatchExtractor")  # they fit anything, and read texts
_POSITIVE: Final = (
    "AdditiveChi2Sampler", "ComplementNB", "LatentDirichletAllocation", "MiniBatchNMF", "MultinomialNB", "NMF",
)  # fmt: skip
_TWO_TARGETS: Final = (
    "CCA", "MultiOutputRegressor", "MultiTaskElasticNet", "MultiTaskElasticNetCV", "MultiTaskLasso", "MultiTaskLassoCV",
    "PLSCanonical", "PLSRegression", "PLSSVD", "RegressorChain",
)  # fmt: skip


def subjects(kind: Kind) -> Iterator[tuple[str, list[Subject]]]:
    """Yields each estimator's name with what could be fitted of it: one subject for each table that suits it.

    Args:
        kind: which estimators.
    """
    if kind == "outlier detector":
        made = [(name, make()) for name, make in _DETECTORS.items()]
    else:
        made = [(name, _make(name, cls)) for name, cls in all_estimators(type_filter=kind)]
    for name, estimator in made:
        if estimator is not None and name not in _NOT_NUMBERS:
            fitted = [subject for table in _tables(name, kind) if (subject := _fit(estimator, *table))]
            if fitted and (kind != "transformer" or _only_transforms(fitted[0].estimator)):
                yield name, fitted


def _only_transforms(estimator: Any) -> bool:
    """Whether it is a step before a predictor, rather than a predictor that can also be one."""
    return hasattr(estimator, "transform") and not hasattr(estimator, "predict")


def _make(name: str, kind: type) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of estimators that a later release drops
        try:
            estimator = _MADE[name](kind) if name in _MADE else kind()
        except TypeError:  # made of other estimators in a way of its own: a pipeline's shape rather than a step
            return None
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=0)
    return estimator


def _features(name: str) -> Array:
    drawn = np.random.default_rng(7).normal(size=(_ROWS, _FEATURES))
    if name in _COUNTS:
        drawn = np.floor(np.abs(drawn) * 2).clip(0, 4)
    if name in _POSITIVE:
        drawn = np.abs(drawn)
    if name == "IsotonicRegression":
        drawn = drawn[:, :1]
    return drawn.astype(np.float32).astype(np.float64)


def _tables(name: str, kind: Kind) -> Iterator[tuple[Array, Array]]:
    """Features with a target, float64 [rows, features] and [rows] or [rows, targets]."""
    features = _features(name)
    noise = np.random.default_rng(11).normal(scale=0.5, size=len(features))
    line = features.sum(axis=1) + noise
    if kind == "regressor" or name in _TWO_TARGETS:
        value = np.exp(line / 4)  # above zero, for the gamma and Poisson families and for logarithms
        yield features, np.column_stack([value, value**2 + noise]) if name in _TWO_TARGETS else value
        return
    two = (line > np.median(line)).astype(np.int64)
    if name in ("ClassifierChain", "MultiOutputClassifier"):
        two = np.column_stack([two, 1 - two])
    yield features, two
    if kind == "classifier" and two.ndim == 1:
        yield features, np.digitize(line, np.quantile(line, [0.4, 0.7]))


def _fit(estimator: Any, features: Array, target: Array) -> Subject | None:
    seen = len(features) - _HELD_BACK
    with warnings.catch_warnings():
        # Estimators warn of their defaults and of small tables: it is the comparison that counts, not the fit.
        warnings.simplefilter("ignore")
        try:
            # A classifier that takes two classes only, or a transformer of texts, raises in its own way.
            fitted = clone(estimator).fit(features[:seen], target[:seen])
        except Exception:  # noqa: BLE001 - see above: it cannot be fitted on this table, which is all that is asked
            return None
    return Subject(fitted, features[seen:])
