"""The chosen rows of a batch, copied into one piece of memory, so that nothing of the batch itself is held.

Objects of a batch that outlive it would keep alive the memory around them: a hundredth of the predictions, spread over
the batch, keeps all of it from being used again, and scoring then costs a tenth more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from scoring import Manifest, Position, Prediction
from telemetry.collection.layout import Layout
from telemetry.observer import RowFacts

__all__ = ["Kept", "Unpacked", "keep"]

_BATCH_BYTES = 1024  # about what is held beside the rows


class _Objects(NamedTuple):
    """What is not an array."""

    predictions: list[Prediction]
    positions: list[Position] | None
    texts: dict[str, list[str]]


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(_Objects).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Rows of one batch that are to be written.

    Attributes:
        manifest: of the model that answered.
        layout: what is collected of it.
        time: when they were collected, in microseconds since 1970 UTC.
        rows: how many they are.
        packed: their predictions, positions and texts.
        arrays: the collected features that are not texts, one row each.
        has_positions: whether each event said where it stood.
        hides_ids: whether the predictions' ids are to be hashed.
        size: about how many bytes they take.
    """

    manifest: Manifest
    layout: Layout
    time: int
    rows: int
    packed: bytes
    arrays: Mapping[str, NDArray[Any]]
    has_positions: bool
    hides_ids: bool
    size: int

    def unpack(self) -> "Unpacked":
        """Return the rows; what is returned is not held here."""
        objects = _unpack(self.packed)
        texts = {name: np.array(texts, object) for name, texts in objects.texts.items()}
        return Unpacked(objects.predictions, objects.positions, {**self.arrays, **texts})


class Unpacked(NamedTuple):
    """Rows of one batch.

    Attributes:
        predictions: one for each row.
        positions: where the events stood; None where one of them has none.
        columns: the collected features, one row each.
    """

    predictions: Sequence[Prediction]
    positions: Sequence[Position] | None
    columns: Mapping[str, NDArray[Any]]


def keep(facts: RowFacts, places: Sequence[int], layout: Layout, time: int) -> Kept:
    """Return a copy of rows, one at least.

    Args:
        facts: the batch.
        places: of the rows in `facts.rows`; each has a prediction.
        layout: what is collected of the model.
        time: now, in microseconds since 1970 UTC.
    """
    rows = [facts.rows[place] for place in places]
    where = np.array(places, np.intp)
    columns = {feature.name: facts.columns[feature.name][where] for feature in layout.features}
    arrays = {name: column for name, column in columns.items() if column.dtype != object}
    predictions: list[Any] = [facts.outcomes[row] for row in rows]
    positions: list[Any] = [facts.events[row].position for row in rows]
    has_ids, has_positions = predictions[0].event_id is not None, None not in positions
    texts = {name: column.tolist() for name, column in columns.items() if column.dtype == object}
    packed = _pack(_Objects(predictions, positions if has_positions else None, texts))
    return Kept(
        manifest=facts.manifest,
        layout=layout,
        time=time,
        rows=len(rows),
        packed=packed,
        arrays=arrays,
        has_positions=has_positions,
        hides_ids=layout.hides_ids if has_ids else layout.hides_bytes and not has_positions,
        size=_BATCH_BYTES + len(packed) + sum(array.nbytes for array in arrays.values()),
    )
