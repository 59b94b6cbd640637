"""LightGBM and XGBoost: onnxmltools' converters, registered with skl2onnx when an estimator needs them."""

import copy
from collections.abc import Iterable
from typing import Any

from skl2onnx import update_registered_converter
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)

from converters.steps import Step

__all__ = ["register_boosters"]

_ZIPMAP = {"zipmap": [False], "nocl": [True, False], "raw_scores": [True, False]}


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

    _register(LGBMClassifier, LGBMRegressor, "LightGbm", convert_lightgbm)


def _register_xgboost() -> None:
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost  # noqa: PLC0415 - same
    from xgboost import XGBClassifier, XGBRegressor  # noqa: PLC0415 - see register_boosters

    def convert(scope: Any, operator: Any, container: Any) -> None:
        fitted = operator.raw_operator
        operator.raw_operator = _nameless(fitted)
        try:
            convert_xgboost(scope, operator, container)
        finally:
            operator.raw_operator = fitted

    _register(XGBClassifier, XGBRegressor, "XGBoost", convert)


def _nameless(fitted: Any) -> Any:
    """A copy without feature names: a data frame's are refused by the converter, or read as positions (`f1`)."""
    copied = copy.copy(fitted)
    copied._Booster = fitted.get_booster().copy()  # noqa: SLF001 - XGBoost has no other way to swap it
    copied._Booster.feature_names = None  # noqa: SLF001 - same
    return copied


def _register(classifier: type, regressor: type, alias: str, convert: Any) -> None:
    update_registered_converter(
        classifier, f"{alias}Classifier", calculate_linear_classifier_output_shapes, convert, options=_ZIPMAP
    )
    update_registered_converter(regressor, f"{alias}Regressor", calculate_linear_regressor_output_shapes, convert)
