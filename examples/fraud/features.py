"""Turns transactions into features: what is known of a transaction when it happens, and nothing that comes later.

The features are those of the Fraud Detection Handbook (see ``simulator.py``), chapter 3: how often and how much a
customer paid lately, how often a terminal was used and how much of that proved to be fraud, and the time of the day
and of the week. Frauds become known after ``DELAY_DAYS``, so a terminal's windows end that long before the transaction.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from examples.fraud.schema import LABEL, names
from examples.fraud.simulator import SECONDS_PER_DAY

__all__ = ["DELAY_DAYS", "WINDOWS_DAYS", "add_features", "feature_table"]

Integers: TypeAlias = npt.NDArray[np.int64]

WINDOWS_DAYS: Final = (1, 7, 30)
DELAY_DAYS: Final = 7
LAST_HOUR_OF_NIGHT: Final = 6
FIRST_DAY_OF_WEEKEND: Final = 5


def add_features(transactions: pd.DataFrame) -> pd.DataFrame:
    """Computes the features of all transactions.

    Means are rounded to cents and risks to four digits: short in an event, and equal here and there.

    Args:
        transactions: As ``simulate`` returns them: in order of time.

    Returns:
        The same rows with a column for every entry of ``FEATURES``, of its type, and the identifiers beside them.
    """
    table = transactions.copy()
    table["amount"] = table["amount_cents"] / 100
    # START is a Monday, at midnight: no calendar is needed.
    table["is_weekend"] = table["seconds"] // SECONDS_PER_DAY % 7 >= FIRST_DAY_OF_WEEKEND
    table["is_night"] = table["seconds"] % SECONDS_PER_DAY // 3_600 <= LAST_HOUR_OF_NIGHT
    _add_customer_windows(table)
    _add_terminal_windows(table)
    # A null string reaches the graph as "", so training sees it as "" too.
    table["merchant_category"] = table["merchant_category"].fillna("")
    return table.astype(dict.fromkeys(names("float32"), np.float32))


def feature_table(table: pd.DataFrame) -> pd.DataFrame:
    """Keeps what the model learns from: the features in the order of ``FEATURES``, then the label, 0 or 1."""
    return table[names()].assign(**{LABEL: table[LABEL].astype(np.int64)})


def _add_customer_windows(table: pd.DataFrame) -> None:
    """Number and mean amount of the customer's transactions, up to and including this one."""
    amounts, columns = table["amount_cents"].to_numpy(), {}
    for days, count, cents in _windows(table, "customer_id", amounts, delay_days=0):
        columns[f"customer_transactions_{days}d"] = count
        columns[f"customer_mean_amount_{days}d"] = np.round(cents / count / 100, 2)
    table[list(columns)] = pd.DataFrame(columns, index=table.index)


def _add_terminal_windows(table: pd.DataFrame) -> None:
    """Number of the terminal's transactions whose truth is known by now, and the share of fraud among them."""
    frauds, columns = table[LABEL].to_numpy().astype(np.int64), {}
    for days, count, fraud in _windows(table, "terminal_id", frauds, delay_days=DELAY_DAYS):
        columns[f"terminal_transactions_{days}d"] = count
        columns[f"terminal_risk_{days}d"] = np.round(fraud / np.maximum(count, 1), 4)
    table[list(columns)] = pd.DataFrame(columns, index=table.index)


def _windows(
    table: pd.DataFrame, group: str, values: Integers, *, delay_days: int
) -> Iterator[tuple[int, Integers, Integers]]:
    """Counts rows and sums values of the same group over windows that end ``delay_days`` before each row.

    A window of d days holds the rows whose time is in (t - delay - d, t - delay]; without a delay that includes the
    row itself, and of rows in the same second those that come before it.

    Args:
        table: Rows in order of time.
        group: Column that says which rows belong together.
        values: What to sum, one a row. Integers, so that sums of differences are exact.
        delay_days: Between the end of the windows and the row.

    Yields:
        For each of ``WINDOWS_DAYS``: its length in days, the counts and the sums, one a row.
    """
    groups, seconds = table[group].to_numpy(), table["seconds"].to_numpy()
    order = np.argsort(groups, kind="stable")
    delay = delay_days * SECONDS_PER_DAY
    # One ascending key for all rows; groups lie so far apart that no window reaches into the group before.
    apart = int(seconds.max(initial=0)) + delay + max(WINDOWS_DAYS) * SECONDS_PER_DAY + 1
    keys = groups[order] * apart + seconds[order]
    totals = np.concatenate(([0], np.cumsum(values[order])))
    end = np.searchsorted(keys, keys - delay, side="right") if delay else np.arange(1, keys.size + 1)
    for days in WINDOWS_DAYS:
        start = np.searchsorted(keys, keys - delay - days * SECONDS_PER_DAY, side="right")
        yield days, _in_rows(order, end - start), _in_rows(order, totals[end] - totals[start])


def _in_rows(order: Integers, ordered: Integers) -> Integers:
    """Brings values from the sorted order back to the order of the table."""
    rows = np.empty_like(ordered)
    rows[order] = ordered
    return rows
