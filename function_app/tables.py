"""Tables in a request, however they are spelled, as one event a row; a cell keeps the bytes that were sent."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from function_app.bodies import check_rows, decoded
from function_app.problems import bad_request
from function_app.settings import LimitSettings
from scoring import Event, Form, Manifest

__all__ = ["Table", "from_columns", "from_csv", "from_items", "from_split", "is_list", "items_of", "members_of"]

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_NO_NUMBER = frozenset({"NA", "N/A", "NaN", "nan", "null", "NULL", "None"})  # as pandas reads them


class Table(NamedTuple):
    """Rows to score.

    Attributes:
        events: one for each row, in one form.
        form: `record` or `row`.
    """

    events: list[Event]
    form: Form


class _Split(msgspec.Struct):
    data: list[list[msgspec.Raw]]
    columns: list[str] | None = None


_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_split = msgspec.json.Decoder(_Split).decode
_decode_mapping = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def is_list(body: bytes) -> bool:
    """Return whether a JSON value is an array, if it is anything."""
    return body.lstrip()[:1] == b"["


def items_of(body: bytes) -> list[bytes]:
    """Return the bytes of each item of a JSON array.

    Raises:
        ProblemError: 400, it is none.
    """
    return list(map(bytes, decoded(body, _decode_list)))


def members_of(body: bytes) -> dict[str, bytes]:
    """Return the bytes of each member of a JSON object.

    Raises:
        ProblemError: 400, it is none.
    """
    return {name: bytes(value) for name, value in decoded(body, _decode_mapping).items()}


def from_items(items: Sequence[bytes], limits: LimitSettings) -> Table:
    """Return a table of records, or of rows in the manifest's order: what the first item is.

    Raises:
        ProblemError: 400 or 413, there are none or too many.
    """
    check_rows(len(items), limits)
    return Table(list(map(Event, items)), "record" if items[0][:1] == b"{" else "row")


def from_split(body: bytes, limits: LimitSettings) -> Table:
    """Return the rows of `{"columns": [...], "data": [[...], ...]}` as records; as rows where it names no columns.

    Raises:
        ProblemError: 400, a row has not as many values as there are columns, or a column stands there twice.
    """
    split = decoded(body, _decode_split)
    check_rows(len(split.data), limits)
    if split.columns is None:
        return Table([Event(b"[" + b",".join(map(bytes, row)) + b"]") for row in split.data], "row")
    return _records(split.columns, [list(map(bytes, row)) for row in split.data])


def from_columns(columns: Mapping[str, bytes], limits: LimitSettings) -> Table:
    """Return the rows of `{"column": [...], ...}` as records.

    Raises:
        ProblemError: 400, the columns are not all lists of one length.
    """
    lists = {name: items_of(values) for name, values in columns.items()}
    lengths = sorted(set(map(len, lists.values())))
    if len(lengths) != 1:
        raise bad_request(f"columns have different lengths: {lengths[:10]}")
    check_rows(lengths[0], limits)
    return _records(list(lists), list(zip(*lists.values(), strict=True)))


def from_csv(body: bytes, manifest: Manifest, limits: LimitSettings) -> Table:
    """Return the rows of comma-separated values under a line of names as records.

    A cell is a string where the feature is one; else a number, true or false. An empty cell is a null, and so is what
    pandas reads as none among numbers.

    Raises:
        ProblemError: 400, it is not UTF-8 or a row has not as many values as there are names.
    """
    textual = {feature.name for feature in manifest.features if feature.textual or feature.dtype == "image"}
    try:
        lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True))
    except UnicodeDecodeError as error:
        raise bad_request(f"the body is not UTF-8 at byte {error.start}") from error
    except csv.Error as error:
        raise bad_request(f"the body is not CSV: {error}") from error
    rows = [line for line in lines[1:] if line]
    check_rows(len(rows), limits)
    is_text = [name in textual for name in lines[0]]
    cells = [[_cell(cell, text) for cell, text in zip(row, is_text, strict=False)] for row in rows]
    return _records(
        lines[0], [made + [b"null"] * (len(row) - len(made)) for row, made in zip(rows, cells, strict=True)]
    )


def _cell(cell: str, is_text: bool) -> bytes:
    if not cell or (not is_text and cell in _NO_NUMBER):
        return b"null"
    if not is_text and (_NUMBER.fullmatch(cell) or cell.lower() in {"true", "false"}):
        return cell.lower().encode()
    return msgspec.json.encode(cell)


def _records(columns: Sequence[str], rows: Sequence[Sequence[bytes]]) -> Table:
    if len(set(columns)) < len(columns):
        raise bad_request("a column stands there twice; expected each name once")
    keys = [msgspec.json.encode(name) + b":" for name in columns]
    events: list[Event] = []
    for number, row in enumerate(rows):
        if len(row) != len(keys):
            raise bad_request(f"row {number} has {len(row)} values for {len(keys)} columns", row=number)
        events.append(Event(b"{" + b",".join(map(bytes.__add__, keys, row)) + b"}"))
    return Table(events, "record")
