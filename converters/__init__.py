"""scikit-learn to ONNX, and the certificate that the two agree."""

from converters.convert import Source, convert
from converters.export import GraphInput, to_onnx
from converters.features import Columns
from converters.loading import load_estimator
from converters.table import Sample, read_paths, read_sample, sample_of
from converters.written import GraphSource, convert_graph

__all__ = [
    "Columns",
    "GraphInput",
    "GraphSource",
    "Sample",
    "Source",
    "convert",
    "convert_graph",
    "load_estimator",
    "read_paths",
    "read_sample",
    "sample_of",
    "to_onnx",
]
