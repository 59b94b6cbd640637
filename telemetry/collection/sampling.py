"""Which predictions are collected: the same ones through every door and on any day, for their ids decide.

Rules:
- Ids are hashes in hex, so that a share of them is below that share of all numbers; as texts they sort like numbers.
- What was rejected is never collected: its values were not checked.
"""

from collections.abc import Sequence
from itertools import compress
from operator import attrgetter
from typing import Any

from scoring import Outcome, Prediction

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


def chosen(outcomes: Sequence[Outcome], rows: Sequence[int], bound: str) -> list[int]:
    """Return the places in `rows` of the predictions to collect.

    Args:
        outcomes: of all events of a batch.
        rows: the places in `outcomes` of those that passed the checks.
        bound: what their ids sort before.
    """
    found: Sequence[Any] = outcomes if len(rows) == len(outcomes) else [outcomes[row] for row in rows]
    if set(map(type, found)) == {Prediction}:  # as usual: then all of it is done in C
        return list(compress(range(len(found)), map(bound.__gt__, map(_id_of, found))))
    return [
        place
        for place, outcome in enumerate(found)
        if isinstance(outcome, Prediction) and outcome.prediction_id < bound
    ]
