"""The network into a store: composed, certified against NumPy and scikit-learn on images held back, named champion."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy.typing as npt

from converters import GraphSource, convert_graph
from examples.digits.network import INPUT, SIDE, to_graph
from examples.digits.train import digest, digits, held_back, probabilities, train
from models import Store
from scoring import Feature, Graph, Manifest, Outputs

__all__ = ["release"]


def release(store: Store, *, name: str = "digits", report: Callable[[str], None] = lambda _: None) -> Manifest:
    """Train, compose and certify the network, add it to the store, and point its alias `champion` to it.

    Args:
        store: where to add it.
        name: the model's name there.
        report: told what is being done, for showing progress.

    Raises:
        CertificateError: the graph answers differently from NumPy and scikit-learn.
    """
    report("training on scikit-learn's digits")
    properties = dict(train().properties)
    manifest = convert_graph(_source(), name=name, store=store, properties=properties, report=report)
    store.set_alias(name, "champion", manifest.version)
    return manifest


def _source() -> GraphSource:
    classifier = train().classifier

    def reference(columns: Mapping[str, npt.NDArray[Any]]) -> tuple[None, npt.NDArray[Any]]:
        return None, probabilities(classifier, columns)

    return GraphSource(
        model=to_graph(classifier),
        task="multiclass",
        features=(Feature(name=INPUT, path=(INPUT,), dtype="image", shape=(1, SIDE, SIDE)),),
        graph=Graph(form="columns", label="label", score="probabilities"),
        outputs=Outputs(labels=tuple(classifier.classes_.tolist()), top_k=5),
        reference=reference,
        held_back=held_back().columns,
        data_sets={"digits training": digest(digits()), "digits held back": digest(held_back())},
        libraries=("scikit-learn", "skl2onnx"),
    )
