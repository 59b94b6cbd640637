"""The smallest number of rows at which a session's bits no longer depend on how many rows it is given."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models import MAX_ROWS, OnnxScorer
from scoring.errors import CertificateError
from scoring.manifest import Feature, Graph

__all__ = ["BATCH_SIZES", "smallest_padding"]

# The last is what a session is given at most; the primes leave remainders to kernels that work in blocks of rows.
BATCH_SIZES: Final = (1, 2, 7, 64, 257, 1021, MAX_ROWS)
# Above 256 too few of these sizes would be left unpadded to prove anything.
_PADDINGS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_ROWS_ALONE: Final = 1024

Columns = Mapping[str, NDArray[Any]]


def smallest_padding(model: bytes, features: Sequence[Feature], graph: Graph, columns: Columns) -> int:
    """Finds the padding at which the same rows give the same bits in batches of all `BATCH_SIZES`.

    Args:
        model: the serialised graph.
        features: the manifest's features.
        graph: how the graph is fed.
        columns: rows to try it on; repeated until the largest batch is full.

    Raises:
        CertificateError: there is none.
    """
    count = len(next(iter(columns.values())))
    rows = {name: column[np.arange(MAX_ROWS) % count] for name, column in columns.items()}
    differs = ""
    for padding in _PADDINGS:
        scorer = OnnxScorer(model, tuple(features), graph, padding=padding)
        whole = _bits(scorer, rows, MAX_ROWS, MAX_ROWS)
        differs = next((found for size in BATCH_SIZES if (found := _difference(scorer, rows, size, whole))), "")
        if not differs:
            return padding
    raise CertificateError(
        f"the graph's last bits depend on the batch, even in batches filled up to {_PADDINGS[-1]} rows: {differs}",
        remedy="Its answers could not be repeated in a replay; choose another estimator.",
    )


def _difference(scorer: OnnxScorer, rows: Columns, size: int, whole: list[NDArray[Any]]) -> str:
    """How batches of one size differ from the largest; empty where they do not."""
    count = min(MAX_ROWS, max(_ROWS_ALONE, 16 * size))
    for alone, together in zip(_bits(scorer, rows, size, count), whole, strict=True):
        differ = np.flatnonzero((alone != together[:count]).reshape(count, -1).any(axis=1))
        if differ.size:
            return f"in batches of {size} rows, {differ.size} of {count} differ (the first is row {differ[0]})"
    return ""


def _bits(scorer: OnnxScorer, rows: Columns, size: int, count: int) -> list[NDArray[Any]]:
    """The scores' bits, so that NaN equals itself, and the labels."""
    parts = [
        scorer.run({name: column[start : min(start + size, count)] for name, column in rows.items()})
        for start in range(0, count, size)
    ]
    scores = np.concatenate([part.scores for part in parts])
    labels = [part.labels for part in parts if part.labels is not None]
    bits = scores.view(np.uint32 if scores.dtype == np.float32 else np.uint64)
    return [bits, np.concatenate(labels)] if labels else [bits]
