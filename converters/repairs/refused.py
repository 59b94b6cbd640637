"""What skl2onnx converts to a graph that does not run, or that answers differently, and no repair is at hand for."""

from typing import Any

from sklearn.gaussian_process import GaussianProcessClassifier

from converters.refusals import Unconvertible
from converters.repairs.nodes import register_classifier
from converters.thresholds import Converter

__all__ = ["register"]


def register() -> None:
    """Registers converters that refuse."""
    register_classifier(
        GaussianProcessClassifier,
        _refuse(
            "its probabilities need the error function in float64, which onnxruntime has in float32 alone",
            "Use CalibratedClassifierCV around SVC, or a forest.",
        ),
    )


def _refuse(reason: str, remedy: str) -> Converter:
    def converter(scope: Any, operator: Any, container: Any) -> None:
        del scope, operator, container
        raise Unconvertible(reason, remedy)

    return converter
