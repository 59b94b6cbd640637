"""How a fitted estimator takes its rows, and the same rows as the session takes them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from converters.nulls import known_nulls
from converters.steps import walk
from scoring.columns import build_column
from scoring.errors import ConversionError
from scoring.manifest import Feature

__all__ = ["Layout", "plan_layout", "reads_columns_apart", "serving_columns", "table_rows"]

_ANONYMOUS: Final = re.compile(r"Column_\d+")  # LightGBM's names for the columns of a plain matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the estimator takes its rows.

    Attributes:
        kind: a data frame with named columns, a plain array, or a list of texts.
        columns: the table's columns in the order of the estimator's features.
        texts: those that hold free text.
        nulls: what training wrote where a string was absent, by column: the empty string, None or NaN. A table in a
            file may have lost which.
    """

    kind: Literal["frame", "array", "texts"]
    columns: tuple[str, ...]
    texts: frozenset[str] = frozenset()
    nulls: Mapping[str, Any] = field(default_factory=dict)

    def of(self, rows: pd.DataFrame) -> Any:
        """Returns what the estimator's `predict` is called with for these rows of the table."""
        taken = rows.loc[:, list(self.columns)]
        nulls = dict.fromkeys(self.texts, "") | dict(self.nulls)
        taken = taken.assign(**{name: _filled(taken[name], null) for name, null in nulls.items()})
        if self.kind == "frame":
            return taken
        if self.kind == "texts":
            return taken.iloc[:, 0].tolist()
        plain = all(pd.api.types.is_numeric_dtype(taken[name]) for name in self.columns)
        return taken.to_numpy(np.float64) if plain else taken.to_numpy(object)


def reads_columns_apart(estimator: Any) -> bool:
    """Returns whether the estimator tells columns apart, and so is fed them one by one rather than as one matrix."""
    return isinstance(_first_step(estimator), ColumnTransformer | OneHotEncoder | OrdinalEncoder)


def _first_step(estimator: Any) -> Any:
    """The part that the rows reach first."""
    while True:
        if isinstance(estimator, Pipeline):
            estimator = next((step for _, step in estimator.steps if step not in {None, "passthrough"}), None)
        elif isinstance(estimator, FeatureUnion):
            estimator = estimator.transformer_list[0][1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            return estimator


def plan_layout(estimator: Any, table: Sequence[str], *, excluded: frozenset[str]) -> Layout:
    """Finds which columns of the table are the estimator's features.

    Args:
        estimator: the fitted estimator.
        table: the table's columns.
        excluded: columns that are none: the label and the event's id.

    Raises:
        ConversionError: the table lacks a column, or has another number of columns than the estimator was fitted on.
    """
    given = [column for column in table if column not in excluded]
    names = _fitted_names(estimator, given)
    if names is not None:
        return _described(Layout(kind="frame", columns=_matched(names, given)), estimator)
    if isinstance(_first_step(estimator), CountVectorizer):
        if len(given) != 1:
            raise ConversionError(
                f"the estimator takes one text, and the table has the columns {given}",
                remedy="Expected one column beside the label and the event id.",
            )
        return Layout(kind="texts", columns=tuple(given), texts=frozenset(given))
    wanted = getattr(estimator, "n_features_in_", len(given))
    if wanted != len(given):
        raise ConversionError(
            f"the estimator was fitted on {wanted} unnamed columns, and the table has {len(given)}: {given}",
            remedy="Name the label and event id columns, leave out the rest, or fit on a data frame.",
        )
    return _described(Layout(kind="array", columns=tuple(given)), estimator)


def _fitted_names(estimator: Any, given: Sequence[str]) -> list[str] | None:
    names = getattr(estimator, "feature_names_in_", None)
    if names is None or (all(map(_ANONYMOUS.fullmatch, names)) and not set(names) <= set(given)):
        return None
    return list(map(str, names))


def _matched(names: Sequence[str], given: Sequence[str]) -> tuple[str, ...]:
    # LightGBM writes the blanks in its feature names as underscores
    spelt = {column.replace(" ", "_"): column for column in given} | {column: column for column in given}
    missing = [name for name in names if name not in spelt]
    if missing:
        raise ConversionError(
            f"the table lacks the column {missing[0]!r}" + (f" and {len(missing) - 1} more" if missing[1:] else ""),
            remedy=f"Expected the columns of training: {', '.join(names)}; found {', '.join(given)}.",
        )
    return tuple(spelt[name] for name in names)


def _described(layout: Layout, estimator: Any) -> Layout:
    texts: set[str] = set()
    nulls: dict[str, Any] = {}
    for step in walk(estimator):
        if isinstance(step.estimator, ColumnTransformer):
            texts.update(_text_columns(step.estimator, layout.columns))
        names = getattr(step.estimator, "feature_names_in_", layout.columns if layout.kind == "array" else ())
        nulls = dict(known_nulls(step.estimator, names)) | nulls  # the first part that a column reaches knows it
    return Layout(kind=layout.kind, columns=layout.columns, texts=frozenset(texts), nulls=nulls)


def _text_columns(columns: ColumnTransformer, names: Sequence[str]) -> Iterator[str]:
    for _, part, selected in columns.transformers_:
        if isinstance(_first_step(part), CountVectorizer):
            yield selected if isinstance(selected, str) else names[int(selected)]


def _filled(column: pd.Series, null: Any) -> pd.Series:
    absent = column.isna().to_numpy()
    if not absent.any():
        return column
    values = column.to_numpy(object, copy=True)
    values[absent] = null
    return pd.Series(values, column.index, object)


def serving_columns(features: Sequence[Feature], rows: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Returns the table's rows as the session is given them: one array a feature, cast as in serving.

    Raises:
        ConversionError: a value that serving would refuse.
    """
    columns = {}
    for feature in features:
        columns[feature.name], refused = build_column(feature, _values(feature, rows[feature.name]))
        if refused:
            raise ConversionError(
                f"column {feature.name!r} holds values beyond float32 (the first in row {min(refused)})",
                remedy=f"Serve it as float64 (--dtype {feature.name}=float64), or scale it before the pipeline.",
            )
    return columns


def _values(feature: Feature, column: pd.Series) -> Any:
    if feature.textual:
        return [None if absent else str(value) for absent, value in zip(column.isna(), column, strict=True)]
    if feature.dtype == "int64":
        return column.to_numpy(np.int64)
    if feature.dtype == "bool":
        return column.to_numpy(np.bool_)
    return column.to_numpy(np.float64, na_value=np.nan)


def table_rows(features: Sequence[Feature], columns: Mapping[str, NDArray[Any]]) -> pd.DataFrame:
    """Returns the session's columns as rows of the table: float32 values as the same float64, "" as a null."""
    return pd.DataFrame({feature.name: _widened(columns[feature.name]) for feature in features})


def _widened(column: NDArray[Any]) -> Any:
    if column.dtype == np.float32:
        return column.astype(np.float64)
    if column.dtype.hasobject:
        return np.where(column == "", np.nan, column)
    return column
