"""KBinsDiscretizer, in every encoding: which bin a value falls into, compared in float64 as scikit-learn does."""

from typing import Any

import numpy as np
from onnx import TensorProto
from sklearn.preprocessing import KBinsDiscretizer

from converters.repairs.nodes import Nodes, register_transformer

__all__ = ["register"]


def register() -> None:
    """Registers this converter with skl2onnx."""
    register_transformer(KBinsDiscretizer, _convert)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    features = nodes.features()
    bins = []
    for position, edges in enumerate(model.bin_edges_):
        reached = nodes("GreaterOrEqual", nodes.column(features, position), np.asarray(edges)[None, 1:-1])
        number = nodes.total(nodes("Cast", reached, to=TensorProto.DOUBLE))
        if model.encode != "ordinal":
            same = nodes("Equal", number, np.arange(model.n_bins_[position], dtype=np.float64)[None])
            number = nodes("Cast", same, to=TensorProto.DOUBLE)
        bins.append(number)
    nodes.write(nodes("Concat", *bins, axis=1))
