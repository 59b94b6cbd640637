"""A question to a stored FAQ model, and the FAQs that it means, without scikit-learn."""

from typing import Final, NamedTuple

import msgspec

from examples.faq.questions import Faq, faqs
from examples.faq.schema import TEXT
from models import Store, load_pipeline, parse_reference
from scoring import Event, Rejected
from scoring.errors import ScoringError

__all__ = ["LEAST_SURE", "Match", "ask"]

# Words that no FAQ has leave all of them equally likely, at a fiftieth; below five times that, nothing is answered.
LEAST_SURE: Final = 0.1


class Match(NamedTuple):
    """A FAQ and the probability that it is the one that was meant."""

    faq: Faq
    probability: float


def ask(store: Store, question: str, *, model: str = "faq@champion") -> list[Match]:
    """Return the best matches of a question, the best first.

    Args:
        store: where the model is.
        question: in the customer's words.
        model: which model to ask.

    Raises:
        ModelNotFoundError: there is none.
        ModelRefusedError: it must not be served.
        ScoringError: the question is none that the model takes, such as one that is far too long.
    """
    pipeline = load_pipeline(store, parse_reference(model))
    (outcome,) = pipeline.score([Event(msgspec.json.encode({TEXT: question}))])
    if isinstance(outcome, Rejected):
        raise ScoringError(f"the question cannot be answered: {outcome.reason}")
    known = faqs()
    ranked = outcome.scores if isinstance(outcome.scores, list) else []
    return [Match(known[str(each.label)], each.score) for each in ranked]
