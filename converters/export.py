"""From a fitted scikit-learn estimator to an ONNX graph, or to a refusal that says which step and what to do."""

import contextlib
import warnings
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final

import onnx
import skl2onnx
from skl2onnx._supported_operators import sklearn_operator_name_map
from sklearn.base import is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from converters.boosters import register_boosters
from converters.door import GraphInput, plan
from converters.graphs import settle_order
from converters.options import conversion_options
from converters.outputs import output_names, settle
from converters.refusals import Unconvertible
from converters.repairs import register
from converters.steps import Step, computes_before_trees, walk
from scoring.errors import ConversionError

__all__ = ["ML_OPSET", "OPSET", "GraphInput", "to_onnx"]

# skl2onnx 1.20 tests its converters up to opset 22; 21 runs on every onnxruntime since 1.18 and has all they use.
OPSET: Final = 21
# 3 is the first with float64 thresholds, and IsolationForest asks for it; 5 replaces the operators skl2onnx writes.
ML_OPSET: Final = 3

_GENERAL_REMEDY: Final = "docs/support.md lists the estimators that convert and agree."
_REMEDIES: Final = {
    "Nystroem": "Use PolynomialFeatures or SplineTransformer, or KernelPCA, which convert.",
    "RBFSampler": "Use PolynomialFeatures or SplineTransformer, which convert.",
    "HashingVectorizer": "Use TfidfVectorizer or CountVectorizer, which keep their vocabulary.",
    "FactorAnalysis": "Use PCA, which converts.",
    "FastICA": "Use PCA, which converts.",
    "MissingIndicator": "Use SimpleImputer, or a tree ensemble that takes nulls.",
    "FunctionTransformer": "Compute the feature before the pipeline: ONNX cannot run Python code.",
    "IterativeImputer": "Use SimpleImputer or KNNImputer, or a tree ensemble that takes nulls.",
}


def to_onnx(estimator: Any, inputs: Sequence[GraphInput], *, opset: int | None = None) -> onnx.ModelProto:
    """Converts a fitted estimator, or says what stands in the way.

    The same fitted estimator gives the same bytes (`SerializeToString(deterministic=True)`) in every process.

    Args:
        estimator: a fitted scikit-learn classifier, regressor, outlier detector or Pipeline; LightGBM's and XGBoost's
            scikit-learn classes serve alone or as a pipeline's last step.
        inputs: the graph's inputs, each a tensor of shape [N, width]. A ColumnTransformer that was fitted on a data
            frame reads them by name; other estimators get them joined in the order of their features.
        opset: the version of the ONNX operators, `OPSET` unless given.

    Returns:
        A graph for any batch size N, with outputs named as `outputs.output_names` says.

    Raises:
        ConversionError: the estimator is not fitted, or a part of it has no equal in ONNX; names the part.
    """
    while hasattr(estimator, "best_estimator_"):  # a search answers with the best it found
        estimator = estimator.best_estimator_
    steps = list(walk(estimator))
    _check(estimator, steps)
    register()
    register_boosters(steps)
    _check_converters(steps)
    asked = [GraphInput(*one) for one in inputs]
    if computes_before_trees(estimator) and all(one.dtype != "float64" for one in asked):
        # A scaled integer can fall right onto a threshold, where float32 would decide it otherwise than scikit-learn.
        with contextlib.suppress(ConversionError):  # some converters know float32 alone: then that has to do
            return _build(estimator, steps, asked, opset or OPSET, wide=True)
    return _build(estimator, steps, asked, opset or OPSET, wide=False)


def _build(
    estimator: Any, steps: Sequence[Step], asked: Sequence[GraphInput], opset: int, *, wide: bool
) -> onnx.ModelProto:
    door = plan(estimator, asked, wide=wide)
    model = _convert(estimator, steps, door.initial_types(), opset)
    if len(model.graph.output) < len(output_names(estimator)):
        raise ConversionError(
            "it is converted as a step that prepares features, and not as one that predicts",
            step=str(steps[0]),
            remedy="Put it before a classifier or regressor in a Pipeline.",
        )
    _check_types(model, steps[0])
    settle(model, estimator, wide=any(one.dtype == "float64" for one in asked))
    door.hang(model)
    settle_order(model)
    return model


def _check(estimator: Any, steps: Sequence[Step]) -> None:
    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError) as error:
        raise ConversionError(
            "it is not a fitted scikit-learn estimator", step=str(steps[0]), remedy="Call fit before converting."
        ) from error
    if is_classifier(estimator) and isinstance(getattr(estimator, "classes_", None), list):
        raise ConversionError(
            "it answers several labels for one event, and a prediction has one",
            step=str(steps[0]),
            remedy="Convert one classifier for each label.",
        )

    if is_classifier(estimator) and not any(
        hasattr(estimator, name) for name in ("predict_proba", "decision_function")
    ):
        raise ConversionError(
            "it names a class without a score, and a prediction has one",
            step=str(steps[0]),
            remedy="Use VotingClassifier(voting='soft'), OneVsRestClassifier, or a classifier with predict_proba.",
        )


def _check_types(model: onnx.ModelProto, whole: Step) -> None:
    """Some converters mix float32 and float64 in one node, and the graph would not load."""
    try:
        onnx.shape_inference.infer_shapes(model, check_type=True)
    except onnx.shape_inference.InferenceError as error:
        raise ConversionError(
            f"its graph would not load: {_first_sentence(error)}", step=str(whole), remedy="Ask for float32 inputs."
        ) from error


def _check_converters(steps: Sequence[Step]) -> None:
    for step in steps:
        if step.in_line and type(step.estimator) not in sklearn_operator_name_map:
            raise ConversionError("it has no converter to ONNX", step=str(step), remedy=_remedy(step))


def _convert(estimator: Any, steps: Sequence[Step], types: list[tuple[str, Any]], opset: int) -> onnx.ModelProto:
    try:
        with warnings.catch_warnings():
            # What a converter warns of is measured, not read: the certificate compares the answers.
            warnings.simplefilter("ignore")
            model: onnx.ModelProto = skl2onnx.convert_sklearn(
                estimator,
                name="weir",  # the default is a random identifier, and would change the digest of the same model
                initial_types=types,
                target_opset={"": opset, "ai.onnx.ml": ML_OPSET},
                options=conversion_options(steps),
            )
        return model  # noqa: TRY300 - an else would part it from what made it
    except Unconvertible as refusal:
        step = _guilty(refusal.__traceback__, steps)
        raise ConversionError(refusal.reason, step=str(step), remedy=refusal.remedy or _remedy(step)) from refusal
    except ConversionError:
        raise
    except Exception as error:
        # Converters raise every kind there is; each of them means that this part cannot be converted.
        step = _guilty(error.__traceback__, steps)
        reason = f"its converter gave up: {_first_sentence(error)}"
        raise ConversionError(reason, step=str(step), remedy=_remedy(step)) from error


def _guilty(traceback: TracebackType | None, steps: Sequence[Step]) -> Step:
    """The innermost part under conversion when an error was raised: converters hold it in a local `operator`."""
    named = {id(step.estimator): step for step in steps}
    guilty = steps[0]
    while traceback is not None:
        operator = traceback.tb_frame.f_locals.get("operator")
        part = getattr(operator, "raw_operator", None)
        if part is not None:
            guilty = named.get(id(part), Step(guilty.path, part, in_line=False))
        traceback = traceback.tb_next
    return guilty


def _remedy(step: Step) -> str:
    return _REMEDIES.get(type(step.estimator).__name__, _GENERAL_REMEDY)


def _first_sentence(error: Exception) -> str:
    text = " ".join(str(error).split())
    sentence = text.partition(". ")[0].removesuffix(".")
    return sentence or type(error).__name__
