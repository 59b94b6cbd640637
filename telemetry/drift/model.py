"""All bins of a model, laid out in one vector: counts of batches, slices and processes are added as they are."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring import Manifest
from scoring.columns import Columns
from telemetry.drift.bins import ColumnBins, bins_of, score_bins
from telemetry.drift.figures import Counts

__all__ = ["MAX_FEATURES", "SCORE", "ModelBins", "Place"]

MAX_FEATURES: Final = 1000
"""Of a model with more features, the first so many that have a baseline are looked at: counts take memory."""

SCORE: Final = "score"
"""What figures of the score are called."""


class Place(NamedTuple):
    """Where the counts of a column stand.

    Attributes:
        name: the feature's; `score` for the score.
        is_score: whether it is the score.
        bins: of the column.
        start: the first of its counts.
    """

    name: str
    is_score: bool
    bins: ColumnBins
    start: int

    def of(self, counts: Counts) -> Counts:
        """Return the column's part of a model's counts."""
        return counts[self.start : self.start + self.bins.width]


class ModelBins:
    """The bins of the features and of the score that have a baseline.

    Attributes:
        reference: of the model, `name:version`.
        places: where each stands.
        features: the names of the features among them.
        width: how many counts there are.
    """

    def __init__(self, manifest: Manifest) -> None:
        """Lay out what a manifest has baselines of."""
        found = [(feature.name, False, bins) for feature in manifest.features if (bins := bins_of(feature)) is not None]
        del found[MAX_FEATURES:]
        bins = score_bins(manifest.outputs.baseline)
        if bins is not None:
            found.append((SCORE, True, bins))
        starts = np.cumsum([0, *(bins.width for _, _, bins in found)]).tolist()
        self.reference = manifest.reference
        self.places = tuple(Place(*each, start) for each, start in zip(found, starts, strict=False))
        self.features = tuple(place.name for place in self.places if not place.is_score)
        self.width: int = starts[-1]

    def count(self, columns: Columns, scores: NDArray[np.float64] | Sequence[float]) -> Counts:
        """Return the counts of some rows.

        Args:
            columns: of the features, shape [N] each; one that is not there is not counted.
            scores: of predictions, of as many rows as have one; all finite.
        """
        counts = np.zeros(self.width, np.int64)
        for place in self.places:
            if place.is_score:
                place.of(counts)[:] = place.bins.count(np.asarray(scores, np.float64))
            elif place.name in columns:
                place.of(counts)[:] = place.bins.count(columns[place.name])
        return counts
