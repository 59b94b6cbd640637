"""The figures that a decision is made by, side by side, with the better one marked."""

import math
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from scoring import Label
from stream_worker.replay.backtest.measures import Binned, Decided, average_precision, decided, ratio, roc_auc
from stream_worker.replay.comparison import Comparison

__all__ = ["Line", "agreement", "caught", "flagged", "flipped", "headline", "moved"]

Form = Literal["count", "share", "measure", "value"]
_NONE = "-"


class Line(NamedTuple):
    """One figure of both models.

    Attributes:
        name: in a program's words.
        title: in a reader's.
        figures: the champion's and the challenger's; NaN where there is none.
        form: how they are shown.
        better: which of two is the better: the higher, the lower, or the one closer to zero; None where neither is.
        between: where figures are of scores in bins, what those of the scores themselves lie between.
    """

    name: str
    title: str
    figures: tuple[float, float]
    form: Form
    better: Literal["higher", "lower", "closer"] | None = None
    between: tuple[Binned, Binned] | None = None

    @property
    def shown(self) -> tuple[str, str]:
        """The figures as they are shown."""
        return _shown(self.figures[0], self.form), _shown(self.figures[1], self.form)

    @property
    def winner(self) -> int | None:
        """The place of the better figure; None where they are equal as shown or cannot be told apart, or neither is."""
        if self.better is None or self.shown[0] == self.shown[1] or _NONE in self.shown:
            return None
        if self.between is not None and _overlap(*self.between):
            return None
        one, other = map(abs, self.figures) if self.better == "closer" else self.figures
        return int(other > one) if self.better == "higher" else int(other < one)


def headline(comparison: Comparison) -> list[Line]:
    """Return the figures of a comparison."""
    task = comparison.terms.task
    if task == "regression":
        return list(_of_values(comparison))
    return list(_of_two(comparison) if task == "binary" else _of_labels(comparison))


def flagged(comparison: Comparison, label: int) -> tuple[int, int]:
    """Return how many events each model gave a label, by its place."""
    return int(comparison.pairs[label].sum()), int(comparison.pairs[:, label].sum())


def flipped(comparison: Comparison) -> int:
    """Return how many events the models decide differently."""
    return int(comparison.pairs.sum() - comparison.pairs.trace())


def agreement(comparison: Comparison) -> float:
    """Return the share of events that both decide alike."""
    return ratio(int(comparison.pairs.trace()), int(comparison.pairs.sum()))


def caught(comparison: Comparison, label: int) -> tuple[Decided, Decided]:
    """Return what came of both models' decisions for a label, by its place."""
    return decided(comparison.confusions[0], label), decided(comparison.confusions[1], label)


def moved(comparison: Comparison) -> tuple[int, int]:
    """Return on how many events only the challenger is right, and on how many only the champion."""
    return int(comparison.right[:, 0, 1].sum()), int(comparison.right[:, 1, 0].sum())


def _of_two(comparison: Comparison) -> Iterator[Line]:
    positive = comparison.terms.positive or 0
    label = comparison.terms.labels[positive]
    yield from _given(comparison, label, positive)
    if not comparison.labelled:
        return
    ones, others = caught(comparison, positive)
    yield Line("precision", "precision", (ones.precision, others.precision), "share", "higher")
    yield Line("recall", "recall", (ones.recall, others.recall), "share", "higher")
    yield Line("f1", "F1 score", (ones.f1, others.f1), "measure", "higher")
    areas = roc_auc(*comparison.bins[0, 1:]), roc_auc(*comparison.bins[1, 1:])
    yield _binned("roc_auc", "area under the ROC curve", areas)
    yield _binned(
        "average_precision",
        "average precision",
        (average_precision(*comparison.bins[0, 1:]), average_precision(*comparison.bins[1, 1:])),
    )
    yield Line("brier", "Brier score", _means(comparison, 2), "measure", "lower")


def _of_labels(comparison: Comparison) -> Iterator[Line]:
    terms = comparison.terms
    if terms.task == "outlier":
        yield from _given(comparison, terms.labels[0], 0)
    if not comparison.labelled:
        return
    tables = comparison.confusions
    right = ratio(int(tables[0].trace()), comparison.labelled), ratio(int(tables[1].trace()), comparison.labelled)
    yield Line("accuracy", "accuracy", right, "share", "higher")
    if terms.top_k > 1:
        hits = comparison.hits.sum(axis=1).tolist()
        listed = ratio(hits[0], comparison.labelled), ratio(hits[1], comparison.labelled)
        yield Line(f"top_{terms.top_k}", f"true label among the first {terms.top_k}", listed, "share", "higher")
    recalls = [_mean([decided(table, label).recall for label in range(len(terms.labels))]) for table in tables]
    yield Line("mean_recall", "mean recall of the labels", (recalls[0], recalls[1]), "share", "higher")
    if terms.task == "multiclass":
        yield Line("brier", "Brier score of the label given", _means(comparison, 2), "measure", "lower")


def _of_values(comparison: Comparison) -> Iterator[Line]:
    means = comparison.scores.means.tolist()
    yield Line("mean", "mean of the values", (means[0], means[1]), "value")
    if not comparison.labelled:
        return
    squares = _means(comparison, 2)
    spread = comparison.truths.variance(0)
    yield Line("mean_error", "mean error", _means(comparison, 0), "value", "closer")
    yield Line("mae", "mean absolute error", _means(comparison, 1), "value", "lower")
    yield Line("rmse", "root of the mean squared error", (squares[0] ** 0.5, squares[1] ** 0.5), "value", "lower")
    yield Line("r2", "R²", (1 - ratio(squares[0], spread), 1 - ratio(squares[1], spread)), "measure", "higher")


def _given(comparison: Comparison, label: Label, place: int) -> Iterator[Line]:
    counts = flagged(comparison, place)
    of = comparison.compared
    yield Line("flagged", f"events given {label}", counts, "count")
    yield Line("flagged_share", f"share given {label}", (ratio(counts[0], of), ratio(counts[1], of)), "share")


def _binned(name: str, title: str, found: tuple[Binned, Binned]) -> Line:
    return Line(name, title, (found[0].value, found[1].value), "measure", "higher", found)


def _overlap(one: Binned, other: Binned) -> bool:
    return one.low <= other.high and other.low <= one.high


def _means(comparison: Comparison, kind: int) -> tuple[float, float]:
    one, other = comparison.errors[:, kind].tolist()
    return ratio(one, comparison.labelled), ratio(other, comparison.labelled)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return ratio(math.fsum(known), len(known))


def _shown(figure: float, form: Form) -> str:
    if math.isnan(figure):
        return _NONE
    if form == "count":
        return f"{figure:,.0f}"
    if form == "share":
        return f"{100 * figure:.2f} %"
    return f"{figure:.4f}" if form == "measure" else f"{figure:,.5g}"
