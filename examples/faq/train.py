"""Trains the FAQ model and measures it on phrasings that it never saw."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from examples.faq.questions import Faq, faqs
from examples.faq.schema import LABEL, TEXT

__all__ = ["Training", "make_model", "train"]

_TOP: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A trained model and what it was made from.

    Attributes:
        model: the fitted pipeline, from text to the probabilities of the FAQs.
        properties: on the phrasings held back, ``accuracy`` and ``top_5_accuracy`` (the right FAQ among the best
            five); and the numbers of phrasings and FAQs.
        training_table: the phrasings that it learnt from, and their FAQs.
        held_back_table: those that it was measured on.
    """

    model: Pipeline
    properties: dict[str, float]
    training_table: pd.DataFrame
    held_back_table: pd.DataFrame


def make_model() -> Pipeline:
    """Builds the unfitted pipeline; C was chosen by cross-validation on the phrasings that it learns from."""
    return Pipeline([("words", TfidfVectorizer()), ("faqs", LogisticRegression(C=100.0, max_iter=1000))])


@cache
def train() -> Training:
    """Returns the trained model, once for each process and always the same."""
    known = faqs().values()
    training = _table((text, faq) for faq in known for text in (faq.question, *faq.asked))
    held_back = _table((text, faq) for faq in known for text in faq.held_back)
    # one thread: the same sums on any machine, and no threads that wait for each other on a busy one
    with threadpool_limits(1):
        model = make_model().fit(training[TEXT], training[LABEL])
    return Training(
        model=model,
        properties={
            **_measure(model, held_back),
            "training_phrasings": len(training),
            "test_phrasings": len(held_back),
            "faqs": len(known),
        },
        training_table=training,
        held_back_table=held_back,
    )


def _table(phrasings: Iterable[tuple[str, Faq]]) -> pd.DataFrame:
    return pd.DataFrame([{TEXT: text, LABEL: faq.id} for text, faq in phrasings])


def _measure(model: Pipeline, rows: pd.DataFrame) -> dict[str, float]:
    """The share of phrasings whose FAQ comes first, and among the first five, rounded to four digits."""
    ranked = model.classes_[np.argsort(-model.predict_proba(rows[TEXT]), axis=1)]
    right = ranked == rows[[LABEL]].to_numpy()
    return {
        "accuracy": round(float(right[:, 0].mean()), 4),
        "top_5_accuracy": round(float(right[:, :_TOP].any(axis=1).mean()), 4),
    }
