"""The rows on which estimator and session are compared: those held back, and those made to look for a difference.

A probe's values are what serving would make of an event: float32 where the feature is float32. The estimator is given
the same values; only the rows held back are given to it as the table has them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import onnx
import pandas as pd
from numpy.typing import NDArray

from converters.crossings import find_crossings
from converters.layout import serving_columns, table_rows
from scoring.manifest import Feature, Manifest

__all__ = ["KINDS", "MAX_HELD_BACK", "MAX_THRESHOLD_ROWS", "Kind", "Probe", "probe_rows"]

Kind = Literal["held_back", "thresholds", "nulls", "unseen"]
KINDS: Final[tuple[Kind, ...]] = ("held_back", "thresholds", "nulls", "unseen")
MAX_HELD_BACK: Final = 10_000
MAX_THRESHOLD_ROWS: Final = 20_000

_MAX_BASE: Final = 4096
_FEW: Final = 64
_PER_CATEGORY: Final = 4
_SEED: Final = 0
# neither a word of any language nor a category of any table
_UNSEEN: Final = ("zzyzx-unseen", "\u00fcn\u00efc\u00f6de \u2603", " ", "NaN")
_TEXTS: Final = (
    "",
    "a",
    "zzyzx",
    "!?",
    "A B c d",
    "co-operate, e-mail; 3.14 x_y  don't",
    "UPPER lower MiXeD",
    "na\u00efve \u00dcBER stra\u00dfe \u0130stanbul",
    "tab\tnew\nline",
    "\u4f60\u597d \U0001f600 ok",
)

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Rows of one kind.

    Attributes:
        kind: what they look for.
        feature: the feature that was changed; empty where none was.
        rows: as the table has them, for the estimator.
        columns: as serving has them, for the session.
    """

    kind: Kind
    feature: str = ""
    rows: pd.DataFrame
    columns: Columns


def probe_rows(model: onnx.ModelProto, manifest: Manifest, held_back: pd.DataFrame) -> Iterator[Probe]:
    """Yields the rows to compare.

    Args:
        model: the graph.
        manifest: how it is fed, and what may stand in an event.
        held_back: rows of the table.
    """
    features = manifest.features
    kept = _evenly(held_back[[feature.name for feature in features]], MAX_HELD_BACK)
    columns = serving_columns(features, kept)
    yield Probe(kind="held_back", rows=kept, columns=columns)
    base = _take(columns, _even_rows(len(kept), _MAX_BASE))
    for crossing in find_crossings(model, features, manifest.graph, base, limit=MAX_THRESHOLD_ROWS, seed=_SEED):
        yield _changed(features, "thresholds", crossing.feature, _take(base, crossing.rows), crossing.moved)
    few = _take(base, _even_rows(len(next(iter(base.values()))), _FEW))
    for feature in features:
        yield from _feature_probes(features, feature, few)
    yield from _all_null(features, few)


def _feature_probes(features: Sequence[Feature], feature: Feature, few: Columns) -> Iterator[Probe]:
    if feature.nullable:
        yield _spread(features, "nulls", feature, few, ["" if feature.textual else np.nan])
    if feature.dtype == "bool":
        yield _spread(features, "thresholds", feature, few, [False, True])
    if feature.categories:
        yield _spread(features, "thresholds", feature, few, feature.categories)
    if feature.dtype == "string":
        known = set(feature.categories or ())
        near = [text for name in (feature.categories or ())[:1] for text in (name + " ", name[:-1], name.swapcase())]
        strangers = [text for text in (*_UNSEEN, *near) if text and text not in known]
        yield _spread(features, "unseen", feature, few, strangers)
    if feature.dtype == "text":
        yield _spread(features, "unseen", feature, few, [text for text in _TEXTS if text or feature.nullable])


def _spread(features: Sequence[Feature], kind: Kind, feature: Feature, few: Columns, values: Sequence[Any]) -> Probe:
    """Each value in a few rows, each time in others."""
    repeats = max(_PER_CATEGORY, -(-_FEW // len(values)))
    column = np.empty(repeats * len(values), few[feature.name].dtype)
    column[:] = [value for value in values for _ in range(repeats)]
    count = len(few[feature.name])
    return _changed(features, kind, feature.name, _take(few, np.arange(len(column)) % count), column)


def _all_null(features: Sequence[Feature], few: Columns) -> Iterator[Probe]:
    nullable = [feature for feature in features if feature.nullable]
    if len(nullable) > 1:
        nulls = {
            feature.name: np.full_like(few[feature.name], "" if feature.textual else np.nan) for feature in nullable
        }
        columns = dict(few) | nulls
        yield Probe(kind="nulls", feature="all at once", rows=table_rows(features, columns), columns=columns)


def _changed(features: Sequence[Feature], kind: Kind, name: str, columns: Columns, values: NDArray[Any]) -> Probe:
    changed = dict(columns) | {name: values}
    return Probe(kind=kind, feature=name, rows=table_rows(features, changed), columns=changed)


def _evenly(rows: pd.DataFrame, limit: int) -> pd.DataFrame:
    return rows.iloc[_even_rows(len(rows), limit)].reset_index(drop=True)


def _even_rows(count: int, limit: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, limit)).astype(np.int64))


def _take(columns: Columns, rows: NDArray[np.int64]) -> Columns:
    return {name: column[rows] for name, column in columns.items()}
