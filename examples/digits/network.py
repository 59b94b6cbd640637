"""The network twice: in NumPy, as training sees it and the certificate's reference, and as an ONNX graph.

An image goes through convolution with the fixed filters, ReLU, and average pooling; a scikit-learn classifier reads
what comes out.
"""

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
from numpy.lib.stride_tricks import sliding_window_view
from onnx import TensorProto, compose, helper, numpy_helper
from sklearn.pipeline import Pipeline

from converters import GraphInput, to_onnx
from examples.digits.filters import FILTERS, SIZE, filters

__all__ = ["FEATURES", "INPUT", "SIDE", "describe_images", "to_graph"]

Floats: TypeAlias = npt.NDArray[np.float64]

SIDE: Final = 8
INPUT: Final = "image"
FEATURES: Final = FILTERS * (SIDE // 2) ** 2
_WHITE: Final = 255.0
_POOL: Final = 2
_OPSET: Final = 21
_IR_VERSION: Final = 10
_CLASSIFIER: Final = "classifier_"


def describe_images(images: npt.NDArray[Any]) -> Floats:
    """Returns what the classifier reads of images.

    Args:
        images: shape ``[N, 1, SIDE, SIDE]``, values 0 to 255.

    Returns:
        Shape ``[N, FEATURES]``: filter by filter, the means of what answered in each square of 2 x 2 pixels.
    """
    padded = np.pad(images / _WHITE, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = sliding_window_view(padded, (SIZE, SIZE), axis=(2, 3))
    answers = np.maximum(np.einsum("nchwij,fcij->nfhw", windows, filters(), optimize=True), 0.0)
    half = SIDE // _POOL
    pooled: Floats = answers.reshape(len(images), FILTERS, half, _POOL, half, _POOL).mean(axis=(3, 5))
    return pooled.reshape(len(images), FEATURES)


def to_graph(classifier: Pipeline) -> onnx.ModelProto:
    """Returns the whole network as one graph: ``image`` in, ``probabilities`` and ``label`` out.

    Args:
        classifier: fitted on what `describe_images` returns.
    """
    last = to_onnx(classifier, [GraphInput("features", "float32", FEATURES)], opset=_OPSET)
    last = compose.add_prefix(last, _CLASSIFIER, rename_inputs=False, rename_outputs=False)
    first = helper.make_model(
        _convolution(), opset_imports=list(last.opset_import), ir_version=min(last.ir_version, _IR_VERSION)
    )
    last.ir_version = first.ir_version
    return compose.merge_models(first, last, io_map=[("described", "features")], name="digits")


def _convolution() -> onnx.GraphProto:
    # the brightness of white goes into the weights: one operation less
    weights: dict[str, npt.NDArray[Any]] = {
        "filters": (filters() / _WHITE).astype(np.float32),
        "flat": np.array([0, FEATURES], np.int64),
    }
    nodes = [
        helper.make_node("Conv", [INPUT, "filters"], ["convolved"], "convolve", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["convolved"], ["answers"], "rectify"),
        helper.make_node("AveragePool", ["answers"], ["pooled"], "pool", kernel_shape=[_POOL] * 2, strides=[_POOL] * 2),
        helper.make_node("Reshape", ["pooled", "flat"], ["described"], "flatten"),
    ]
    return helper.make_graph(
        nodes,
        "convolution",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info("described", TensorProto.FLOAT, ["N", FEATURES])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
