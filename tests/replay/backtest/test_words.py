"""What follows, in words that somebody can act on."""

import dataclasses

import numpy as np
import pytest

from scoring import Event
from stream_worker.replay.backtest.headline import headline
from stream_worker.replay.backtest.words import what_follows
from stream_worker.replay.comparison import Batch, Comparison, compare, nothing
from tests.replay.backtest.batches import batch, terms

NAMES = ("fraud:1", "fraud:2")
NAN = float("nan")


def decided(*rows, task="binary", **more) -> Comparison:
    """A comparison of events, each given as champion's label, challenger's, truth and how many there are."""
    ones, others, truth = (np.repeat([row[at] for row in rows], [row[3] for row in rows]) for at in range(3))
    labels = np.stack([ones, others]).astype(np.intp)
    scores = np.where(labels == 1, 0.9, 0.1)
    made = Batch(
        scores=np.where(labels < 0, NAN, scores),
        labels=labels,
        truth=truth.astype(float),
        codes=tuple(["wrong_type" if label < 0 else "" for label in row] for row in labels.tolist()),
        events=[Event(None)] * len(ones),
        ids=[""] * len(ones),
        **more,
    )
    return compare(terms(task), made)


def valued(one: float, other: float, truth: float) -> Comparison:
    made = Batch(
        scores=np.array([[one] * 4, [other] * 4]),
        labels=np.full((2, 4), -1),
        truth=np.full(4, truth),
        codes=([""] * 4, [""] * 4),
        events=[Event(None)] * 4,
        ids=[""] * 4,
    )
    return compare(terms("regression"), made)


def test_fewer_alarms_and_more_frauds():
    found = decided((0, 0, 0, 900), (1, 1, 0, 20), (1, 0, 0, 30), (1, 1, 1, 60), (0, 1, 1, 12), (0, 0, 1, 8))
    assert what_follows(found, NAMES) == [
        "fraud:2 gives yes to 92 events, 16 % fewer than fraud:1 (110).",
        (
            "Of 80 events that truly are yes, fraud:2 finds 72: 12 more than fraud:1 (60). "
            "Of the 950 that are not, it takes 20 for such: 30 fewer than fraud:1 (50)."
        ),
        (
            "They decide 42 events differently, 4.1 % of all. Where the truth is known, fraud:2 alone is right on 42 "
            "and fraud:1 alone on 0. Two equally good models would hardly differ so much by luck (less than 0.1 % of "
            "such tests)."
        ),
    ]


def test_it_may_be_luck():
    found = decided((0, 0, 0, 90), (1, 0, 0, 4), (0, 1, 0, 3))
    assert what_follows(found, NAMES)[-1] == (
        "They decide 7 events differently, 7.2 % of all. Where the truth is known, fraud:2 alone is right on 4 and "
        "fraud:1 alone on 3. Two equally good models would differ as much in 100 % of such tests: it may be luck."
    )


def test_without_truth_only_the_decisions_are_told():
    found = decided((0, 0, NAN, 90), (1, 0, NAN, 9), (0, 1, NAN, 1))
    assert what_follows(found, NAMES) == [
        "fraud:2 gives yes to 1 event, 89 % fewer than fraud:1 (9).",
        "They decide 10 events differently, 10 % of all.",
    ]


def test_no_difference():
    found = decided((0, 0, 0, 90), (1, 1, 1, 10))
    assert what_follows(found, NAMES) == [
        "fraud:2 gives yes to 10 events, as many as fraud:1.",
        (
            "Of 10 events that truly are yes, fraud:2 finds 10: as many as fraud:1. "
            "Of the 90 that are not, it takes 0 for such: as many as fraud:1."
        ),
        "Both decide all 100 events alike.",
    ]


def test_a_champion_that_flags_nothing():
    assert what_follows(decided((0, 0, NAN, 9), (0, 1, NAN, 1)), NAMES)[0] == (
        "fraud:2 gives yes to 1 event, where fraud:1 gives it to none."
    )


def test_what_was_refused_and_what_is_not_known():
    found = dataclasses.replace(decided((0, 0, 0, 9), (0, 0, NAN, 3), (-1, 0, 0, 2), (0, -1, 0, 1)), foreign=4)
    assert what_follows(found, NAMES)[-4:] == [
        "fraud:1 alone refused 2 events; what is refused is not compared.",
        "fraud:2 alone refused 1 event; what is refused is not compared.",
        "The truth is known of 9 of the 12 events compared; what is said of being right is of these alone.",
        "In 4 events the label is one that neither model knows, or is no number; it is passed over.",
    ]


def test_several_labels():
    found = what_follows(decided((0, 0, 0, 8), (1, 2, 2, 2), task="multiclass"), NAMES)
    assert found[0] == "Of 10 events whose truth is known, fraud:2 is right on 10: 2 more than fraud:1 (8)."


def test_outliers():
    found = what_follows(decided((1, 1, NAN, 8), (1, 0, NAN, 2), task="outlier"), NAMES)
    assert found[0] == "fraud:2 gives -1 to 2 events, where fraud:1 gives it to none."


def test_values():
    assert what_follows(valued(120, 104, 100), NAMES) == [
        "On average fraud:2 answers 104 where fraud:1 answers 120.",
        "fraud:2 is off by 4 on average where fraud:1 is off by 20, 80 % less.",
    ]
    assert what_follows(valued(100, 104, 100), NAMES)[1] == (
        "fraud:2 is off by 4 on average where fraud:1 is off by 0."
    )


def test_nothing_was_answered_by_both():
    assert what_follows(nothing(terms("binary")), NAMES) == [
        "No event was answered by both fraud:1 and fraud:2: there is nothing to compare."
    ]


@pytest.mark.parametrize(
    ("task", "better"),
    [
        ("binary", {"flagged": None, "recall": 1}),
        ("multiclass", {"accuracy": 1, "mean_recall": 1, "brier": 1, "top_2": 1}),
        ("regression", {"mean": None, "mae": 1, "rmse": 1, "mean_error": 1, "r2": 1}),
        ("outlier", {"flagged": None}),
    ],
)
def test_the_better_figure_is_known(task, better):
    lines = {line.name: line.winner for line in headline(compare(terms(task), batch(task, 20_000)))}
    assert {name: lines[name] for name in better} == better


def test_figures_that_cannot_be_told_apart_have_no_winner():
    lines = {line.name: line for line in headline(compare(terms("binary"), batch("binary", 200)))}
    one, other = lines["roc_auc"].between
    apart = one.high < other.low or other.high < one.low
    assert (lines["roc_auc"].winner is not None) == apart
    same = lines["precision"]._replace(figures=(0.51231, 0.51229))
    assert (same.shown, same.winner) == (("51.23 %", "51.23 %"), None)
    assert same._replace(figures=(NAN, 0.5)).shown == ("-", "50.00 %")
    assert same._replace(figures=(NAN, 0.5)).winner is None
