"""The trained FAQ model into a store: words and all in one graph, certified on phrasings held back, named champion."""

from collections.abc import Callable

from converters import Columns, Source, convert, sample_of
from examples.faq.schema import LABEL
from examples.faq.train import train
from models import Store
from scoring.manifest import Manifest

__all__ = ["release"]


def release(store: Store, *, name: str = "faq", report: Callable[[str], None] = lambda _: None) -> Manifest:
    """Train, convert and certify the model, add it to the store, and point its alias `champion` to it.

    Args:
        store: where to add it.
        name: the model's name there.
        report: told what is being done, for showing progress.

    Raises:
        CertificateError: the converted model answers differently.
    """
    report("training on the FAQs")
    trained = train()
    source = Source(
        estimator=trained.model,
        sample=sample_of(trained.training_table, name="faq training"),
        held_back=sample_of(trained.held_back_table, name="faq held back"),
        columns=Columns(label=LABEL),
    )
    manifest = convert(source, name=name, store=store, top_k=5, properties=dict(trained.properties), report=report)
    store.set_alias(name, "champion", manifest.version)
    return manifest
