"""A model at serving time: the ONNX session, the store, references and aliases."""

from models.deployments import Deployment, check_traffic
from models.graph import MAX_MODEL_BYTES, check_graph
from models.loading import load_pipeline, load_scorer
from models.references import Reference, parse_reference
from models.session import MAX_ROWS, OnnxScorer, run_raw
from models.store import LocalStore, Store, resolve

__all__ = [
    "MAX_MODEL_BYTES",
    "MAX_ROWS",
    "Deployment",
    "LocalStore",
    "OnnxScorer",
    "Reference",
    "Store",
    "check_graph",
    "check_traffic",
    "load_pipeline",
    "load_scorer",
    "parse_reference",
    "resolve",
    "run_raw",
]
