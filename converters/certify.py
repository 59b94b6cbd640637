"""The certificate: the original's own answers against those of the session that will serve."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import onnx
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from converters.layout import Layout
from converters.padding import BATCH_SIZES, smallest_padding
from converters.probes import KINDS, Probe, probe_rows
from converters.reference import Answer, EstimatorReference, Reference
from models import OnnxScorer
from scoring.answers import Answers
from scoring.certificate import Certificate
from scoring.errors import ConversionError, ModelRefusedError, ScoringError
from scoring.manifest import Manifest
from scoring.outcomes import ModelIdentity, Prediction
from scoring.ports import Scores

__all__ = ["TOLERANCE", "certify", "compare", "refusal"]

# Sessions add in float32, whose unit is 6e-8: hundreds of trees or terms reach some 1e-6, and a converter that gets
# something wrong 1e-3 and more. 1e-5 stands well apart from both.
TOLERANCE: Final = 1e-5
_SHOWN: Final = 12
_UNRUNNABLE: Final = "docs/support.md lists the estimators that convert and agree."


def certify(
    estimator: Any,
    layout: Layout,
    model: onnx.ModelProto,
    manifest: Manifest,
    held_back: pd.DataFrame,
    *,
    tolerance: float = TOLERANCE,
    report: Callable[[str], None] = lambda _: None,
) -> Certificate:
    """Compares the answers of a fitted estimator with those of its graph, and measures the padding.

    Args:
        estimator: the fitted estimator.
        layout: how it takes its rows.
        model: the graph.
        manifest: how the graph is fed, and what its scores mean.
        held_back: rows of the table, best such as the estimator was not trained on.
        tolerance: the largest difference in score allowed, relative for scores beyond one.
        report: told what is being done.

    Returns:
        The certificate, passed or failed. Decisions that differ where the estimator's score is within the tolerance of
        its threshold, or of a tie, are counted as flips and do not fail it.

    Raises:
        ConversionError: the estimator cannot score the rows held back.
        CertificateError: the session's bits depend on the batch at any padding.
    """
    reference = EstimatorReference(estimator, layout, manifest)
    serialised = model.SerializeToString(deterministic=True)
    probes = probe_rows(model, manifest, held_back)
    return compare(reference, probes, serialised, manifest, tolerance=tolerance, report=report)


def compare(
    reference: Reference,
    probes: Iterable[Probe],
    model: bytes,
    manifest: Manifest,
    *,
    tolerance: float = TOLERANCE,
    report: Callable[[str], None] = lambda _: None,
) -> Certificate:
    """Compares the answers of an original with those of a graph on probes, and measures the padding.

    Args:
        reference: the original.
        probes: the rows to compare, those held back among them.
        model: the serialised graph.
        manifest: how the graph is fed, and what its scores mean.
        tolerance: as `certify` takes it.
        report: told what is being done.

    Raises:
        ConversionError: the original cannot score the rows held back.
        CertificateError: the session's bits depend on the batch at any padding.
    """
    comparison = _Comparison(reference, _Served(model, manifest), tolerance)
    batch: dict[str, NDArray[Any]] = {}
    # many short calls: OpenMP's threads would spend their time waiting for each other, most of all on busy machines
    with threadpool_limits(1, user_api="openmp"):
        for probe in probes:
            report(f"comparing answers: {probe.kind.replace('_', ' ')} {probe.feature}".rstrip())
            comparison.add(probe)
            if probe.kind == "held_back":
                batch = dict(probe.columns)
    report("comparing batch sizes bit for bit")
    padding = smallest_padding(model, manifest.features, manifest.graph, batch)
    return comparison.certificate(padding)


def refusal(manifest: Manifest, original: str = EstimatorReference.title) -> str:
    """Returns in words why a model's certificate failed: by how much, and where.

    Args:
        manifest: with the certificate.
        original: what the graph was compared with.
    """
    certificate = manifest.certificate
    if certificate is None or certificate.passed:
        return f"{manifest.name} has not failed its certificate"
    return (
        f"the graph does not answer like {original}: scores differ by up to {certificate.score_difference:.3g} "
        f"(allowed: {certificate.tolerance:g}), and {certificate.flips} of {sum(certificate.rows.values())} decisions "
        f"differ; {certificate.worst}"
    )


class _Served:
    """The session, and what its numbers mean under the manifest."""

    def __init__(self, model: bytes, manifest: Manifest) -> None:
        try:
            self._scorer = OnnxScorer(model, manifest.features, manifest.graph, source="the graph")
        except ModelRefusedError as error:
            raise ConversionError(str(error), remedy=_UNRUNNABLE) from error
        identity = ModelIdentity(name=manifest.name, version=manifest.version, digest=manifest.digest)
        self._answers = Answers(manifest, identity)

    def answer(self, columns: Any) -> tuple[NDArray[np.float64], NDArray[Any]]:
        scores = self._scorer.run(columns)
        wide = scores.scores.astype(np.float64)
        count = len(wide)
        return wide.reshape(count, -1), self._labels(scores, count)

    def _labels(self, scores: Scores, count: int) -> NDArray[Any]:
        outcomes = self._answers.predictions(scores, [""] * count, [None] * count)
        labels = np.empty(count, object)
        labels[:] = [outcome.label if isinstance(outcome, Prediction) else outcome.code for outcome in outcomes]
        return labels


@dataclass(slots=True)
class _Comparison:
    """What has been found so far."""

    reference: Reference
    served: _Served
    tolerance: float
    rows: Counter[str] = field(default_factory=Counter)
    difference: float = 0.0
    flips: int = 0
    excused: int = 0
    worst: str = ""
    flipped: str = ""

    def add(self, probe: Probe) -> None:
        """Compare the rows of a probe."""
        try:
            expected = self.reference.answer(probe)
        except ConversionError:
            if probe.kind == "held_back":
                raise
            self._both_refuse(probe)
            return
        self.rows[probe.kind] += len(probe.rows)
        try:
            scores, labels = self.served.answer(probe.columns)
        except ScoringError as error:
            self._found(np.inf, f"{_words(probe)}: the session fails where {self.reference.title} answers: {error}")
            return
        self._compare_scores(probe, expected, scores)
        if expected.labels is not None:
            self._compare_labels(probe, expected, labels)

    def certificate(self, padding: int) -> Certificate:
        """Return what came of it."""
        worst = "; ".join(part for part in (self.worst, self.flipped) if part)
        return Certificate(
            passed=self.difference <= self.tolerance and self.flips == self.excused,
            tolerance=self.tolerance,
            score_difference=self.difference,
            flips=self.flips,
            rows={kind: self.rows[kind] for kind in KINDS},
            batch_sizes=BATCH_SIZES,
            padding=padding,
            worst=worst,
        )

    def _compare_scores(self, probe: Probe, expected: Answer, scores: NDArray[np.float64]) -> None:
        if scores.shape != expected.scores.shape:
            self._found(np.inf, f"{_words(probe)}: {scores.shape[1]} scores instead of {expected.scores.shape[1]}")
            return
        with np.errstate(invalid="ignore"):
            apart = np.abs(scores - expected.scores) / np.maximum(1.0, np.abs(expected.scores))
        apart[np.isnan(scores) & np.isnan(expected.scores) | (scores == expected.scores)] = 0.0
        apart[np.isnan(apart)] = np.inf
        row, column = np.unravel_index(int(np.argmax(apart)), apart.shape)
        if apart[row, column] > self.difference:
            there, here = expected.scores[row, column], scores[row, column]
            self._found(float(apart[row, column]), f"{_words(probe, int(row))}: {there:.9g} became {here:.9g}")

    def _compare_labels(self, probe: Probe, expected: Answer, labels: NDArray[Any]) -> None:
        differ = np.flatnonzero(expected.labels != labels)
        near = expected.margins[differ] <= self.tolerance
        self.flips += len(differ)
        self.excused += int(near.sum())
        if len(differ) and (not self.flipped or not near.all()):
            row = int(differ[np.argmin(near)])
            was = None if expected.labels is None else expected.labels[row]
            tie = ", within the tolerance of a tie" if near.all() else ""
            self.flipped = f"{_words(probe, row)}: decided {labels[row]!r} instead of {was!r}{tie}"

    def _both_refuse(self, probe: Probe) -> None:
        """Where the estimator refuses a probe, the session must not answer in its place."""
        try:
            self.served.answer(probe.columns)
        except ScoringError:
            return
        self.rows[probe.kind] += len(probe.rows)
        self._found(
            np.inf,
            f"{_words(probe)}: {self.reference.title} refuses these values, and the graph answers all the same; "
            "an encoder with handle_unknown says what is meant",
        )

    def _found(self, difference: float, words: str) -> None:
        if difference > self.difference:
            self.difference, self.worst = difference, words


def _words(probe: Probe, row: int | None = None) -> str:
    kind = {"held_back": "held-back row", "thresholds": "threshold", "nulls": "null", "unseen": "unseen value"}[
        probe.kind
    ]
    where = f"{kind} of {probe.feature}" if probe.feature else kind
    if row is None:
        return where
    values = probe.rows.iloc[row]
    shown = ", ".join(f"{name}={value!r}" for name, value in values.iloc[:_SHOWN].to_dict().items())
    return f"{where} ({shown}{', ...' if len(values) > _SHOWN else ''})"
