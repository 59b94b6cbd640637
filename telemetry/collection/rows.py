"""The chosen rows of a batch, copied, so that nothing of the batch itself is held."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from scoring import Manifest, Position, Prediction
from telemetry.collection.layout import Layout
from telemetry.observer import RowFacts

__all__ = ["Kept", "keep"]

_ROW_BYTES = 384  # about what a prediction, its texts and its position take


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Rows of one batch that are to be written.

    Attributes:
        manifest: of the model that answered.
        layout: what is collected of it.
        time: when they were collected, in microseconds since 1970 UTC.
        predictions: one for each row.
        positions: where the events stood; None where one of them has none.
        columns: the collected features, one row each.
        hides_ids: whether the predictions' ids are to be hashed.
        size: about how many bytes they take.
    """

    manifest: Manifest
    layout: Layout
    time: int
    predictions: Sequence[Prediction]
    positions: Sequence[Position] | None
    columns: Mapping[str, NDArray[Any]]
    hides_ids: bool
    size: int


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
    predictions = cast("list[Prediction]", [facts.outcomes[row] for row in rows])
    positions = [facts.events[row].position for row in rows]
    has_ids, has_positions = predictions[0].event_id is not None, None not in positions
    return Kept(
        manifest=facts.manifest,
        layout=layout,
        time=time,
        predictions=predictions,
        positions=cast("list[Position]", positions) if has_positions else None,
        columns=columns,
        hides_ids=layout.hides_ids if has_ids else layout.hides_bytes and not has_positions,
        size=len(rows) * _ROW_BYTES + sum(map(_size, columns.values())),
    )


def _size(column: NDArray[Any]) -> int:
    texts = sum(map(sys.getsizeof, column.tolist())) if column.dtype == object else 0
    return column.nbytes + texts
