"""A manifest's features from the sample table: dtype, nulls, range, categories, and a baseline for drift."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from converters.baselines import number_baseline
from converters.layout import Layout, reads_columns_apart
from scoring.errors import ConfigurationError, ConversionError
from scoring.manifest import Baseline, Dtype, Feature

__all__ = ["MAX_CATEGORIES", "Columns", "describe_features", "event_path"]

MAX_CATEGORIES: Final = 100
_STRING_LENGTH: Final = 256
_TEXT_LENGTH: Final = 16_384
_LONGEST: Final = 1_048_576
_ASKED: Final = frozenset({"float32", "float64", "int64", "string", "bool", "text"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What the table alone does not say about its columns.

    Attributes:
        label: the column that training was to predict.
        event_id: dotted path of the event's own id.
        paths: dotted path in the event of a column's value; a column that is not named stands at the event's root.
        dtypes: dtypes that differ from what the table shows, such as float64 where float32 is too coarse.
        nullable: columns that may be null in an event though the table has no nulls in them.
    """

    label: str | None = None
    event_id: str | None = None
    paths: Mapping[str, str] = field(default_factory=dict)
    dtypes: Mapping[str, Dtype] = field(default_factory=dict)
    nullable: frozenset[str] = frozenset()

    @property
    def event_path(self) -> tuple[str, ...] | None:
        """The keys that lead to the event's own id."""
        return None if self.event_id is None else event_path(self.event_id)

    def excluded(self, table: pd.DataFrame) -> frozenset[str]:
        """Returns the table's columns that are no features.

        Raises:
            ConfigurationError: a column is spoken of that the table does not have, or a dtype that there is not.
        """
        named = {self.label} if self.label is not None else set()
        for column in sorted(named | set(self.paths) | set(self.dtypes) | self.nullable):
            if column not in table.columns:
                raise ConfigurationError(
                    f"column {column!r}: the table has no such column; it has {list(table.columns)}"
                )
        for column, dtype in self.dtypes.items():
            if dtype not in _ASKED:
                raise ConfigurationError(f"column {column!r}: dtype {dtype!r}; expected one of {sorted(_ASKED)}")
        ids = {column for column in table.columns if self.paths.get(column, column) == self.event_id}
        return frozenset(named | ids)


def event_path(dotted: str) -> tuple[str, ...]:
    """Returns the keys of a dotted path.

    Raises:
        ConfigurationError: a key in it is empty.
    """
    keys = tuple(dotted.split("."))
    if not all(keys):
        raise ConfigurationError(f"path {dotted!r}: expected keys joined by dots, such as customer.age")
    return keys


def describe_features(
    estimator: Any, layout: Layout, columns: Columns, training: pd.DataFrame, held_back: pd.DataFrame
) -> tuple[Feature, ...]:
    """Returns the features in the order of the estimator's.

    Args:
        estimator: the fitted estimator.
        layout: which columns they are.
        columns: what is known beside the table.
        training: rows whose range, categories and distribution are recorded.
        held_back: rows whose nulls and lengths are to be accepted too.

    Raises:
        ConversionError: names the column that cannot be served, what it holds and what was expected.
    """
    both = pd.concat([training, held_back], ignore_index=True) if held_back is not training else training
    dtypes: dict[str, Dtype] = {
        name: columns.dtypes.get(name) or _dtype(name, both[name], text=name in layout.texts) for name in layout.columns
    }
    if _one_matrix(estimator, dtypes):
        joined: Dtype = "float64" if "float64" in dtypes.values() else "float32"
        dtypes = dict.fromkeys(dtypes, joined)
    return tuple(_feature(name, dtype, columns, training[name], both[name]) for name, dtype in dtypes.items())


def _one_matrix(estimator: Any, dtypes: Mapping[str, Dtype]) -> bool:
    """Whether the estimator gets plain numbers; those that tell columns apart by name keep them apart."""
    plain = set(dtypes.values()) <= {"float32", "float64", "int64"}
    return plain and not reads_columns_apart(estimator)


def _dtype(name: str, column: pd.Series, *, text: bool) -> Dtype:
    nulls = bool(column.isna().any())
    if types.is_bool_dtype(column) and not nulls:
        return "bool"
    if types.is_integer_dtype(column) and not nulls:
        return "int64"
    if types.is_numeric_dtype(column) and not types.is_bool_dtype(column) and not types.is_complex_dtype(column):
        return "float32"
    present = column.dropna()
    if types.is_object_dtype(column) or isinstance(column.dtype, pd.CategoricalDtype | pd.StringDtype):
        if all(isinstance(value, str) for value in present):
            return "text" if text else "string"
        if all(isinstance(value, bool | np.bool_) for value in present):
            raise ConversionError(
                f"column {name!r} holds true, false and nulls",
                remedy="A bool feature has no null: fill the nulls, or train on a string or a number.",
            )
    shown = type(present.iloc[0]).__name__ if types.is_object_dtype(column) and len(present) else column.dtype
    raise ConversionError(f"column {name!r} holds {shown}", remedy="Expected numbers, true and false, or strings.")


def _feature(name: str, dtype: Dtype, columns: Columns, training: pd.Series, both: pd.Series) -> Feature:
    absent = both.isna() | (both.astype(object) == "") if dtype in {"string", "text"} else both.isna()
    nullable = bool(absent.any()) or name in columns.nullable
    if nullable and dtype in {"int64", "bool"}:
        raise ConversionError(
            f"column {name!r} may be null and is {dtype}, which has no null",
            remedy=f"Serve it as a float (--dtype {name}=float32), or fill the nulls.",
        )
    described: dict[str, Any] = {}
    if dtype == "string":
        described = _categories(training)
    elif dtype != "text":
        described = _range(name, dtype, training, both)
    if dtype in {"string", "text"}:
        described["max_length"] = _max_length(both, _STRING_LENGTH if dtype == "string" else _TEXT_LENGTH)
    path = event_path(columns.paths[name]) if name in columns.paths else (name,)
    return Feature(name=name, path=path, dtype=dtype, nullable=nullable, **described)


def _categories(column: pd.Series) -> dict[str, Any]:
    values = Counter(str(value) for value in column.dropna() if value != "")
    common = sorted(values.most_common(MAX_CATEGORIES), key=lambda pair: (-pair[1], pair[0]))
    counts = [count for _, count in common]
    others, nulls = sum(values.values()) - sum(counts), len(column) - sum(values.values())
    return {
        "categories": tuple(name for name, _ in common),
        "baseline": Baseline(counts=(*counts, others), nulls=nulls),
    }


def _range(name: str, dtype: Dtype, training: pd.Series, both: pd.Series) -> dict[str, Any]:
    _check_numbers(name, dtype, _numbers(name, dtype, both))
    numbers = _numbers(name, dtype, training)
    present = numbers[~np.isnan(numbers)]
    baseline = number_baseline(present, dtype, nulls=len(training) - present.size)
    if not present.size:
        return {"baseline": baseline}
    return {"minimum": float(present.min()), "maximum": float(present.max()), "baseline": baseline}


def _numbers(name: str, dtype: Dtype, column: pd.Series) -> NDArray[np.float64]:
    try:
        return column.to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ConversionError(f"column {name!r} is to be {dtype} and holds {column.dtype}") from error


def _check_numbers(name: str, dtype: Dtype, numbers: NDArray[np.float64]) -> None:
    if np.isinf(numbers).any():
        raise ConversionError(
            f"column {name!r} holds infinity", remedy="JSON has no infinity: clip the column, or write it as a null."
        )
    if dtype == "int64" and (numbers != np.floor(numbers)).any():
        raise ConversionError(f"column {name!r} is to be int64 and holds fractions")


def _max_length(column: pd.Series, usual: int) -> int:
    """The usual bound, or twice what was seen where that is more."""
    return min(max(usual, 2 * max((len(str(value)) for value in column.dropna()), default=0)), _LONGEST)
