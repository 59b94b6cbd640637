"""Answers of two made-up models, for tests of what is counted and of what is shown."""

import numpy as np

from scoring import Event, Manifest, Outputs, Position
from scoring.certificate import Certificate
from stream_worker.replay.backtest.subject import Subject
from stream_worker.replay.backtest.terms import Terms, terms_between
from stream_worker.replay.comparison import Batch
from tests.scoring.makers import manifest

LABELS = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "outlier": (-1, 1), "regression": ()}
THRESHOLDS = (0.5, 0.4)
CERTIFICATE = Certificate(
    passed=True, tolerance=1e-5, score_difference=6e-8, flips=0, rows={"held_back": 9}, batch_sizes=(1, 2), padding=1
)


def models(task: str, **more) -> tuple[Manifest, Manifest]:
    """A champion and a challenger."""
    outputs = [
        Outputs(
            labels=LABELS[task],
            positive="yes" if task == "binary" else None,
            threshold=threshold if task == "binary" else None,
            top_k=2,
        )
        for threshold in THRESHOLDS
    ]
    one, other = (
        manifest(task=task, outputs=each, version=version, certificate=CERTIFICATE, **more)
        for version, each in enumerate(outputs, 1)
    )
    return one, other


def terms(task: str) -> Terms:
    return terms_between(*models(task))


def subject(task: str, **more) -> Subject:
    one, other = models(task)
    fields = {"asked": ("model@champion", "model@challenger"), "paths": ("archive",), "files": 1, "size": 12_345}
    return Subject(champion=one, challenger=other, **(fields | more))


def batch(task: str, count: int = 4000, seed: int = 0, *, known: float = 0.8, refused: float = 0.02) -> Batch:
    """Answers of two models to events of which `known` have a truth; each refuses a share of them."""
    random = np.random.default_rng(seed)
    make = {"binary": _binary, "multiclass": _multiclass, "regression": _regression, "outlier": _outlier}[task]
    scores, labels, truth, ranks = make(random, count)
    gone = random.random((2, count)) < refused
    gone[:, : count // 200] = refused > 0  # some by both
    return Batch(
        scores=np.where(gone, np.nan, scores),
        labels=np.where(gone, -1, labels),
        ranks=None if ranks is None else np.where(gone, -1, ranks),
        truth=np.where(random.random(count) < known, truth, np.nan),
        codes=tuple(["wrong_type" if each else "" for each in row] for row in gone.tolist()),
        events=[Event(None, position=Position("topic", 3, number)) for number in range(count)],
        ids=[f"e{seed}-{number}" for number in range(count)],
        stream="topic",
    )


def _binary(random, count):
    hidden = random.normal(-2.5, 2, count)
    noise = random.normal(0, 0.4, (2, count))
    scores = 1 / (1 + np.exp(-(hidden + noise)))
    labels = (scores >= np.array(THRESHOLDS)[:, None]).astype(np.intp)
    return scores, labels, (random.random(count) < 1 / (1 + np.exp(-hidden))).astype(float), None


def _multiclass(random, count):
    hidden = random.normal(0, 2, (count, 3))
    truth = np.argmax(hidden + random.gumbel(0, 1, (count, 3)), axis=1)
    scores, labels, ranks = [], [], []
    for spread in (0.6, 0.3):
        shares = np.exp(hidden + random.normal(0, spread, (count, 3)))
        shares /= shares.sum(axis=1, keepdims=True)
        order = np.argsort(-shares, axis=1)
        scores.append(shares.max(axis=1))
        labels.append(order[:, 0])
        places = np.argmax(order == truth[:, None], axis=1)
        ranks.append(np.where(places < 2, places, -1))
    return np.stack(scores), np.stack(labels), truth.astype(float), np.stack(ranks)


def _regression(random, count):
    truth = random.gamma(4, 40, count) - 50
    return truth + random.normal(0, [[30], [20]], (2, count)) + [[5], [-1]], np.full((2, count), -1), truth, None


def _outlier(random, count):
    scores = random.normal(0.1, 0.05, count) + random.normal(0, 0.02, (2, count))
    truth = (scores.mean(axis=0) + random.normal(0, 0.03, count) >= 0).astype(float)
    return scores, (scores >= 0).astype(np.intp), truth, None


def rows_of(whole: Batch, rows: slice) -> Batch:
    """Some of a batch's events."""
    return Batch(
        scores=whole.scores[:, rows],
        labels=whole.labels[:, rows],
        ranks=None if whole.ranks is None else whole.ranks[:, rows],
        truth=whole.truth[rows],
        codes=(whole.codes[0][rows], whole.codes[1][rows]),
        events=whole.events[rows],
        ids=whole.ids[rows],
        stream=whole.stream,
    )


def known_rows(whole: Batch) -> np.ndarray:
    """The places of events that both models answered, and whose truth is known."""
    return np.flatnonzero(np.isfinite(whole.scores).all(axis=0) & np.isfinite(whole.truth))
