"""The pictures of a comparison."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from stream_worker.replay.backtest.arrays import Counts
from stream_worker.replay.backtest.bins import THOUSAND, first_bin, gathered, reached
from stream_worker.replay.backtest.drawing import Axis, Frame, Point
from stream_worker.replay.backtest.markup import Element
from stream_worker.replay.backtest.measures import calibration
from stream_worker.replay.backtest.plane import Plane
from stream_worker.replay.backtest.words import Names
from stream_worker.replay.comparison import Comparison

__all__ = ["Picture", "pictures"]

_BARS = 50
_HALF, _LEAST = 0.5, 0.01
_LOOKS = ("champion", "challenger")
_PAIR = (("", "precision"), (" dashed", "recall"))
_QUADRANTS = (
    " The dashed lines are the thresholds: at the top left the challenger alone flags, at the bottom right the "
    "champion alone."
)


class Picture(NamedTuple):
    """A picture and what to say of it.

    Attributes:
        title: above it.
        element: the picture.
        key: what each look stands for: the class of a mark and its meaning.
        caption: how to read it.
    """

    title: str
    element: Element
    key: tuple[tuple[str, str], ...]
    caption: str


def pictures(comparison: Comparison, names: Names) -> list[Picture]:
    """Return the pictures that a comparison has something to show in."""
    return list(_pictures(comparison, names)) if comparison.compared else []


def _pictures(comparison: Comparison, names: Names) -> Iterator[Picture]:
    terms = comparison.terms
    yield _score_against_score(comparison, names)
    yield _histograms(comparison, names)
    if not comparison.labelled:
        return
    if terms.task == "binary":
        yield _over_thresholds(comparison, names)
    if terms.is_bounded:
        yield _calibrations(comparison, names)
    if terms.task == "regression":
        for place, plane in enumerate(comparison.against_truth):
            yield _against_truth(plane, names[place])


def _score_against_score(comparison: Comparison, names: Names) -> Picture:
    low, high = _ends(comparison.plane, is_bounded=comparison.terms.is_bounded)
    frame = Frame(
        Axis(title=f"score of {names[0]}", low=low, high=high),
        Axis(title=f"score of {names[1]}", low=low, high=high),
        f"The scores of {names[1]} against those of {names[0]}, as a histogram in two dimensions.",
    )
    _fill(frame, comparison.plane)
    frame.line([(low, low), (high, high)], "equal")
    ones, others = comparison.terms.thresholds
    if ones is not None:
        frame.up_at(ones, "threshold champion")
    if others is not None:
        frame.across_at(others, "threshold challenger")
    return Picture(
        "Score against score",
        frame.element,
        (("equal", "equal scores"), *_threshold_key(comparison, names)),
        "Each cell holds the events with these two scores; the fuller its colour, the more they are (logarithmic)."
        + _QUADRANTS * (None not in (ones, others)),
    )


def _histograms(comparison: Comparison, names: Names) -> Picture:
    edges, both = _bars(comparison)
    top = max(1.0, *(max(counts, default=0.0) for counts in both))
    frame = Frame(
        Axis(title="score", low=edges[0], high=edges[-1]),
        Axis(title="events (logarithmic)", low=0.8, high=top * 1.6 + 1, scale="log"),
        f"How the scores of {names[0]} and of {names[1]} are spread.",
    )
    for place, look in enumerate(_LOOKS):
        frame.steps(edges, both[place], look, filled=place == 0)
    return Picture(
        "How the scores are spread", frame.element, _key(names), "The number of events for each range of scores."
    )


def _over_thresholds(comparison: Comparison, names: Names) -> Picture:
    frame = Frame(
        Axis(title="threshold", low=0, high=1),
        Axis(title="precision and recall", low=0, high=1),
        f"Precision and recall of {names[0]} and of {names[1]} at each threshold.",
    )
    for place, look in enumerate(_LOOKS):
        precision, recall = _precision_recall(comparison.bins[place])
        frame.line(precision, look)
        frame.line(recall, f"{look} dashed")
        threshold = comparison.terms.thresholds[place]
        if threshold is not None:
            frame.up_at(threshold, f"threshold {look}")
    key = [
        (f"{look}{dash}", f"{what}, {name}") for look, name in zip(_LOOKS, names, strict=True) for dash, what in _PAIR
    ]
    return Picture(
        "Precision and recall by threshold",
        frame.element,
        (*key, *_threshold_key(comparison, names)),
        "What each model would reach if it decided from another threshold on.",
    )


def _calibrations(comparison: Comparison, names: Names) -> Picture:
    frame = Frame(
        Axis(title="probability that was given", low=0, high=1),
        Axis(title="share that came true", low=0, high=1),
        f"How often what {names[0]} and {names[1]} foretold came true.",
    )
    frame.line([(0, 0), (1, 1)], "equal")
    for bins, look in zip(comparison.bins, _LOOKS, strict=True):
        found = calibration(bins[1], bins[2])
        points = list(zip(found.foretold.tolist(), found.true.tolist(), strict=True))
        frame.line(points, look)
        words = (f"{count:,} events" for count in found.counts.tolist())
        frame.dots(zip(points, words, strict=True), look)
    return Picture(
        "Calibration",
        frame.element,
        (*_key(names), ("equal", "as foretold")),
        "Of the events that were given about the same probability, the share that came true. Below the line a model "
        "promises too much.",
    )


def _against_truth(plane: Plane, name: str) -> Picture:
    low, high = _ends(plane, is_bounded=False)
    frame = Frame(
        Axis(title="true value", low=low, high=high),
        Axis(title=f"value of {name}", low=low, high=high),
        f"The values of {name} against the true values.",
    )
    _fill(frame, plane)
    frame.line([(low, low), (high, high)], "equal")
    return Picture(f"{name} against the truth", frame.element, (("equal", "right"),), "On the line it is right.")


def _fill(frame: Frame, plane: Plane) -> None:
    most = math.log1p(max(plane.cells.values()))
    for (one, other), count in sorted(plane.cells.items()):
        frame.cell((one * plane.side, other * plane.side), plane.side, math.log1p(count) / most)


def _ends(plane: Plane, *, is_bounded: bool) -> Point:
    """Return between which values a plane lies, the same for both axes; probabilities begin at 0."""
    places = [place for cell in plane.cells for place in cell]
    low, high = min(places) * plane.side, (max(places) + 1) * plane.side
    if not is_bounded:
        return low, high
    return 0.0, 1.0 if high > _HALF else max(high, _LEAST)


def _bars(comparison: Comparison) -> tuple[list[float], list[list[float]]]:
    """Return the edges of bars, and how many of the champion's and of the challenger's scores are in each."""
    if comparison.terms.is_bounded:
        return [bar / _BARS for bar in range(_BARS + 1)], gathered(comparison.bins.sum(axis=1), _BARS).tolist()
    plane = comparison.plane
    places = [place for cell in plane.cells for place in cell]
    first, last = min(places), max(places)
    both = np.zeros((2, last - first + 1))
    for cell, count in plane.cells.items():
        for kind, place in enumerate(cell):
            both[kind, place - first] += count
    return [place * plane.side for place in range(first, last + 2)], both.tolist()


def _precision_recall(bins: Counts) -> tuple[list[Point], list[Point]]:
    false, true = reached(bins[1:]).astype(float)
    total = max(1.0, true[0])
    shown = range(0, THOUSAND, 5)
    precision: list[Point] = []
    recall: list[Point] = []
    for at, place in ((each / THOUSAND, first_bin(each)) for each in shown):
        given = true[place] + false[place]
        precision.append((at, true[place] / given if given else math.nan))
        recall.append((at, true[place] / total))
    return precision, recall


def _key(names: Names) -> tuple[tuple[str, str], ...]:
    return (_LOOKS[0], names[0]), (_LOOKS[1], names[1])


def _threshold_key(comparison: Comparison, names: Names) -> Sequence[tuple[str, str]]:
    return [
        (f"threshold {look}", f"threshold of {name}, {threshold:g}")
        for look, name, threshold in zip(_LOOKS, names, comparison.terms.thresholds, strict=True)
        if threshold is not None
    ]
