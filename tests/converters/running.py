"""Runs converted graphs as serving does: onnxruntime at one intra-op thread."""

import functools

import numpy as np
import onnx
import onnxruntime

from converters.export import GraphInput, to_onnx


@functools.lru_cache(maxsize=4)
def _session(data):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4  # tests read answers; the log would hold the tests that expect a refusal
    return onnxruntime.InferenceSession(data, options)


def run(data, feed):
    return _session(data).run(None, feed)


def feed_of(frame, inputs):
    kinds = {"string": object, "bool": np.bool_}
    return {
        one.name: frame[one.name].to_numpy().reshape(-1, 1).astype(kinds.get(one.dtype, one.dtype)) for one in inputs
    }


def answers(estimator, rows, dtype="float32"):
    """Converts an estimator fitted on an array and runs it on rows of its own dtype."""
    model = to_onnx(estimator, [GraphInput("table", dtype, rows.shape[1])])
    return run(model.SerializeToString(), {"table": rows.astype(dtype)})


def thresholds(model):
    """Yields (feature, threshold) for every split of every tree in a graph."""
    for node in model.graph.node:
        if node.op_type.startswith("TreeEnsemble"):
            attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
            values = attributes.get("nodes_values")
            if values is None:
                values = onnx.numpy_helper.to_array(attributes["nodes_values_as_tensor"])
            for feature, value, mode in zip(
                attributes["nodes_featureids"], values, attributes["nodes_modes"], strict=True
            ):
                if mode != b"LEAF" and np.isfinite(value):
                    yield feature, value
