"""What should have been answered: labels that events carry, or a file that tells them by the events' ids.

Rules:
- From here on a truth is a number: a value, or a label's place among those of the terms. NaN is no truth.
- A label is known however it is written: 1, 1.0, "1" and true are the same label of a model that has a 1.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np

from scoring import Rejected
from scoring.decode import Decoder
from stream_worker.replay.backtest.arrays import Floats
from stream_worker.replay.backtest.terms import Terms
from stream_worker.replay.records import Portion

__all__ = ["FieldTruth", "NoTruth", "Reading", "Truth", "Truths", "truths_of"]

_FOREIGN = math.inf
_SPELLINGS = 65_536  # that are remembered
_ALSO = {"1": "true", "0": "false", "true": "1", "false": "0"}


class Truths(NamedTuple):
    """What is known of some events.

    Attributes:
        values: a truth for each, shape [N].
        foreign: how many of them carry one that is no label of either model, or no number.
    """

    values: Floats
    foreign: int = 0


class Truth(Protocol):
    """Where the truth is found."""

    def of(self, portion: Portion, ids: Sequence[str]) -> Truths:
        """Return the truths of a portion's events.

        Args:
            portion: with N events.
            ids: theirs; empty where one has none.
        """
        ...


class Reading:
    """Reads labels as they are written into truths."""

    def __init__(self, terms: Terms) -> None:
        self._decides = terms.decides
        self._known: dict[Any, float] = {}
        self._places = {str(label): float(place) for place, label in enumerate(terms.labels)}
        for text, place in list(self._places.items()):
            for other in (text.lower(), _ALSO.get(text.lower(), text)):
                self._places.setdefault(other, place)

    def read(self, label: Any) -> float:
        """Return the truth of a label; NaN of none, and infinity of one that is foreign."""
        if label is None or label == "":
            return math.nan
        if not isinstance(label, str | int | float):
            return _FOREIGN
        if not self._decides:
            return _number(label)
        found = self._known.get(label)
        if found is None:
            found = self._place(label)
            if len(self._known) < _SPELLINGS:
                self._known[label] = found
        return found

    def _place(self, label: str | float) -> float:
        number = _number(label)
        if math.isnan(number):
            return math.nan
        whole = str(int(number)) if number.is_integer() else ""
        text = str(label).strip()
        found = (self._places.get(spelling) for spelling in (text, text.lower(), whole))
        return next((place for place in found if place is not None), _FOREIGN)


class NoTruth:
    """Nobody knows."""

    def of(self, portion: Portion, ids: Sequence[str]) -> Truths:  # noqa: ARG002 - there is nothing to look up
        """Return nothing but NaN."""
        return Truths(np.full(len(portion.events), np.nan))


class FieldTruth:
    """The events carry it themselves."""

    def __init__(self, field: str, reading: Reading) -> None:
        """Prepare to read.

        Args:
            field: dotted path in the event, or the name of the column.
            reading: reads what is written there.
        """
        self._field = field
        self._read = reading.read
        self._path = field.split(".")
        self._decoder = Decoder(_struct(self._path))

    def of(self, portion: Portion, ids: Sequence[str]) -> Truths:  # noqa: ARG002 - an event needs no id for this
        """Return the truths of a portion's events; an event that cannot be decoded has none."""
        if portion.columns is not None:
            column = portion.columns.get(self._field)
            written = [None] * len(portion.events) if column is None else column.tolist()
        else:
            written = list(map(self._leaf, self._decoder.decode([event.value for event in portion.events])))
        return truths_of(list(map(self._read, written)))

    def _leaf(self, decoded: Any) -> Any:
        for _ in self._path:
            if decoded is None or isinstance(decoded, Rejected):
                return None
            decoded = decoded.inner
        return decoded


def truths_of(values: Sequence[float] | Floats) -> Truths:
    """Return truths without those that are foreign, and how many these were."""
    found = np.asarray(values, np.float64)
    foreign = np.isinf(found)
    return Truths(np.where(foreign, np.nan, found), int(foreign.sum()))


def _number(label: str | float) -> float:
    try:
        return float(label)
    except (ValueError, OverflowError):
        return _FOREIGN


def _struct(path: Sequence[str]) -> type[msgspec.Struct]:
    """Return a struct that decodes one field of an event, and passes over all else."""
    kind: Any = Any
    for key in reversed(path):
        field = ("inner", kind | None, msgspec.field(name=key, default=None))
        kind = msgspec.defstruct("object", [field], kw_only=True, gc=False)
    return kind  # type: ignore[no-any-return]  # there is one key at least
