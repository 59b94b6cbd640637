"""Whether every name that a query asks for was sent: tables, metrics, columns, keys and labels."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from tests.observing.views.languages import read
from tests.observing.views.tables import TABLES, Row, declared

__all__ = ["unsent_by_azure_monitor", "unsent_by_otlp"]

_PROPERTIES: Final = ("customDimensions", "customMeasurements")
_METRICS: Final = "customMetrics"
# Columns that the service fills in by itself, and that of the producer of a link inside `_MS.links`.
_SERVICES: Final = frozenset({"itemId", "itemCount", "itemType", "problemId", "performanceBucket", "timestamp"})
_LINK: Final = frozenset({"operation_Id", "id"})


def unsent_by_azure_monitor(queries: Mapping[str, str], rows: Mapping[str, Sequence[Row]]) -> list[str]:
    """Return what is wrong with queries, each with its place.

    Args:
        queries: by where they stand.
        rows: what arrived, by table.
    """
    found = read(tables=declared(), kql=queries)["kql"]
    return [f"{place}: {what}" for place, names in found.items() for what in _of_query(names, rows)]


def _of_query(names: Mapping[str, Any], rows: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    yield from names["problems"]
    tables = sorted(set(names["tables"]))
    metrics = {value for left, _, value in names["compared"] if left == "name"} if _METRICS in tables else set()
    if not tables or (tables == [_METRICS] and not metrics):
        yield "it asks for no table, or for no metric"
    sent = [row for table in tables if table != _METRICS for row in rows.get(table, ())]
    points = [row for row in rows.get(_METRICS, ()) if _METRICS in tables]
    yield from _of_metrics(metrics, points, beside=sent)
    sent += [point for point in points if not metrics or point["name"] in metrics]
    yield from _of_columns(names["columns"], tables, sent)
    yield from _of_keys(names["keys"], sent)
    yield from _of_values(names["compared"], sent)


def _of_metrics(metrics: Iterable[str], points: Sequence[Row], *, beside: Sequence[Row]) -> Iterator[str]:
    known = {point["name"] for point in points}
    # where other tables are asked too, a name may be that of a span, or its beginning
    others = {row["name"] for row in beside if "name" in row}
    for metric in sorted(set(metrics) - known):
        if not any(other.startswith(metric) for other in others):
            yield f"no metric {metric!r} was sent"


def _of_columns(columns: Iterable[str], tables: Sequence[str], sent: Sequence[Row]) -> Iterator[str]:
    documented = {column for table in tables for column in TABLES[table]}
    filled = {column for row in sent for column in row} | _SERVICES
    for column in sorted((set(columns) & documented) - filled - set(_PROPERTIES)):
        yield f"nothing was sent for the column {column!r}"


def _of_keys(keys: Iterable[tuple[str, str | None]], sent: Sequence[Row]) -> Iterator[str]:
    known = {column: {key for row in sent for key in row.get(column, ())} for column in _PROPERTIES}
    for column, key in sorted(set(map(tuple, keys)), key=str):
        if column in known and key not in known[column]:
            yield f"no {column}[{key!r}] was sent"
        if column not in known and key is not None and key not in _LINK:
            yield f"{column}[{key!r}] is neither a property nor part of a link"


def _of_values(compared: Iterable[tuple[str, str, str]], sent: Sequence[Row]) -> Iterator[str]:
    """Look for values that a column, or a property, is compared with, and that none of its rows has."""
    for left, operator, value in compared:
        if operator == "startswith" and not any(str(row.get(left, "")).startswith(value) for row in sent):
            yield f"no {left} begins with {value!r}"
        if left == "le" and not any(row.get("customDimensions", {}).get(left) == value for row in sent):
            yield f"no {left} was {value!r}"
        if left == "itemType" and not any(row[left] == value for row in sent):
            yield f"no {left} was {value!r}"


def unsent_by_otlp(expressions: Mapping[str, str], series: Mapping[str, frozenset[str]]) -> list[str]:
    """Return what is wrong with expressions, each with its place.

    Args:
        expressions: by where they stand.
        series: the names of all that arrived, each with its labels.
    """
    found = read(promql=expressions)["promql"]
    return [f"{place}: {what}" for place, names in found.items() for what in _of_expression(names, series)]


def _of_expression(names: Mapping[str, Any], series: Mapping[str, frozenset[str]]) -> Iterator[str]:
    yield from names["problems"]
    if not names["selectors"]:
        yield "it asks for no series"
    for name, matched in names["selectors"]:
        if name not in series:
            yield f"no series {name!r} was sent"
        else:
            yield from (f"{name} has no label {each!r}" for each in matched if each not in series[name])
    asked = [series.get(name, frozenset()) for name, _ in names["selectors"]]
    for grouped in names["groupings"]:
        for each in grouped:
            if not any(each in labels for labels in asked):
                yield f"none of its series has the label {each!r}"
