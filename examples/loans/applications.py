"""Simulates loan applications, and writes them as files for back-fills and load tests.

Nobody's data: incomes, cards and ages are drawn at random, and so is the decision, with a probability that falls with
the number of credit cards for each thousand of monthly income.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["APPROVED", "DENIED", "EVENT_ID", "FEATURES", "LABEL", "applications", "decided", "write_applications"]

EVENT_ID: Final = "application_id"
FEATURES: Final = ("income", "credit_cards", "age")
LABEL: Final = "decision"
APPROVED: Final = "approved"
DENIED: Final = "denied"
_CHUNK: Final = 65_536
_encode_lines = msgspec.json.Encoder().encode_lines


class _Application(msgspec.Struct):
    application_id: str
    income: int
    credit_cards: int
    age: int


def applications(count: int, seed: int = 0) -> pd.DataFrame:
    """Simulates applications.

    Args:
        count: how many.
        seed: of the simulation. The first rows of one seed are the same whatever the count.

    Returns:
        ``application_id``, ``income`` (a month, in the currency's unit), ``credit_cards`` and ``age`` (in years).
    """
    incomes, cards, ages = np.random.default_rng(seed).spawn(3)
    return pd.DataFrame(
        {
            EVENT_ID: [f"loan-{seed}-{number:08}" for number in range(count)],
            "income": (10 * np.rint(np.clip(incomes.lognormal(7.85, 0.45, count), 400, 40_000) / 10)).astype(np.int64),
            "credit_cards": np.minimum(cards.poisson(6.5, count), 20).astype(np.int64),
            "age": ages.integers(18, 81, count, dtype=np.int64),
        }
    )


def decided(count: int, seed: int = 0) -> pd.DataFrame:
    """Simulates applications that were decided.

    Args:
        count: how many.
        seed: of the simulation.

    Returns:
        The columns of `applications`, and ``decision``: ``approved`` or ``denied``.
    """
    rows = applications(count, seed)
    cards_for_a_thousand = rows["credit_cards"] / (rows["income"] / 1000)
    logit = 8.4 - 2.2 * cards_for_a_thousand - 1.5 * (rows["age"] < 25) - 1.0 * (rows["age"] > 70)
    drawn = np.random.default_rng([seed, 1]).random(count)
    return rows.assign(**{LABEL: np.where(drawn < 1 / (1 + np.exp(-logit)), APPROVED, DENIED)})


def write_applications(path: Path, count: int, seed: int = 0) -> None:
    """Writes applications to a file, half a million in a second or two.

    Args:
        path: ends in ``.parquet``, or in ``.jsonl`` for JSON Lines.
        count: how many.
        seed: of the simulation.

    Raises:
        ValueError: it ends in something else.
    """
    if path.suffix not in {".parquet", ".jsonl"}:
        raise ValueError(f"file {path.name!r}: expected a name that ends in .parquet or .jsonl")
    rows = applications(count, seed)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), path, row_group_size=_CHUNK)
        return
    with path.open("wb") as file:
        file.writelines(_lines(rows))


def _lines(rows: pd.DataFrame) -> Iterator[bytes]:
    for start in range(0, len(rows), _CHUNK):
        chunk = rows.iloc[start : start + _CHUNK]
        yield _encode_lines(list(map(_Application, *(chunk[name].tolist() for name in (EVENT_ID, *FEATURES)))))
