"""Which estimators convert, and by how much the two sides differ: measured, for `docs/support.md`.

An estimator is supported when, on rows it has not seen, alone and in batches, onnxruntime's scores are within
`TOLERANCE` of scikit-learn's and no decision differs away from a tie. Probabilities differ in absolute terms; values,
margins and features relative to the largest of theirs, because a margin has no scale of its own. The tolerance leaves
room for a sum of float32 products (2 ** -24 each) and for nothing else: a wrong formula is off by far more.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from converters.export import GraphInput, to_onnx
from converters.subjects import Kind, Subject, subjects
from scoring.errors import ConversionError

__all__ = ["TOLERANCE", "Support", "measure", "support_table"]

TOLERANCE: Final = 1e-5
_BATCHES: Final = (1, 7, 10**6)
_ALONE: Final = 12  # rows scored one at a time: enough to see what a batch of one does
_KINDS: Final[tuple[Kind, ...]] = ("classifier", "regressor", "outlier detector", "transformer")

Array = np.ndarray[Any, np.dtype[Any]]
Run = Callable[[bytes, dict[str, Array]], list[Array]]
"""Runs a model's bytes on named inputs and returns its outputs, at one intra-op thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """What was measured of one estimator.

    Attributes:
        name: its class.
        kind: classifier, regressor, outlier detector or transformer.
        converts: `yes`; `no` where it converts and answers differently; `refused` where `to_onnx` says why not.
        difference: the largest difference in score, as the module's docstring measures it; NaN when refused.
        flipped: decisions that differ away from a tie.
        reason: why it was refused, or by how much it differs.
    """

    name: str
    kind: Kind
    converts: Literal["yes", "no", "refused"]
    difference: float
    flipped: int
    reason: str = ""


def measure(run: Run, kinds: Sequence[Kind] = _KINDS) -> Iterator[Support]:
    """Fits, converts and compares every estimator, on a table for each task that it takes.

    Args:
        run: runs a model's bytes.
        kinds: which estimators.
    """
    for kind in kinds:
        for name, fitted in subjects(kind):
            yield _measure_one(run, name, kind, fitted)


def _measure_one(run: Run, name: str, kind: Kind, fitted: Iterable[Subject]) -> Support:
    differences, flipped = [], 0
    for subject in fitted:
        try:
            model = to_onnx(subject.estimator, [GraphInput("table", "float32", subject.held_back.shape[1])])
        except ConversionError as error:
            return Support(
                name=name, kind=kind, converts="refused", difference=np.nan, flipped=0, reason=_reason(name, error)
            )
        data = model.SerializeToString(deterministic=True)
        for size in _BATCHES:
            rows = subject.held_back[:_ALONE] if size == 1 else subject.held_back
            difference, decisions = _compare(subject.estimator, rows, _run_in_batches(run, data, rows, size))
            differences.append(difference)
            flipped += decisions
    worst = float(np.max(differences))
    agrees = worst <= TOLERANCE and not flipped
    reason = "" if agrees else f"differs by {worst:.1e}, {flipped} decisions"
    return Support(
        name=name, kind=kind, converts="yes" if agrees else "no", difference=worst, flipped=flipped, reason=reason
    )


def _run_in_batches(run: Run, data: bytes, rows: Array, size: int) -> list[Array]:
    narrow = rows.astype(np.float32)
    batches = [run(data, {"table": narrow[start : start + size]}) for start in range(0, len(rows), size)]
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


def _compare(estimator: Any, rows: Array, outputs: list[Array]) -> tuple[float, int]:
    """The largest difference in score, and the decisions that differ away from a tie."""
    with warnings.catch_warnings():
        # scikit-learn warns of rows without neighbours and of its own deprecations; the answers are what is compared.
        warnings.simplefilter("ignore")
        scores = _scores(estimator, rows)
        labels = estimator.predict(rows) if len(outputs) > 1 else None
    answered = np.asarray(outputs[-1], dtype=np.float64).reshape(scores.shape)
    scale = 1.0 if hasattr(estimator, "predict_proba") else max(float(np.nanmax(np.abs(scores), initial=0.0)), 1e-30)
    unlike = np.isnan(answered) != np.isnan(scores)
    difference = np.where(unlike, np.inf, np.nan_to_num(np.abs(answered - scores))) / scale
    if labels is None:
        return float(difference.max()), 0
    differs = (outputs[0] != labels) & (_gap(scores) > TOLERANCE * scale)
    return float(difference.max()), int(differs.sum())


def _scores(estimator: Any, rows: Array) -> Array:
    methods = ("predict_proba", "decision_function", "predict", "transform")
    answer = next(getattr(estimator, method) for method in methods if hasattr(estimator, method))(rows)
    return np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer, dtype=np.float64)


def _gap(scores: Array) -> Array:
    """How far each decision is from a tie: the lead of the largest score, or the margin's distance from 0."""
    if scores.ndim == 1 or scores.shape[1] == 1:
        return np.abs(scores.reshape(len(scores)))
    ranked = np.sort(scores, axis=1)
    return np.asarray(ranked[:, -1] - ranked[:, -2])


def _reason(name: str, error: ConversionError) -> str:
    return str(error).removeprefix(f"{error.step}: ") if error.step == name else str(error)


def support_table(records: Iterable[Support]) -> str:
    """The page `docs/support.md`: a table for each kind of estimator.

    Args:
        records: what `measure` found.
    """
    listed = list(records)
    parts = [_HEAD.format(tolerance=_power(TOLERANCE))]
    for kind in _KINDS:
        chosen = sorted((record for record in listed if record.kind == kind), key=lambda record: record.name.lower())
        agree = sum(record.converts == "yes" for record in chosen)
        parts.append(f"\n## {kind.capitalize()}s: {agree} of {len(chosen)} agree\n")
        parts.append("| estimator | converts | largest difference | reason and remedy |\n| --- | --- | --- | --- |")
        parts.extend(
            f"| {record.name} | {record.converts} | {_size(record)} | {record.reason.replace('|', ' ')} |"
            for record in chosen
        )
    return "\n".join(parts) + "\n"


def _size(record: Support) -> str:
    """The order of magnitude, which is what stays the same from machine to machine."""
    if np.isnan(record.difference):
        return ""
    for bound in (1e-6, TOLERANCE):
        if record.difference < bound:
            return f"< {_power(bound)}"
    return f"> {_power(TOLERANCE)}"


def _power(bound: float) -> str:
    return f"1e{round(np.log10(bound))}"


_HEAD = """# What converts

Each estimator of scikit-learn that can be fitted on plain numbers was fitted on small tables, converted, and run on
rows it had not seen, one at a time, in sevens and all at once. `yes` means that every score was within {tolerance}
(absolute for probabilities, relative to the largest otherwise) and no decision differed away from a tie. `refused`
means that `weir convert` says so, with the reason and a remedy, rather than write a model that answers differently.

LightGBM's and XGBoost's scikit-learn classes convert too, at every threshold and with nulls. Whatever this page says,
the certificate compares *your* fitted estimator with its ONNX model, and refuses it where they differ.

This page is written by `WEIR_WRITE_DOCS=1 pytest tests/converters/test_support.py`."""
