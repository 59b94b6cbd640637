"""The trained fraud model into a store: converted, certified on the test period, and named champion."""

from collections.abc import Callable

from converters import Columns, Source, convert, sample_of
from examples.fraud.schema import FEATURES, LABEL
from examples.fraud.train import held_back_table, model, properties, threshold, training_table
from models import Store
from scoring.manifest import Manifest

__all__ = ["EVENT_ID", "release"]

EVENT_ID = "transaction_id"


def release(store: Store, *, name: str = "fraud", report: Callable[[str], None] = lambda _: None) -> Manifest:
    """Train, convert and certify the model, add it to the store, and point its alias `champion` to it.

    Args:
        store: where to add it.
        name: the model's name there.
        report: told what is being done, for showing progress.

    Raises:
        CertificateError: the converted model answers differently.
    """
    report("training on simulated transactions")
    source = Source(
        estimator=model(),
        sample=sample_of(training_table(), name="training period"),
        held_back=sample_of(held_back_table(), name="test period"),
        columns=Columns(
            label=LABEL,
            event_id=EVENT_ID,
            paths={feature.name: feature.path for feature in FEATURES},
            dtypes={feature.name: feature.dtype for feature in FEATURES},
            nullable=frozenset(feature.name for feature in FEATURES if feature.nullable),
        ),
    )
    manifest = convert(
        source, name=name, store=store, positive=1, threshold=threshold(), properties=dict(properties()), report=report
    )
    store.set_alias(name, "champion", manifest.version)
    return manifest
