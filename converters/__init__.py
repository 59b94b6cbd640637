"""scikit-learn to ONNX, and the certificate that the two agree."""

from converters.convert import Source, convert
from converters.features import Columns
from converters.loading import load_estimator
from converters.table import Sample, read_paths, read_sample, sample_of

__all__ = ["Columns", "Sample", "Source", "convert", "load_estimator", "read_paths", "read_sample", "sample_of"]
