"""Writes a residual network of any size as an ONNX graph, with seeded random weights inside the file."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from examples.resnet.architecture import RESNET_152, Architecture, Block, Convolution, blocks

__all__ = ["INPUT", "OUTPUT", "build"]

INPUT: Final = "image"
OUTPUT: Final = "probabilities"
_OPSET: Final = 21
_IR_VERSION: Final = 10
# of ImageNet's images, for values from 0 to 1
_MEANS: Final = (0.485, 0.456, 0.406)
_DEVIATIONS: Final = (0.229, 0.224, 0.225)
_WHITE: Final = 255.0


def build(architecture: Architecture = RESNET_152, *, seed: int = 0) -> onnx.ModelProto:
    """Builds a network.

    Args:
        architecture: how large it is; ResNet-152 takes some seconds, and 240 MB.
        seed: of the weights.

    Returns:
        A graph from ``image``, float32 ``[N, 3, side, side]`` with values 0 to 255, to ``probabilities``, float32
        ``[N, classes]``. The same arguments give the same bytes.
    """
    writer = _Writer(np.random.default_rng(seed))
    value = writer.normalised(INPUT)
    value = writer.rectified(writer.convolved(value, architecture.stem))
    value = writer.node("MaxPool", [value], "pool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    # a sum of many parts that are each as large as what they are added to would grow beyond all bounds
    gain = 1 / np.sqrt(sum(architecture.stages))
    for block in blocks(architecture):
        value = writer.added(value, block, gain)
    writer.classified(value, architecture)
    side = architecture.side
    image = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", 3, side, side])
    answer = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", architecture.classes])
    name = f"resnet{architecture.layers}"
    graph = helper.make_graph(writer.nodes, name, [image], [answer], writer.weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)


class _Writer:
    """Collects nodes and weights; its methods take and return names of values."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._rng = rng

    def node(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Add an operator, whose value is called as the node is."""
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def normalised(self, image: str) -> str:
        """From 0 to 255 to a mean of 0 and a deviation of 1."""
        means, deviations = (
            self._constant(name, _WHITE * np.array(values).reshape(1, 3, 1, 1))
            for name, values in (("means", _MEANS), ("deviations", _DEVIATIONS))
        )
        return self.node("Div", [self.node("Sub", [image, means], "centred"), deviations], "normalised")

    def convolved(self, value: str, convolution: Convolution, gain: float = 1.0) -> str:
        """A convolution, with weights that keep the variance of what comes out of a ReLU."""
        name, size, edge = convolution.name, convolution.size, convolution.size // 2
        deviation = gain * np.sqrt(2 / (convolution.inputs * size**2))
        weights = self._random(f"{name}.weights", (convolution.outputs, convolution.inputs, size, size), deviation)
        bias = self._constant(f"{name}.bias", np.zeros(convolution.outputs))
        strides, pads = [convolution.stride] * 2, [edge] * 4
        return self.node("Conv", [value, weights, bias], name, kernel_shape=[size, size], strides=strides, pads=pads)

    def rectified(self, value: str) -> str:
        """A ReLU."""
        return self.node("Relu", [value], f"{value}.relu")

    def added(self, value: str, block: Block, gain: float) -> str:
        """A block and what goes past it."""
        reduce, convolve, expand = block.main
        inner = self.rectified(self.convolved(value, reduce))
        inner = self.rectified(self.convolved(inner, convolve))
        inner = self.convolved(inner, expand, gain)
        past = value if block.shortcut is None else self.convolved(value, block.shortcut)
        return self.rectified(self.node("Add", [inner, past], expand.name.replace("expand", "sum")))

    def classified(self, value: str, architecture: Architecture) -> None:
        """The mean of each channel, one linear layer, and the softmax of its values."""
        channels, classes = architecture.channels, architecture.classes
        means = self.node("GlobalAveragePool", [value], "pooled")
        flat = self.node("Flatten", [means], "flat")
        weights = self._random("classes.weights", (channels, classes), np.sqrt(1 / channels))
        bias = self._constant("classes.bias", np.zeros(classes))
        self.node("Softmax", [self.node("Gemm", [flat, weights, bias], "logits")], OUTPUT, axis=1)

    def _random(self, name: str, shape: tuple[int, ...], deviation: float) -> str:
        array = self._rng.standard_normal(shape, np.float32)
        array *= np.float32(deviation)
        return self._constant(name, array)

    def _constant(self, name: str, array: npt.NDArray[Any]) -> str:
        self.weights.append(numpy_helper.from_array(array.astype(np.float32, copy=False), name))
        return name
