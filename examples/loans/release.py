"""A trained loan model against the registered champion: only the better of the two stays, or becomes, champion."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from converters import Columns, Source, convert, sample_of
from examples.loans.applications import APPROVED, EVENT_ID, FEATURES, LABEL
from examples.loans.train import TRAINING_ROWS, Training, auc, held_back, train
from models import Reference, Store, load_pipeline
from scoring import Event, Manifest, Rejected
from scoring.errors import ScoringError

__all__ = ["CHAMPION", "LEAST_GAIN", "Decision", "challenge", "release"]

CHAMPION: Final = "champion"
# Two models this close are the same model to anybody who uses them; on 10,000 rows the area is no surer than that.
LEAST_GAIN: Final = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What came of a challenge.

    Attributes:
        champion: the manifest of the champion after it.
        replaced: whether that is the new model.
        new_auc: of the new model, on the rows held back.
        old_auc: of the champion before it, on the same rows; None where there was none.
    """

    champion: Manifest
    replaced: bool
    new_auc: float
    old_auc: float | None

    def __str__(self) -> str:
        name = self.champion.reference
        if self.old_auc is None:
            return f"{name} is the first champion: AUC {self.new_auc:.4f}"
        against = f"AUC {self.new_auc:.4f} of the new model against {self.old_auc:.4f}"
        return f"{name} {'is the new' if self.replaced else 'stays'} champion: {against}"


def release(
    store: Store, *, name: str = "loans", rows: int = TRAINING_ROWS, report: Callable[[str], None] = lambda _: None
) -> Manifest:
    """Train a model, compare it with the champion, and return the champion's manifest after that.

    Args:
        store: where to add it, if it is the better one.
        name: the model's name there.
        rows: how many decided applications to learn from.
        report: told what is being done, for showing progress.

    Raises:
        CertificateError: the converted model answers differently.
        ModelRefusedError: the champion must not be served, and so cannot be compared.
    """
    report("training on simulated loan applications")
    return challenge(store, train(rows), name=name, report=report).champion


def challenge(
    store: Store, training: Training, *, name: str = "loans", report: Callable[[str], None] = lambda _: None
) -> Decision:
    """Compare a trained model with the champion on the same rows; the better one is champion from then on.

    A model that gains less than `LEAST_GAIN` is not added to the store at all.

    Args:
        store: where the champion is, and the new model goes.
        training: the new model.
        name: the model's name in the store.
        report: told what is being done, for showing progress.

    Raises:
        CertificateError: the converted model answers differently.
        ModelRefusedError: the champion must not be served.
        ScoringError: the champion rejects a row: it takes other features.
    """
    new, old = training.properties["auc"], None
    version = store.aliases(name).get(CHAMPION)
    if version is not None:
        report(f"scoring the same applications with {name}:{version}")
        old = _served_auc(store, Reference(name=name, version=version))
        if new - old < LEAST_GAIN:
            return Decision(champion=store.manifest(name, version), replaced=False, new_auc=new, old_auc=old)
    manifest = _converted(store, training, name, report)
    store.set_alias(name, CHAMPION, manifest.version)
    return Decision(champion=manifest, replaced=True, new_auc=new, old_auc=old)


def _served_auc(store: Store, reference: Reference) -> float:
    """What a stored model answers to the rows held back, through the same code that serves it."""
    rows = held_back()
    events = [Event(msgspec.json.encode(row)) for row in rows[list(FEATURES)].to_numpy().tolist()]
    approved = []
    for outcome in load_pipeline(store, reference).score(events, form="row"):
        if isinstance(outcome, Rejected):
            raise ScoringError(f"{reference} cannot be compared: {outcome.reason}")
        approved.append(outcome.score)
    return auc(rows[LABEL], approved)


def _converted(store: Store, training: Training, name: str, report: Callable[[str], None]) -> Manifest:
    source = Source(
        estimator=training.model,
        sample=sample_of(training.training_table, name="loans training"),
        held_back=sample_of(held_back(), name="loans held back"),
        columns=Columns(label=LABEL, event_id=EVENT_ID),
    )
    return convert(
        source,
        name=name,
        store=store,
        positive=APPROVED,
        tags=training.tags,
        properties=dict(training.properties),
        report=report,
    )
