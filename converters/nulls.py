"""The absence of a string: NaN or None in a table, the empty string in a graph, for a tensor of strings has no null."""

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from converters.steps import walk

__all__ = ["known_nulls", "with_blank_nulls"]


def known_nulls(part: Any, names: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yields what a fitted part takes for the absence of a string, column by column, where it knows one.

    Args:
        part: a part of an estimator; encoders and imputers know nulls.
        names: the columns that it was fitted on.
    """
    if isinstance(part, SimpleImputer) and part.statistics_.dtype.hasobject:
        yield from ((str(name), part.missing_values) for name in names)
    for name, categories in zip(names, getattr(part, "categories_", ()), strict=False):
        known = [category for category in categories.tolist() if category == "" or _is_null(category)]
        if known and categories.dtype.hasobject:
            yield str(name), known[0]


def with_blank_nulls(estimator: Any) -> Any:
    """Returns the estimator with the empty string in place of every null that it knows as a category or fills.

    The copy is what is converted; it is the original that the graph is compared with.

    Args:
        estimator: the fitted estimator; returned as it is where it knows no nulls among strings.
    """
    if not any(map(_knows_nulls, _parts(estimator))):
        return estimator
    blanked = copy.deepcopy(estimator)
    for part in filter(_knows_nulls, _parts(blanked)):
        if isinstance(part, SimpleImputer):
            part.missing_values = ""
        else:
            part.categories_ = [_blanked(categories) for categories in part.categories_]
    return blanked


def _parts(estimator: Any) -> list[Any]:
    return [step.estimator for step in walk(estimator)]


def _knows_nulls(part: Any) -> bool:
    if isinstance(part, SimpleImputer):
        return part.statistics_.dtype.hasobject and _is_null(part.missing_values)
    return isinstance(part, OneHotEncoder) and any(map(_replaceable, part.categories_))


def _replaceable(categories: Any) -> bool:
    """Whether exactly one of a column's strings is a null, and none is the empty string yet."""
    if not categories.dtype.hasobject:
        return False
    return sum(map(_is_null, categories)) == 1 and "" not in categories.tolist()


def _blanked(categories: Any) -> Any:
    if not _replaceable(categories):
        return categories
    blanked = categories.copy()
    blanked[[_is_null(category) for category in categories]] = ""
    return blanked


def _is_null(value: Any) -> bool:
    return value is None or (isinstance(value, float) and bool(np.isnan(value)))
