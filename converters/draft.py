"""What a new model's manifest says: how its graph is fed, what its scores mean, what it was made with."""

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import onnx
from sklearn.base import is_classifier, is_outlier_detector, is_regressor

from converters.door import GraphInput
from converters.export import to_onnx
from converters.layout import reads_columns_apart
from converters.nulls import with_blank_nulls
from converters.outputs import output_names
from converters.reference import as_label
from converters.steps import walk
from scoring.errors import ConfigurationError, ConversionError
from scoring.manifest import Feature, Graph, Outputs, Task
from scoring.outcomes import Label

__all__ = [
    "build_graph",
    "find_commit",
    "find_libraries",
    "find_opset",
    "find_outputs",
    "find_task",
    "installed_versions",
]

_MATRIX: Final = "features"
_ALWAYS: Final = ("scikit-learn", "skl2onnx", "onnx", "onnxruntime", "numpy")
_BOOSTERS: Final = {"lightgbm": ("lightgbm", "onnxmltools"), "xgboost": ("xgboost", "xgboost-cpu", "onnxmltools")}
_BINARY: Final = 2
_OUTLIERS: Final = (-1, 1)  # what scikit-learn calls an outlier and an inlier


def find_task(estimator: Any) -> Task:
    """Returns what the estimator does.

    Raises:
        ConversionError: nothing that a prediction could show.
    """
    if is_outlier_detector(estimator):
        return "outlier"
    if is_regressor(estimator):
        return "regression"
    classes = getattr(estimator, "classes_", ())
    if not is_classifier(estimator):
        raise ConversionError(
            f"a {type(estimator).__name__} makes no predictions",
            remedy="Expected a classifier, a regressor or an outlier detector, or a Pipeline that ends in one.",
        )
    if len(classes) < _BINARY:
        raise ConversionError(f"it knows the classes {list(classes)}", remedy="Expected two classes or more.")
    return "binary" if len(classes) == _BINARY else "multiclass"


def build_graph(estimator: Any, features: Sequence[Feature]) -> tuple[onnx.ModelProto, Graph]:
    """Converts the estimator, and says how the graph is fed: plain numbers as one matrix, all else column by column.

    Raises:
        ConversionError: the estimator cannot be converted.
    """
    dtypes = {feature.dtype for feature in features}
    names = output_names(estimator)
    label = "label" if "label" in names else None
    if len(dtypes) == 1 and dtypes <= {"float32", "float64", "int64"} and not reads_columns_apart(estimator):
        graph = Graph(form="matrix", input=_MATRIX, label=label, score=names[-1])
        inputs = [GraphInput(_MATRIX, _element(features[0]), len(features))]
    else:
        graph = Graph(form="columns", label=label, score=names[-1])
        inputs = [GraphInput(feature.name, _element(feature)) for feature in features]
    return to_onnx(with_blank_nulls(estimator), inputs), graph


def _element(feature: Feature) -> Any:
    return "string" if feature.textual else feature.dtype


def find_outputs(estimator: Any, task: Task, *, positive: Label | None, threshold: float | None, top_k: int) -> Outputs:
    """Returns what the scores mean.

    Args:
        estimator: the fitted estimator.
        task: what it does.
        positive: the class whose probability is the score; the last one unless given (binary only).
        threshold: the score from which it is given; the estimator's own decision unless given (binary only).
        top_k: how many labels a multiclass prediction lists.

    Raises:
        ConfigurationError: a positive label or threshold that this estimator has no use for.
    """
    if task != "binary" and (positive is not None or threshold is not None):
        raise ConfigurationError(f"a positive label and a threshold are for two classes; this is a {task} model")
    if task == "outlier":
        return Outputs(labels=_OUTLIERS)
    if task == "regression":
        return Outputs()
    labels = tuple(as_label(value) for value in estimator.classes_)
    if task == "multiclass":
        return Outputs(labels=labels, top_k=top_k)
    chosen = _named(positive, labels, estimator.classes_)
    if chosen != labels[-1] and "probabilities" not in output_names(estimator):
        raise ConfigurationError(
            f"positive label {positive!r}: the estimator gives no probabilities, and its scores are {labels[-1]!r}'s"
        )
    return Outputs(labels=labels, positive=chosen, threshold=threshold)


def _named(positive: Label | None, labels: Sequence[Label], classes: Sequence[Any]) -> Label:
    """The label that was named by itself, or as the estimator spells it: True is shown as 1."""
    if positive is None:
        return labels[-1]
    for label, spelt in zip(labels, classes, strict=True):
        if str(positive) in {str(label), str(spelt)}:
            return label
    raise ConfigurationError(f"positive label {positive!r}: expected one of {list(labels)}")


def find_opset(model: onnx.ModelProto) -> dict[str, int]:
    """Returns the versions of the operators that a graph uses, by domain."""
    return {entry.domain or "ai.onnx": entry.version for entry in model.opset_import}


def find_libraries(estimator: Any) -> dict[str, str]:
    """Returns the versions of the libraries that had a hand in the model."""
    used = {type(step.estimator).__module__.partition(".")[0] for step in walk(estimator)}
    return installed_versions([*_ALWAYS, *(name for top, more in _BOOSTERS.items() if top in used for name in more)])


def installed_versions(names: Iterable[str]) -> dict[str, str]:
    """Returns the versions of those distributions that are installed."""
    return {name: found for name in names if (found := _installed(name)) is not None}


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def find_commit() -> str | None:
    """Returns the commit of the repository in the current directory, with `-dirty` where files differ from it."""
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words, no shell
    return done.stdout.strip() or None if done.returncode == 0 else None
