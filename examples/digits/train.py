"""Trains the classifier of the digits and measures it on images that it never saw.

The data are scikit-learn's (``load_digits``): 1,797 handwritten digits of 8 x 8 pixels, from E. Alpaydin and C. Kaynak,
*Optical Recognition of Handwritten Digits*, UCI Machine Learning Repository, 1998.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from examples.digits.network import INPUT, describe_images

__all__ = ["Digits", "Training", "digest", "digits", "held_back", "probabilities", "train"]

Columns: TypeAlias = Mapping[str, npt.NDArray[Any]]
Pixels: TypeAlias = npt.NDArray[np.uint8]
Labels: TypeAlias = npt.NDArray[np.int64]

_DARKEST: Final = 16  # scikit-learn's images count the inked ones among 16 dots
_HELD_BACK: Final = 0.3
_TOP: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Digits:
    """Images and what is written on them.

    Attributes:
        images: shape ``[N, 8, 8]``, 0 is paper and 255 is ink.
        labels: shape ``[N]``, 0 to 9.
    """

    images: Pixels
    labels: Labels

    @property
    def columns(self) -> Columns:
        """The images as a session is fed them."""
        return {INPUT: self.images[:, np.newaxis].astype(np.float32)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A trained classifier and what was measured.

    Attributes:
        classifier: fitted on what `describe_images` returns.
        properties: on the images held back, ``accuracy`` and ``top_5_accuracy``; and the numbers of images.
    """

    classifier: Pipeline
    properties: dict[str, float]


@cache
def _split() -> tuple[Digits, Digits]:
    data = load_digits()
    images = np.rint(data.images * (255 / _DARKEST)).astype(np.uint8)
    labels = data.target.astype(np.int64)
    learnt, kept = train_test_split(np.arange(len(labels)), test_size=_HELD_BACK, random_state=0, stratify=labels)
    first, second = (Digits(images=images[rows], labels=labels[rows]) for rows in (learnt, kept))
    return first, second


def digits() -> Digits:
    """Returns the images to learn from."""
    return _split()[0]


def held_back() -> Digits:
    """Returns the images to measure on."""
    return _split()[1]


def digest(data: Digits) -> str:
    """Returns the SHA-256 of images and labels."""
    return sha256(data.images.tobytes() + data.labels.tobytes()).hexdigest()


def probabilities(classifier: Pipeline, columns: Columns) -> npt.NDArray[np.float64]:
    """Returns what the graph is held to: the probabilities of the ten digits, shape ``[N, 10]``, in float64.

    Args:
        classifier: the fitted classifier.
        columns: the images as a session is fed them.
    """
    found: npt.NDArray[np.float64] = classifier.predict_proba(describe_images(columns[INPUT]))
    return found


@cache
def train() -> Training:
    """Returns the trained classifier, once for each process and always the same."""
    learnt, kept = digits(), held_back()
    classifier = Pipeline([("scale", StandardScaler()), ("digits", LogisticRegression(C=0.1, max_iter=500))])
    # one thread: the same sums on any machine, and no threads that wait for each other on a busy one
    with threadpool_limits(1):
        classifier.fit(describe_images(learnt.columns[INPUT]), learnt.labels)
    counts = {"training_images": len(learnt.labels), "test_images": len(kept.labels)}
    return Training(classifier=classifier, properties=_measure(classifier, kept) | counts)


def _measure(classifier: Pipeline, data: Digits) -> dict[str, float]:
    """The share of images whose digit comes first, and among the first five, rounded to four digits."""
    ranked = np.argsort(-probabilities(classifier, data.columns), axis=1)  # the classes are 0 to 9, in order
    right = ranked == data.labels[:, np.newaxis]
    return {
        "accuracy": round(float(right[:, 0].mean()), 4),
        "top_5_accuracy": round(float(right[:, :_TOP].any(axis=1).mean()), 4),
    }
