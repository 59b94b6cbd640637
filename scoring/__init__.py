"""The core: event bytes to features to scores to prediction bytes. Pure: no I/O, no clock, no environment."""

from scoring.certificate import Certificate
from scoring.events import Event, Position
from scoring.manifest import Baseline, Dtype, Feature, Graph, Lineage, Manifest, Outputs, Task, parse_manifest
from scoring.outcomes import Label, LabelScore, ModelIdentity, Outcome, Prediction, Rejected, RejectionCode, encode
from scoring.pipeline import Form, Pipeline, Prepared, Scored, Seen
from scoring.ports import FakeScorer, Scorer, Scores

__all__ = [
    "Baseline",
    "Certificate",
    "Dtype",
    "Event",
    "FakeScorer",
    "Feature",
    "Form",
    "Graph",
    "Label",
    "LabelScore",
    "Lineage",
    "Manifest",
    "ModelIdentity",
    "Outcome",
    "Outputs",
    "Pipeline",
    "Position",
    "Prediction",
    "Prepared",
    "Rejected",
    "RejectionCode",
    "Scored",
    "Scorer",
    "Scores",
    "Seen",
    "Task",
    "encode",
    "parse_manifest",
]
