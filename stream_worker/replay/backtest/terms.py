"""On what terms two models are compared: the task, the labels of both, and what is called positive."""

from collections.abc import Sequence

import msgspec

from scoring import Label, Manifest, Outputs, Task
from scoring.errors import ConfigurationError

__all__ = ["MAX_LABELS", "Terms", "terms_between"]

MAX_LABELS = 1024
"""More labels are not compared: a table of every pair of them would not stay within memory."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What two models have in common. Where two values stand together, the champion's is the first.

    Attributes:
        task: of both.
        labels: of either, the champion's first; empty for a regression.
        positive: the place of the positive label among them (binary only).
        thresholds: the score from which each gives the positive label; None is the graph's own decision.
        top_k: how many labels the predictions of both list (multiclass only, else 0).
    """

    task: Task
    labels: tuple[Label, ...] = ()
    positive: int | None = None
    thresholds: tuple[float | None, float | None] = (None, None)
    top_k: int = 0

    @property
    def is_bounded(self) -> bool:
        """Whether scores are probabilities."""
        return self.task in {"binary", "multiclass"}

    @property
    def decides(self) -> bool:
        """Whether the models give labels."""
        return bool(self.labels)


def terms_between(champion: Manifest, challenger: Manifest) -> Terms:
    """Return on what terms two models can be compared; their features may differ.

    Raises:
        ConfigurationError: they cannot be; says why.
    """
    both = f"{champion.reference} and {challenger.reference} cannot be compared"
    if champion.task != challenger.task:
        raise ConfigurationError(
            f"{both}: the first is a {champion.task} model and the second a {challenger.task} model"
        )
    ones, others = champion.outputs, challenger.outputs
    if champion.task == "binary":
        _check_binary(ones, others, both)
    labels = tuple(dict.fromkeys((*ones.labels, *others.labels)))
    if len(labels) > MAX_LABELS:
        raise ConfigurationError(f"{both}: they have {len(labels)} labels; at most {MAX_LABELS} are compared")
    return Terms(
        task=champion.task,
        labels=labels,
        positive=None if ones.positive is None or champion.task != "binary" else labels.index(ones.positive),
        thresholds=(ones.threshold, others.threshold),
        top_k=min(_listed(ones), _listed(others)) if champion.task == "multiclass" else 0,
    )


def _check_binary(ones: Outputs, others: Outputs, both: str) -> None:
    if set(ones.labels) != set(others.labels):
        raise ConfigurationError(
            f"{both}: the first decides between {_or(ones.labels)}, the second {_or(others.labels)}"
        )
    if ones.positive != others.positive:
        raise ConfigurationError(
            f"{both}: the score of the first is the probability of {ones.positive!r}, that of the second of "
            f"{others.positive!r}; convert one of them again with --positive"
        )


def _listed(outputs: Outputs) -> int:
    return min(outputs.top_k, len(outputs.labels))


def _or(labels: Sequence[Label]) -> str:
    return " or ".join(map(repr, labels))
