"""What the Open Inference Protocol 2 says of a model: its inputs and outputs."""

from typing import Any

import numpy as np

from function_app.protocols.v2_infer import outputs_of
from function_app.protocols.v2_tensors import datatype_of
from scoring import Dtype, Feature, Manifest, Pipeline, Scores
from scoring.columns import build_column
from scoring.examples import example_record

__all__ = ["model_metadata"]

_PLATFORM = "onnxruntime_onnx"  # as Triton calls it
_DATATYPES: dict[Dtype, str] = {
    "float32": "FP32",
    "float64": "FP64",
    "int64": "INT64",
    "string": "BYTES",
    "bool": "BOOL",
    "text": "BYTES",
    "image": "FP32",
    "tensor": "FP32",
}


def model_metadata(pipeline: Pipeline) -> dict[str, Any]:
    """Return a model's metadata; scores one row to see what the outputs look like, so call it in a thread."""
    manifest = pipeline.manifest
    return {
        "name": manifest.name,
        "versions": [str(manifest.version)],
        "platform": _PLATFORM,
        "inputs": _inputs(manifest),
        "outputs": [
            {"name": name, "datatype": datatype_of(array), "shape": [-1, *array.shape[1:]]}
            for name, array in outputs_of(manifest, _example(pipeline)).items()
        ],
    }


def _inputs(manifest: Manifest) -> list[dict[str, Any]]:
    if manifest.graph.form == "matrix":
        datatype = _DATATYPES[manifest.features[0].dtype]
        return [{"name": manifest.graph.input, "datatype": datatype, "shape": [-1, len(manifest.features)]}]
    return [_input(feature) for feature in manifest.features]


def _input(feature: Feature) -> dict[str, Any]:
    return {"name": feature.name, "datatype": _DATATYPES[feature.dtype], "shape": [-1, *(feature.shape or (1,))]}


def _example(pipeline: Pipeline) -> Scores:
    """Return the answers for one made-up row; where the model takes none, what its manifest lets expect."""
    manifest = pipeline.manifest
    record = example_record(manifest)
    columns = {each.name: build_column(each, [record[each.name]])[0] for each in manifest.features}
    scores = pipeline.score_columns(columns)
    if isinstance(scores, Scores):
        return scores
    labels = manifest.outputs.labels
    is_text = bool(labels) and isinstance(labels[0], str)
    return Scores(
        np.array(["" if is_text else 0], object if is_text else np.int64),
        np.zeros((1, max(1, len(labels))), np.float32),
    )
