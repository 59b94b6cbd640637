"""LightGBM and XGBoost: onnxmltools' converters, registered with skl2onnx when an estimator needs them.

What those converters would get wrong without a word is refused here, or put right on the way (`thresholds`).
"""

import copy
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)

from converters.refusals import Unconvertible
from converters.steps import Step
from converters.thresholds import Converter, exactly

__all__ = ["register_boosters"]

_OPTIONS: Final = {"zipmap": [False], "nocl": [True, False], "raw_scores": [False]}
_LIGHTGBM_OBJECTIVES: Final = (
    "binary", "multiclass", "regression", "regression_l1", "huber", "quantile", "poisson", "gamma", "tweedie",
)  # fmt: skip
_XGBOOST_OBJECTIVES: Final = (
    "binary:logistic", "multi:softprob", "reg:squarederror", "reg:squaredlogerror", "reg:pseudohubererror",
    "reg:absoluteerror", "reg:quantileerror", "count:poisson", "reg:gamma", "reg:tweedie",
)  # fmt: skip
_LIGHTGBM_ZERO: Final = float(np.float32(1e-35))  # kZeroThreshold, in LightGBM's meta.h
_CATEGORIES: Final = "Encode the categories with OrdinalEncoder or OneHotEncoder before it."


def register_boosters(steps: Iterable[Step]) -> None:
    """Registers the converters of the boosting libraries that the parts come from.

    The libraries take a second to import, so only a model that uses one pays for it. Registering again is harmless.

    Args:
        steps: the estimator's parts, as `steps.walk` yields them.
    """
    libraries = {type(step.estimator).__module__.partition(".")[0] for step in steps}
    if "lightgbm" in libraries:
        _register_lightgbm()
    if "xgboost" in libraries:
        _register_xgboost()


def _register_lightgbm() -> None:
    from lightgbm import LGBMClassifier, LGBMRegressor  # noqa: PLC0415 - see register_boosters
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm  # noqa: PLC0415 - same

    exact = exactly(convert_lightgbm, zero=_LIGHTGBM_ZERO)

    def convert(scope: Any, operator: Any, container: Any) -> None:
        _check_lightgbm(operator.raw_operator.booster_.dump_model())
        exact(scope, operator, container)

    _register(LGBMClassifier, LGBMRegressor, "LightGbm", convert)


def _register_xgboost() -> None:
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost  # noqa: PLC0415 - same
    from xgboost import XGBClassifier, XGBRegressor  # noqa: PLC0415 - see register_boosters

    exact = exactly(convert_xgboost)

    def convert(scope: Any, operator: Any, container: Any) -> None:
        if isinstance(operator.inputs[0].type, DoubleTensorType):
            _narrow(scope, operator, container)
            return
        fitted = operator.raw_operator
        _check_xgboost(fitted)
        operator.raw_operator = _nameless(fitted)
        try:
            exact(scope, operator, container)
        finally:
            operator.raw_operator = fitted

    _register(XGBClassifier, XGBRegressor, "XGBoost", convert)


def _register(classifier: type, regressor: type, alias: str, convert: Converter) -> None:
    update_registered_converter(
        classifier, f"{alias}Classifier", calculate_linear_classifier_output_shapes, convert, options=_OPTIONS
    )
    update_registered_converter(regressor, f"{alias}Regressor", calculate_linear_regressor_output_shapes, convert)


def _check_lightgbm(model: dict[str, Any]) -> None:
    objective, *details = str(model.get("objective", "custom")).split()
    changed = {"sqrt", *(part for part in details if part.startswith("sigmoid:"))} & set(details) - {"sigmoid:1"}
    if objective not in _LIGHTGBM_OBJECTIVES or changed:
        wanted = f"the objective {' '.join([objective, *sorted(changed)])!r} has no equal in ONNX"
        raise Unconvertible(wanted, f"Use one of {', '.join(_LIGHTGBM_OBJECTIVES)}.")
    if model["average_output"]:
        raise Unconvertible("its converter takes boosting_type='rf' for 100 trees", "Use RandomForest, or 'gbdt'.")
    if model["pandas_categorical"]:
        raise Unconvertible("it reads the data frame's categories by their codes", _CATEGORIES)
    for node in _nodes(model):
        if "leaf_coeff" in node:
            raise Unconvertible("its leaves are linear models", "Leave linear_tree=False.")
        if node.get("missing_type") == "Zero":
            raise Unconvertible("it takes zeros for missing", "Leave zero_as_missing=False.")


def _nodes(model: dict[str, Any]) -> Iterator[dict[str, Any]]:
    waiting = [tree["tree_structure"] for tree in model["tree_info"]]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node[side] for side in ("left_child", "right_child") if side in node)


def _check_xgboost(fitted: Any) -> None:
    booster = fitted.get_booster()
    learner = json.loads(booster.save_config())["learner"]
    objective, kind = learner["objective"]["name"], learner["gradient_booster"]["name"]
    if objective not in _XGBOOST_OBJECTIVES:
        raise Unconvertible(
            f"the objective {objective!r} has no equal in ONNX", f"Use one of {', '.join(_XGBOOST_OBJECTIVES)}."
        )
    if kind != "gbtree":
        raise Unconvertible(f"the booster {kind!r} has no equal in ONNX", "Use booster='gbtree'.")
    if (fitted.num_parallel_tree or 1) > 1 or fitted.multi_strategy == "multi_output_tree":
        raise Unconvertible(
            "its trees do not come one for each round and class", "Use num_parallel_tree=1, or RandomForest."
        )
    if "c" in (booster.feature_types or ()):
        raise Unconvertible("it reads the data frame's categories by their codes", _CATEGORIES)
    if fitted.missing is not None and not np.isnan(fitted.missing):
        raise Unconvertible(f"it takes {fitted.missing} for missing", "Leave missing=nan.")


def _nameless(fitted: Any) -> Any:
    """A copy without feature names: a data frame's are refused by the converter, or read as positions (`f1`)."""
    copied = copy.copy(fitted)
    copied._Booster = fitted.get_booster().copy()  # noqa: SLF001 - XGBoost has no other way to swap it
    copied._Booster.feature_names = None  # noqa: SLF001 - same
    return copied


def _narrow(scope: Any, operator: Any, container: Any) -> None:
    """Converts the same model for float32 instead, which is what XGBoost makes of its features before it compares."""
    narrow = scope.declare_local_variable("narrow", FloatTensorType(operator.inputs[0].type.shape))
    _cast(scope, container, operator.inputs[0], narrow, TensorProto.FLOAT)
    inner = scope.declare_local_operator(operator.type, operator.raw_operator)
    inner.inputs.append(narrow)
    for output in operator.outputs:
        score = isinstance(output.type, DoubleTensorType)
        inner.outputs.append(scope.declare_local_variable("narrow_output", FloatTensorType() if score else output.type))
        if score:
            _cast(scope, container, inner.outputs[-1], output, TensorProto.DOUBLE)
        else:
            container.add_node(
                "Identity",
                [inner.outputs[-1].full_name],
                [output.full_name],
                name=scope.get_unique_operator_name("Label"),
            )


def _cast(scope: Any, container: Any, source: Any, target: Any, to: int) -> None:
    container.add_node(
        "Cast", [source.full_name], [target.full_name], name=scope.get_unique_operator_name("Narrow"), to=to
    )
