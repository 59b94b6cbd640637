"""The trained diabetes model into a store: converted, certified on the patients held back, and named champion."""

from collections.abc import Callable

from converters import Columns, Source, convert, sample_of
from examples.diabetes.train import TARGET, train
from models import Store
from scoring.manifest import Manifest

__all__ = ["release"]


def release(store: Store, *, name: str = "diabetes", report: Callable[[str], None] = lambda _: None) -> Manifest:
    """Train, convert and certify the model, add it to the store, and point its alias `champion` to it.

    Args:
        store: where to add it.
        name: the model's name there.
        report: told what is being done, for showing progress.

    Raises:
        CertificateError: the converted model answers differently.
    """
    report("training on scikit-learn's diabetes data")
    trained = train()
    source = Source(
        estimator=trained.model,
        sample=sample_of(trained.training_table, name="diabetes training"),
        held_back=sample_of(trained.held_back_table, name="diabetes held back"),
        columns=Columns(label=TARGET),
    )
    manifest = convert(source, name=name, store=store, properties=dict(trained.properties), report=report)
    store.set_alias(name, "champion", manifest.version)
    return manifest
