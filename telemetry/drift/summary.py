"""What counts say of each column: its figures."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from telemetry.drift.figures import Counts, kolmogorov_smirnov, population_stability, share
from telemetry.drift.model import ModelBins, Place

__all__ = ["MOVING", "SHIFTED", "DriftFigures", "Verdict", "figures_of", "rows_needed", "verdict"]

Verdict = Literal["steady", "moving", "shifted", "too few rows"]

MOVING: Final = 0.1
SHIFTED: Final = 0.25
"""The usual rule of thumb for the population stability index: below the one steady, from the other on shifted."""

_BINS: Final = 10  # that the least number of rows is meant for


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftFigures:
    """How far a column is from its baseline.

    Attributes:
        model: its reference, `name:version`.
        feature: its name; `score` for the score.
        is_score: whether it is the score: a feature may be called so too.
        psi: the population stability index, nulls as a bin of their own; None where there are too few rows to tell.
        ks: the Kolmogorov-Smirnov distance of the numbers that are there; None for categories, for columns of nulls,
            and where there are too few rows.
        null_share: of the rows, from 0 to 1.
        baseline_null_share: of the rows of training.
        out_of_range: the share of rows below the least or above the greatest number of training, or of a category that
            it did not show; None where that is not known.
        rows: how many were looked at.
    """

    model: str
    feature: str
    is_score: bool
    psi: float | None
    ks: float | None
    null_share: float
    baseline_null_share: float
    out_of_range: float | None
    rows: int


def rows_needed(bins: int, least: int) -> int:
    """Return how many rows tell something of so many bins.

    Args:
        bins: how many there are.
        least: the rows that are enough for ten bins. Fewer bins need as many, more bins more: chance alone makes the
            index grow with them.
    """
    return -(-least * max(bins, _BINS) // _BINS)


def verdict(psi: float | None) -> Verdict:
    """Return what a population stability index is usually taken for; None is that of too few rows."""
    if psi is None:
        return "too few rows"
    return "steady" if psi < MOVING else "moving" if psi < SHIFTED else "shifted"


def figures_of(bins: ModelBins, counts: Counts, *, min_rows: int) -> list[DriftFigures]:
    """Return the figures of all columns of a model.

    Args:
        bins: the model's.
        counts: of the rows that were looked at, shape [bins.width].
        min_rows: the rows below which a column of ten bins has no index and no distance.
    """
    return [_figures(bins.reference, place, place.of(counts), min_rows) for place in bins.places]


def _figures(model: str, place: Place, counts: Counts, min_rows: int) -> DriftFigures:
    baseline = place.bins.baseline
    *_, nulls, outside = counts.tolist()
    rows = int(counts[:-1].sum())
    expected, observed = np.array([*baseline.counts, baseline.nulls], np.int64), counts[:-1]
    enough = rows >= rows_needed(len(baseline.counts), min_rows)
    if not baseline.nulls and not nulls:  # an empty bin on both sides tells nothing
        expected, observed = expected[:-1], observed[:-1]
    return DriftFigures(
        model=model,
        feature=place.name,
        is_score=place.is_score,
        psi=population_stability(expected, observed) if enough else None,
        ks=kolmogorov_smirnov(expected[: len(baseline.counts)], counts[:-2]) if enough and place.bins.ordered else None,
        null_share=share(nulls, rows),
        baseline_null_share=share(baseline.nulls, sum(baseline.counts) + baseline.nulls),
        out_of_range=share(outside, rows) if place.bins.ranged else None,
        rows=rows,
    )
