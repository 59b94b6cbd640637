"""Turns the transactions of the test period into events, as a stream would carry them.

An event is a JSON object with the features already in it: whoever produces the stream keeps the windows. Some events
are malformed on purpose; a scoring service must set them aside without losing their neighbours.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from examples.fraud.periods import Periods, period_rows, simulated
from examples.fraud.schema import FEATURES, LABEL, Feature, names
from examples.fraud.simulator import SECONDS_PER_DAY, SEED, START, Simulation

__all__ = ["FEATURES", "MALFORMED", "Feature", "StreamEvent", "Transaction", "events"]

Integers: TypeAlias = npt.NDArray[np.int64]


class StreamEvent(NamedTuple):
    """One message of the stream, and what a test wants to know of it.

    Attributes:
        key: The customer's identifier: a customer's events stay in order.
        value: The event, as JSON.
        event_id: The transaction's identifier; of a malformed event, the one it was meant to carry.
        is_fraud: The truth, which the event does not carry.
        malformed: Whether the value was broken on purpose.
    """

    key: bytes
    value: bytes
    event_id: str
    is_fraud: bool
    malformed: bool


class Customer(msgspec.Struct):
    """Who pays, and what this customer paid lately: numbers of transactions and mean amounts."""

    id: str
    transactions_1d: int
    transactions_7d: int
    transactions_30d: int
    mean_amount_1d: float
    mean_amount_7d: float
    mean_amount_30d: float


class Terminal(msgspec.Struct):
    """Where, and how much of what was paid there has proved to be fraud (0 to 1)."""

    id: str
    transactions_1d: int
    transactions_7d: int
    transactions_30d: int
    risk_1d: float
    risk_7d: float
    risk_30d: float


class Merchant(msgspec.Struct):
    """Who is paid."""

    category: str | None


class Device(msgspec.Struct):
    """What the customer pays with, where it is a device at all."""

    age_days: float | None


class Transaction(msgspec.Struct):
    """The event: one payment, with the features that were known when it was made.

    ``event_time`` is an RFC 3339 time in UTC, ``amount`` is in the card's currency unit.
    """

    transaction_id: str
    event_time: str
    amount: float
    currency: str
    country: str
    channel: str
    is_weekend: bool
    is_night: bool
    distance_km: float | None
    customer: Customer
    terminal: Terminal
    merchant: Merchant
    device: Device


Break: TypeAlias = Callable[[Transaction], bytes]


def events(count: int, seed: int = SEED, malformed: int = 100) -> list[StreamEvent]:
    """Makes the events of the test period, in order of time.

    Where the period has fewer transactions than asked for, it is repeated, each time with new identifiers and later by
    its length, so that hours and days of the week stay as they were.

    Args:
        count: Number of events, the malformed ones among them.
        seed: Of the simulation; that of the model's training unless told otherwise.
        malformed: Number of events broken on purpose, at equal distances, in each way of ``MALFORMED`` in turn.

    Returns:
        The same events for the same arguments.

    Raises:
        ValueError: ``malformed`` is not between 0 and ``count``.
    """
    if not 0 <= malformed <= count:
        raise ValueError(f"malformed is {malformed}, expected 0 to {count}, the number of events")
    simulation = Simulation(seed=seed)
    period = Periods.of(simulation.days).test
    rows = period_rows(simulated(simulation), period)
    broken = _malformed_kinds(count, malformed)
    length = (period[1] - period[0]) * SECONDS_PER_DAY
    return [
        _event(transaction, is_fraud, broken.get(index))
        for index, (transaction, is_fraud) in zip(range(count), _transactions(rows, length), strict=False)
    ]


def _event(transaction: Transaction, is_fraud: bool, breaks: Break | None) -> StreamEvent:
    """The event of a transaction, broken in a way or whole."""
    value = msgspec.json.encode(transaction) if breaks is None else breaks(transaction)
    return StreamEvent(
        transaction.customer.id.encode(), value, transaction.transaction_id, is_fraud, breaks is not None
    )


def _transactions(rows: pd.DataFrame, length: int) -> Iterator[tuple[Transaction, bool]]:
    """The transactions of a period that is ``length`` seconds long, again and again, each with its truth.

    A transaction is reused in the next round: encode it before asking for another.
    """
    parsed, truth = _parse(rows), rows[LABEL].tolist()
    seconds, number = rows["seconds"].to_numpy(), int(rows["transaction_id"].iloc[0])
    while True:
        for transaction, is_fraud, time in zip(parsed, truth, _event_times(seconds), strict=True):
            transaction.transaction_id = f"tx-{number:012d}"
            transaction.event_time = time
            yield transaction, is_fraud
            number += 1
        seconds = seconds + length


def _event_times(seconds: Integers) -> list[str]:
    """Writes seconds since the simulation's start as RFC 3339 times in UTC."""
    times: list[str] = np.char.add(np.datetime_as_string(START + seconds.astype("timedelta64[s]")), "Z").tolist()
    return times


def _parse(rows: pd.DataFrame) -> list[Transaction]:
    """Makes a transaction of each row, without identifier and time."""
    columns = {name: rows[name].tolist() for name in names("int64", "bool", "string")}
    columns |= {name: _short_floats(rows[name]) for name in names("float32")}
    columns["customer.id"] = [f"C{number:05d}" for number in rows["customer_id"]]
    columns["terminal.id"] = [f"T{number:05d}" for number in rows["terminal_id"]]
    columns["merchant_category"] = [category or None for category in columns["merchant_category"]]
    by_path = {feature.path: columns[feature.name] for feature in FEATURES} | {
        path: columns[path] for path in ("customer.id", "terminal.id")
    }
    parts = {
        part: _structs(by_path, kind, f"{part}.")
        for part, kind in (("customer", Customer), ("terminal", Terminal), ("merchant", Merchant), ("device", Device))
    }
    empty = [""] * len(rows)
    return _structs(by_path | parts | {"transaction_id": empty, "event_time": empty}, Transaction, "")


def _structs(columns: dict[str, list[Any]], kind: type[msgspec.Struct], prefix: str) -> list[Any]:
    """Makes a struct of each row from the columns whose names begin with the prefix."""
    fields = msgspec.structs.fields(kind)
    return [kind(*values) for values in zip(*(columns[prefix + field.name] for field in fields), strict=True)]


def _short_floats(column: "pd.Series[float]") -> list[float | None]:
    """Doubles that print as short as the floats do (12.34, not 12.34000015), None for NaN."""
    shortest = column.to_numpy().astype(np.str_).astype(np.float64).tolist()
    return [None if value != value else value for value in shortest]  # noqa: PLR0124  only NaN differs from itself


def _with(path: str, replacement: Any) -> Break:
    """Breaks an event by replacing the value at a path of one or two steps."""

    def break_it(transaction: Transaction) -> bytes:
        event = msgspec.to_builtins(transaction)
        *outer, last = path.split(".")
        (event[outer[0]] if outer else event)[last] = replacement
        return msgspec.json.encode(event)

    return break_it


def _without(path: str) -> Break:
    """Breaks an event by leaving out the field at a path of two steps."""

    def break_it(transaction: Transaction) -> bytes:
        event = msgspec.to_builtins(transaction)
        outer, last = path.split(".")
        del event[outer][last]
        return msgspec.json.encode(event)

    return break_it


# The ways in which a malformed event is broken, each in its turn.
MALFORMED: Final[dict[str, Break]] = {
    "broken JSON": lambda transaction: msgspec.json.encode(transaction)[:-20],
    "wrong type": _with("amount", "twelve"),
    "missing field": _without("customer.transactions_7d"),
    "NaN literal": _with("amount", msgspec.Raw(b"NaN")),
    "number too large": _with("amount", msgspec.Raw(b"1e999")),
    "empty value": lambda _: b"",
    "null in a field that is not nullable": _with("terminal.risk_7d", None),
    "deep nesting": _with("merchant.category", msgspec.Raw(b"[" * 5_000 + b"]" * 5_000)),
    "string too long": _with("country", "x" * 100_000),
}


def _malformed_kinds(count: int, malformed: int) -> dict[int, Break]:
    """Where the malformed events stand among all, and how each is broken."""
    kinds = list(MALFORMED.values())
    return {(2 * n + 1) * count // (2 * malformed): kinds[n % len(kinds)] for n in range(malformed)}
