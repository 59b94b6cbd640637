"""The sample table: rows from a CSV or Parquet file, or from a data frame, with the digest that names them."""

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from scoring.errors import ConfigurationError, ConversionError

__all__ = ["MAX_SAMPLE_ROWS", "Sample", "read_paths", "read_sample", "sample_of"]

MAX_SAMPLE_ROWS: Final = 200_000
_BATCH_ROWS: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Rows as the estimator was trained on them.

    Attributes:
        rows: one row an event, in the columns of training; the label and the event id may be among them.
        data_sets: name and SHA-256 of what the rows were read from.
    """

    rows: pd.DataFrame
    data_sets: Mapping[str, str] = field(default_factory=dict)


def read_sample(path: Path, *, strings: frozenset[str] = frozenset(), max_rows: int = MAX_SAMPLE_ROWS) -> Sample:
    """Reads the first rows of a table.

    Args:
        path: a `.csv` file with a header line, or a `.parquet` file.
        strings: columns of a CSV that hold strings even where they look like numbers, such as postcodes.
        max_rows: how many rows to read at most.

    Raises:
        ConfigurationError: there is no such file, or it is of another kind.
        ConversionError: it cannot be read as what its name says, or has no rows.
    """
    if not path.is_file():
        raise ConfigurationError(f"sample {str(path)!r}: there is no such file; expected a .csv or .parquet table")
    try:
        if path.suffix.lower() == ".csv":
            rows = _read_csv(path, strings, max_rows)
        elif path.suffix.lower() in {".parquet", ".pq"}:
            rows = _read_parquet(path, max_rows)
        else:
            raise ConfigurationError(f"sample {str(path)!r}: expected a .csv or .parquet table")
    except (ValueError, pa.ArrowException, OSError) as error:
        raise ConversionError(f"{path} cannot be read as a table: {' '.join(str(error).split())}") from error
    if rows.empty:
        raise ConversionError(f"{path} has no rows", remedy="Expected some of the rows that the estimator scores.")
    with path.open("rb") as file:
        return Sample(rows=rows, data_sets={path.name: file_digest(file, "sha256").hexdigest()})


def sample_of(rows: pd.DataFrame, *, name: str) -> Sample:
    """Returns a sample of rows that are in memory already, under the digest of their values and column names.

    Args:
        rows: in the columns of training.
        name: what the data set is called in the model's lineage.
    """
    digest = sha256(json.dumps([str(column) for column in rows.columns]).encode())
    digest.update(pd.util.hash_pandas_object(rows, index=False).to_numpy().tobytes())
    return Sample(rows=rows, data_sets={name: digest.hexdigest()})


def read_paths(path: Path) -> dict[str, str]:
    """Reads where each column's value stands in an event: a YAML or JSON mapping of columns to dotted paths.

    Raises:
        ConfigurationError: there is no such file, or it is no such mapping.
    """
    if not path.is_file():
        raise ConfigurationError(f"paths {str(path)!r}: there is no such file")
    try:
        paths = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"paths {str(path)!r}: not YAML or JSON: {' '.join(str(error).split())}") from error
    if not isinstance(paths, dict) or not all(_is_text(item) for pair in paths.items() for item in pair):
        raise ConfigurationError(f"paths {str(path)!r}: expected a mapping such as {{amount: payment.amount}}")
    return paths


def _is_text(item: Any) -> bool:
    return isinstance(item, str) and bool(item)


def _read_csv(path: Path, strings: frozenset[str], max_rows: int) -> pd.DataFrame:
    kinds: Mapping[Hashable, str] = dict.fromkeys(strings, "str")
    # by default pandas reads a number that is not quite the one in the file: a tree may split between the two
    return pd.read_csv(path, nrows=max_rows, dtype=kinds, low_memory=False, float_precision="round_trip")


def _read_parquet(path: Path, max_rows: int) -> pd.DataFrame:
    batches, count = [], 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            batches.append(batch.slice(0, max_rows - count))
            count += batches[-1].num_rows
            if count == max_rows:
                break
        schema = file.schema_arrow
    rows: pd.DataFrame = pa.Table.from_batches(batches, schema=schema).to_pandas()
    return rows
