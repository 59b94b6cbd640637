"""Scores to predictions: what a session's numbers mean under a manifest."""

from collections.abc import Iterable, Sequence
from itertools import repeat

import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from scoring.errors import ManifestError
from scoring.manifest import Manifest
from scoring.outcomes import Label, LabelScore, ModelIdentity, Prediction, Rejected
from scoring.ports import Scores

__all__ = ["NOT_FINITE", "Answers"]

NOT_FINITE = Rejected("score_not_finite", "the model's score for this event is not a finite number")

_Scores = NDArray[np.float64]


class Answers:
    """Turns the scores of a batch into predictions."""

    def __init__(self, manifest: Manifest, model: ModelIdentity) -> None:
        outputs = manifest.outputs
        self._task = manifest.task
        self._model = model
        self._labels = np.array(outputs.labels, object)
        self._positive = outputs.labels.index(outputs.positive) if outputs.positive is not None else 0
        self._threshold = outputs.threshold
        self._widths = {"binary": (1, 2), "multiclass": (len(outputs.labels),)}.get(manifest.task, (1,))
        self._top_k = min(outputs.top_k, max(1, len(outputs.labels)))

    def predictions(
        self, scores: Scores, prediction_ids: Sequence[str], event_ids: Iterable[str | None]
    ) -> list[Prediction | Rejected]:
        """Return one prediction a row, or a rejection where the score is not a finite number.

        Raises:
            ManifestError: the model gives more or fewer scores a row than the manifest's task and labels ask for.
        """
        wide = self._wide(scores)
        finite = _finite(wide)
        score, labels, ranked = (
            self._multiclass(scores, wide) if self._task == "multiclass" else self._one(scores, wide)
        )
        threshold: float | UnsetType = UNSET if self._threshold is None else self._threshold
        predictions: list[Prediction | Rejected] = list(
            map(
                Prediction,
                prediction_ids,
                event_ids,
                repeat(self._model),
                labels,
                score.tolist(),
                ranked,
                repeat(threshold),
            )
        )
        if not finite.all():
            for row in np.flatnonzero(~finite).tolist():
                predictions[row] = NOT_FINITE
        return predictions

    def values(self, scores: Scores) -> _Scores:
        """Return the scores that the predictions carry, in order, without those that are not finite numbers."""
        wide = self._wide(scores)
        score = wide.max(axis=1) if self._task == "multiclass" else self._positive_scores(wide)
        finite = _finite(wide)
        return score if finite.all() else score[finite]

    def decided(self, scores: Scores) -> Scores | dict[int, Rejected]:
        """Return the scores with the labels that their predictions carry; or, where any is not finite, those rows.

        Raises:
            ManifestError: as from `predictions`.
        """
        wide = self._wide(scores)
        finite = _finite(wide)
        if not finite.all():
            return dict.fromkeys(np.flatnonzero(~finite).tolist(), NOT_FINITE)
        if self._threshold is None:
            return scores
        labels = self._labels[self._sides(self._positive_scores(wide), self._threshold)]
        return Scores(labels.astype(np.int64) if isinstance(labels[0], int) else labels, scores.scores)

    def _wide(self, scores: Scores) -> _Scores:
        wide = scores.scores.astype(np.float64, copy=False)
        width = wide.size // max(1, len(wide))
        if width not in self._widths:
            expected = " or ".join(map(str, self._widths))
            raise ManifestError(
                f"{self._model.name}:{self._model.version}: the model gives {width} scores a row; its manifest, "
                f"{self._task} with {len(self._labels)} labels, expects {expected}"
            )
        return wide

    def _one(self, scores: Scores, wide: _Scores) -> tuple[_Scores, Iterable[Label | None], Iterable[UnsetType]]:
        """A single score a row: the positive class's probability, a value or an anomaly score."""
        score = self._positive_scores(wide)
        return score, self._decisions(scores, score), repeat(UNSET)

    def _positive_scores(self, wide: _Scores) -> _Scores:
        has_columns = wide.ndim > 1 and wide.shape[1] > 1
        return wide[:, self._positive] if has_columns else wide.reshape(len(wide))

    def _sides(self, score: _Scores, threshold: float) -> NDArray[np.intp]:
        """Which of the two labels each score decides for, by its index."""
        return np.where(score >= threshold, self._positive, 1 - self._positive)

    def _decisions(self, scores: Scores, score: _Scores) -> Iterable[Label | None]:
        if self._task == "regression":
            return repeat(None)
        if self._threshold is not None:
            decided: list[Label] = self._labels[self._sides(score, self._threshold)].tolist()
            return decided
        return repeat(None) if scores.labels is None else scores.labels.tolist()

    def _multiclass(
        self, scores: Scores, wide: _Scores
    ) -> tuple[_Scores, Iterable[Label | None], list[list[LabelScore]]]:
        """The labels ranked by probability; equal ones stay in the order of the classes."""
        order = np.argsort(-wide, axis=1, kind="stable")[:, : self._top_k]
        best = np.take_along_axis(wide, order, axis=1)
        ranked = [
            list(map(LabelScore, labels, probabilities))
            for labels, probabilities in zip(self._labels[order].tolist(), best.tolist(), strict=True)
        ]
        labels = self._labels[order[:, 0]] if scores.labels is None else scores.labels
        return best[:, 0], labels.tolist(), ranked


def _finite(wide: _Scores) -> NDArray[np.bool_]:
    """Whether all scores of a row are finite, for each row."""
    return np.asarray(np.isfinite(wide).all(axis=tuple(range(1, wide.ndim))))
