"""What the original itself answers: the truth that the session is measured against."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from converters.layout import Layout
from converters.probes import Probe
from scoring.errors import ConversionError
from scoring.manifest import Manifest
from scoring.outcomes import Label

__all__ = ["Answer", "Columns", "EstimatorReference", "Function", "FunctionReference", "Reference", "as_label"]

Columns: TypeAlias = Mapping[str, NDArray[Any]]
Function: TypeAlias = Callable[[Columns], tuple[NDArray[Any] | None, NDArray[Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the original answers to rows.

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


class Reference(Protocol):
    """The original: what the session is to answer like.

    Attributes:
        title: what to call it in words.
    """

    title: str

    def answer(self, probe: Probe) -> Answer:
        """Return the original's own answers to the rows of a probe.

        Raises:
            ConversionError: the original raised.
        """
        ...


class EstimatorReference:
    """A fitted estimator that answers as a manifest means it."""

    title: str = "the estimator"

    def __init__(self, estimator: Any, layout: Layout, manifest: Manifest) -> None:
        self._estimator = estimator
        self._layout = layout
        self._manifest = manifest

    def answer(self, probe: Probe) -> Answer:
        """Return the estimator's own answers to rows of the table.

        Raises:
            ConversionError: the estimator raised.
        """
        given = self._layout.of(probe.rows)
        try:
            with warnings.catch_warnings():
                # an unseen category is warned of; here it is asked for
                warnings.simplefilter("ignore")
                scores = self._scores(given)
                return _judged(self._manifest, scores, len(probe.rows), lambda: self._estimator.predict(given))
        except ConversionError:
            raise
        except Exception as error:  # noqa: BLE001 - every estimator has its own way to refuse rows
            _fail(error, self.title, "Expected the columns of training, in the same types.")

    def _scores(self, given: Any) -> Any:
        score = self._manifest.graph.score
        if score == "probabilities":
            return self._estimator.predict_proba(given)
        return self._estimator.decision_function(given) if score == "scores" else self._estimator.predict(given)


class FunctionReference:
    """A Python function that says what a graph is to answer.

    Its decisions may be None where they follow from the scores: for a threshold, and for the best of several classes.
    """

    title: str = "the reference"

    def __init__(self, function: Function, manifest: Manifest) -> None:
        self._function = function
        self._manifest = manifest

    def answer(self, probe: Probe) -> Answer:
        """Return the function's answers to the columns of a probe.

        Raises:
            ConversionError: the function raised, or gave another number of scores than there are rows.
        """
        try:
            labels, scores = self._function(probe.columns)
            return _judged(self._manifest, scores, len(probe.rows), lambda: self._decided(labels, scores))
        except ConversionError:
            raise
        except Exception as error:  # noqa: BLE001 - the function is anybody's
            _fail(error, self.title, "Expected a function of columns, as serving has them, to labels and scores.")

    def _decided(self, labels: NDArray[Any] | None, scores: NDArray[Any]) -> Any:
        if labels is not None:
            return labels
        known = self._manifest.outputs.labels
        if self._manifest.task != "multiclass":
            raise ConversionError(
                f"the reference gives no labels for a {self._manifest.task} model without a threshold",
                remedy="Return its decisions beside its scores, or set a threshold.",
            )
        return [known[column] for column in np.argmax(scores, axis=1)]


def _fail(error: Exception, title: str, remedy: str) -> NoReturn:
    text = " ".join(str(error).split())
    raise ConversionError(
        f"{title} itself fails on the sample: {type(error).__name__}: {text[:300]}", remedy=remedy
    ) from error


def _judged(manifest: Manifest, given: Any, count: int, decide: Callable[[], Any]) -> Answer:
    """Scores and decisions as the manifest means them; `decide` is asked where no threshold decides."""
    scores = np.asarray(given, np.float64).reshape(count, -1)
    threshold = manifest.outputs.threshold
    if manifest.task == "regression":
        if scores.shape[1] > 1:
            raise ConversionError(
                f"it answers {scores.shape[1]} values for one event, and a prediction has one",
                remedy="Convert one regressor for each value.",
            )
        return Answer(scores=scores, labels=None, margins=np.full(count, np.inf))
    if threshold is not None:
        known, positive = manifest.outputs.labels, _positive(manifest)
        single = scores[:, positive] if scores.shape[1] > 1 else scores[:, 0]
        sides = np.array([known[positive], known[1 - positive]], object)
        labels = sides[np.where(single >= threshold, 0, 1)]
        return Answer(scores=scores, labels=labels, margins=np.abs(single - threshold))
    labels = np.empty(count, object)
    labels[:] = [as_label(value) for value in decide()]
    return Answer(scores=scores, labels=labels, margins=_margins(scores))


def _positive(manifest: Manifest) -> int:
    outputs = manifest.outputs
    return 0 if outputs.positive is None else outputs.labels.index(outputs.positive)


def _margins(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half the lead of the best class, which a difference of that size in both could undo; or the margin from zero."""
    if scores.shape[1] == 1:
        return np.asarray(np.abs(scores[:, 0]), np.float64)
    best = np.sort(scores, axis=1)[:, -2:]
    return np.asarray((best[:, 1] - best[:, 0]) / 2, np.float64)
