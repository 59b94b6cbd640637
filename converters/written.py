"""A graph that was written, and not converted, into the store: certified against a Python function of the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
import pandas as pd

from converters.certify import TOLERANCE, compare, refusal
from converters.draft import installed_versions
from converters.manifests import describe, draft_manifest
from converters.probes import MAX_HELD_BACK, Probe
from converters.reference import Columns, Function, FunctionReference
from models import Store
from scoring.certificate import Certificate
from scoring.errors import CertificateError, ConfigurationError
from scoring.manifest import Feature, Graph, Manifest, Outputs, Task

__all__ = ["GraphSource", "convert_graph"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSource:
    """What a written model is made of.

    Attributes:
        model: the ONNX model; its first dimension is the number of rows.
        task: what it does.
        features: what it is fed; an image arrives as float32 of shape [N, channels, height, width], values 0 to 255.
        graph: which of its inputs and outputs are used.
        outputs: what its scores mean.
        reference: the same computation in Python, from columns as the session is fed them to labels (None where they
            follow from the scores) and scores of shape [N] or [N, classes]. None where there is no original: such a
            model has no certificate, and serving refuses it unless told otherwise.
        held_back: columns to certify it on, by feature: at least one row of everything that it is to be proven on.
            Nothing is pushed to thresholds here, as it is with estimators.
        data_sets: name and SHA-256 of what it was made from.
        libraries: distributions that had a hand in it, beside onnx, onnxruntime and numpy.
    """

    model: onnx.ModelProto
    task: Task
    features: tuple[Feature, ...]
    graph: Graph
    outputs: Outputs
    reference: Function | None
    held_back: Columns = field(default_factory=dict)
    data_sets: Mapping[str, str] = field(default_factory=dict)
    libraries: tuple[str, ...] = ()


def convert_graph(
    source: GraphSource,
    *,
    name: str,
    store: Store,
    tolerance: float = TOLERANCE,
    event_id: tuple[str, ...] | None = None,
    tags: Mapping[str, str] | None = None,
    properties: Mapping[str, float | int | str] | None = None,
    run_id: str | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Manifest:
    """Certifies that a graph answers like its reference, and adds it to a store under the next version.

    Args:
        source: the graph and its reference.
        name: the model's name in the store.
        store: where to add it.
        tolerance: the largest difference in score allowed.
        event_id: keys that lead to the event's own id.
        tags: words of your own.
        properties: metrics and other facts of your own.
        run_id: of the training run.
        report: told what is being done, for showing progress.

    Returns:
        The manifest as stored, with its version.

    Raises:
        ConfigurationError: the rows held back are not those of the features.
        ConversionError: the reference fails on them, or the session cannot be built.
        CertificateError: the graph answers differently; says by how much and where.
        ManifestError: the features, outputs or names contradict each other or the graph.
        StoreError: the store cannot be written.
    """
    described = describe(store, name, data_sets=source.data_sets, tags=tags, properties=properties, run_id=run_id)
    manifest, model = draft_manifest(
        source.model,
        described,
        task=source.task,
        features=source.features,
        event_id=event_id,
        graph=source.graph,
        outputs=source.outputs,
        libraries=installed_versions(("onnx", "onnxruntime", "numpy", *source.libraries)),
    )
    if source.reference is not None:
        reference = FunctionReference(source.reference, manifest)
        probe = _held_back(source)
        certificate = compare(reference, [probe], model, manifest, tolerance=tolerance, report=report)
        manifest = _passed(manifest, certificate)
    report("adding it to the store")
    return store.add(manifest, model)


def _passed(manifest: Manifest, certificate: Certificate) -> Manifest:
    certified = manifest.model_copy(update={"certificate": certificate})
    if not certificate.passed:
        raise CertificateError(refusal(certified, FunctionReference.title), remedy="Nothing was stored.")
    return certified


def _held_back(source: GraphSource) -> Probe:
    """The rows held back; in words, each is its number."""
    expected = sorted(feature.name for feature in source.features)
    if sorted(source.held_back) != expected:
        raise ConfigurationError(f"held_back has the columns {sorted(source.held_back)}; expected {expected}")
    counts = {len(column) for column in source.held_back.values()}
    if len(counts) > 1 or 0 in counts:
        raise ConfigurationError(f"held_back has columns of {sorted(counts)} rows; expected one number, and not 0")
    for feature in source.features:
        shape = np.shape(source.held_back[feature.name])[1:]
        if shape != (feature.shape or ()):
            wanted = list(feature.shape or ())
            raise ConfigurationError(f"held_back: a row of {feature.name!r} has the shape {list(shape)}, not {wanted}")
    count = min(counts.pop(), MAX_HELD_BACK)
    columns = {name: column[:count] for name, column in source.held_back.items()}
    return Probe(kind="held_back", rows=pd.DataFrame({"row": np.arange(count)}), columns=columns)
