"""Which predictions are collected: the same ones through every door and on any day, for their ids decide.

Rules:
- Ids are hashes in hex, so that a share of them is below that share of all numbers; as texts they sort like numbers.
- What was rejected is never collected: its values were not checked.
"""

from itertools import compress, count
from operator import attrgetter

from scoring import Prediction
from telemetry.observer import RowFacts

__all__ = ["bound_of", "chosen"]

_id_of = attrgetter("prediction_id")
_DIGITS = 16
_ABOVE_ALL = "g"  # follows the last digit, f


def bound_of(share: float) -> str:
    """Return the text that a share of all ids sorts before.

    Args:
        share: above 0, and 1 at most.
    """
    bound = round(share * 16**_DIGITS)
    return _ABOVE_ALL if bound >= 16**_DIGITS else f"{bound:0{_DIGITS}x}"


def chosen(facts: RowFacts, bound: str) -> list[int]:
    """Return the places in `facts.rows` of the predictions to collect.

    Args:
        facts: a batch.
        bound: what their ids sort before.
    """
    if not facts.refused:  # as usual: then all of it is done in C
        return list(compress(count(), map(bound.__gt__, map(_id_of, facts.predictions))))
    return [
        place
        for place, row in enumerate(facts.rows)
        if isinstance(outcome := facts.outcomes[row], Prediction) and outcome.prediction_id < bound
    ]
