"""Simulates card transactions, genuine and fraudulent.

The design follows the transaction simulator of Le Borgne, Siblini, Lebichot and Bontempi, "Reproducible Machine
Learning for Credit Card Fraud Detection - Practical Handbook", Université Libre de Bruxelles, 2022, chapter 3: where
customers and terminals stand, how often and how much customers spend, and three ways in which fraud happens. The code
is our own and works on whole columns. What the handbook's transactions lack and real ones have is added here: country,
currency, merchant category, channel, the age of the paying device, the distance travelled, and gaps in the data.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import cKDTree

__all__ = ["SECONDS_PER_DAY", "SEED", "START", "Simulation", "simulate"]

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]

SEED: Final = 2022
START: Final = np.datetime64("2024-01-01T00:00:00", "s")  # a Monday
SECONDS_PER_DAY: Final = 86_400

GRID_KM: Final = 100.0
COUNTRIES: Final = np.array(["DE", "FR", "CH", "PL"], dtype=object)  # west to east, in bands of equal width
CURRENCIES: Final = np.array(["EUR", "EUR", "CHF", "PLN"], dtype=object)  # of the countries above
CATEGORIES: Final = np.array(
    ["groceries", "restaurant", "fuel", "clothing", "electronics", "travel", "pharmacy", "entertainment"], dtype=object
)
CATEGORY_SHARES: Final = np.array([0.30, 0.18, 0.12, 0.12, 0.08, 0.07, 0.08, 0.05])
CHANNELS: Final = np.array(["chip", "contactless", "online", "magstripe"], dtype=object)
CHANNEL_SHARES: Final = np.array([0.35, 0.30, 0.30, 0.05])
ONLINE: Final = "online"


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What to simulate; the defaults make about 300,000 transactions.

    Attributes:
        seed: Of every random draw: equal simulations give equal tables.
        customers: Number of card holders.
        terminals: Number of payment terminals. At twice the customers a terminal sees about one transaction a day.
        days: Length of the simulated period, from ``START``.
        radius_km: Customers use the terminals that are no farther from them than this.
        large_amount: Scenario 1: an amount above this is a fraud.
        terminals_compromised_per_day: Scenario 2: so many terminals, drawn each day, see nothing but fraud...
        terminal_days: ... for so many days.
        customers_compromised_per_day: Scenario 3: the cards of so many customers, drawn each day, are abused...
        customer_days: ... for so many days,
        abused_share: in this share of their transactions,
        abused_factor: whose amounts are multiplied by this.
    """

    seed: int = SEED
    customers: int = 2_000
    terminals: int = 4_000
    days: int = 77
    radius_km: float = 5.0
    large_amount: float = 220.0
    terminals_compromised_per_day: int = 2
    terminal_days: int = 28
    customers_compromised_per_day: int = 3
    customer_days: int = 14
    abused_share: float = 1 / 3
    abused_factor: int = 5


def simulate(simulation: Simulation) -> pd.DataFrame:
    """Simulates all transactions of a period, in order of time.

    Args:
        simulation: What to simulate.

    Returns:
        One row a transaction: ``transaction_id`` (its place in time, from 0), ``seconds`` (since ``START``),
        ``customer_id``, ``terminal_id``, ``amount_cents``, ``currency``, ``country``, ``channel``,
        ``merchant_category`` (None where the acquirer did not send it), ``device_age_days`` (NaN where no device was
        seen), ``distance_km`` (NaN online or where the terminal's place is unknown), ``scenario`` (0 for genuine, else
        1, 2 or 3) and ``is_fraud``.
    """
    streams = np.random.default_rng(simulation.seed).spawn(5)
    customers = _customers(simulation, streams[0])
    terminals = _terminals(simulation, streams[1])
    transactions = _transactions(simulation, customers, terminals, streams[2])
    _describe(transactions, customers, terminals, streams[3])
    _commit_fraud(simulation, transactions, streams[4])
    return transactions


def _customers(simulation: Simulation, rng: np.random.Generator) -> pd.DataFrame:
    """Card holders: place on the grid, spending habits, and when their device was new (in days since ``START``)."""
    count = simulation.customers
    return pd.DataFrame(
        {
            "x": rng.uniform(0, GRID_KM, count),
            "y": rng.uniform(0, GRID_KM, count),
            "mean_amount": rng.uniform(5, 100, count),
            "transactions_per_day": rng.uniform(0, 4, count),
            "device_since_day": -rng.uniform(0, 1_200, count),
        }
    )


def _terminals(simulation: Simulation, rng: np.random.Generator) -> pd.DataFrame:
    """Payment terminals: place on the grid and merchant category."""
    count = simulation.terminals
    return pd.DataFrame(
        {
            "x": rng.uniform(0, GRID_KM, count),
            "y": rng.uniform(0, GRID_KM, count),
            "category": rng.choice(CATEGORIES, count, p=CATEGORY_SHARES),
        }
    )


def _transactions(
    simulation: Simulation, customers: pd.DataFrame, terminals: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Who paid how much, when and where; genuine so far."""
    rates = np.repeat(customers["transactions_per_day"].to_numpy(), simulation.days)
    customer_days = np.repeat(np.arange(rates.size), rng.poisson(rates))
    customer, day = np.divmod(customer_days, simulation.days)
    second_of_day = np.rint(rng.normal(SECONDS_PER_DAY / 2, 20_000, customer.size)).astype(np.int64)
    reachable, first, count = _reachable(simulation, customers, terminals)
    # The handbook drops what falls outside the day, and customers with no terminal near them never pay.
    kept = (second_of_day > 0) & (second_of_day < SECONDS_PER_DAY) & (count[customer] > 0)
    customer, seconds = customer[kept], (day * SECONDS_PER_DAY + second_of_day)[kept]
    order = np.argsort(seconds, kind="stable")
    customer, seconds = customer[order], seconds[order]
    return pd.DataFrame(
        {
            "transaction_id": np.arange(customer.size),
            "seconds": seconds,
            "customer_id": customer,
            "terminal_id": reachable[first[customer] + rng.integers(0, count[customer])],
            "amount_cents": _amounts(customers["mean_amount"].to_numpy()[customer], rng),
        }
    )


def _reachable(
    simulation: Simulation, customers: pd.DataFrame, terminals: pd.DataFrame
) -> tuple[Integers, Integers, Integers]:
    """The terminals within each customer's radius: all lists end to end, where each starts, how long each is."""
    tree = cKDTree(terminals[["x", "y"]].to_numpy())
    lists = tree.query_ball_point(customers[["x", "y"]].to_numpy(), simulation.radius_km, return_sorted=True)
    count = np.array([len(one) for one in lists], dtype=np.int64)
    return np.concatenate(lists).astype(np.int64), np.cumsum(count) - count, count


def _amounts(mean: Floats, rng: np.random.Generator) -> Integers:
    """Amounts in cents: normal around the customer's mean; uniform up to twice the mean where that is negative."""
    normal = rng.normal(mean, mean / 2)
    uniform = rng.uniform(0, 2 * mean)
    cents = np.rint(100 * np.where(normal < 0, uniform, normal)).astype(np.int64)
    return np.where(cents < 1, 1, cents)  # a payment is at least a cent


def _describe(
    transactions: pd.DataFrame, customers: pd.DataFrame, terminals: pd.DataFrame, rng: np.random.Generator
) -> None:
    """Adds the columns that the handbook's transactions lack."""
    customer, terminal = transactions["customer_id"].to_numpy(), transactions["terminal_id"].to_numpy()
    place = terminals[["x", "y"]].to_numpy()[terminal]
    country = (place[:, 0] * len(COUNTRIES) / GRID_KM).astype(np.int64)
    channel = rng.choice(CHANNELS, len(transactions), p=CHANNEL_SHARES)
    online = channel == ONLINE
    travelled = np.hypot(*(place - customers[["x", "y"]].to_numpy()[customer]).T)
    age = transactions["seconds"].to_numpy() / SECONDS_PER_DAY - customers["device_since_day"].to_numpy()[customer]
    device_seen = online | (channel == "contactless")
    transactions["currency"] = CURRENCIES[country]
    transactions["country"] = COUNTRIES[country]
    transactions["channel"] = channel
    transactions["merchant_category"] = terminals["category"].to_numpy()[terminal]
    transactions.loc[_share(rng, 0.08, len(transactions)), "merchant_category"] = None
    transactions["device_age_days"] = np.where(device_seen & ~_share(rng, 0.10, online.size), np.floor(age), np.nan)
    transactions["distance_km"] = np.where(online | _share(rng, 0.03, online.size), np.nan, np.round(travelled, 2))


def _share(rng: np.random.Generator, share: float, count: int) -> Flags:
    """A random selection in which each of ``count`` rows is taken with probability ``share``."""
    return rng.random(count) < share


def _commit_fraud(simulation: Simulation, transactions: pd.DataFrame, rng: np.random.Generator) -> None:
    """Marks the frauds of the three scenarios; a later scenario takes over a transaction from an earlier one."""
    day = transactions["seconds"].to_numpy() // SECONDS_PER_DAY
    scenario = np.zeros(len(transactions), dtype=np.int64)
    scenario[transactions["amount_cents"].to_numpy() > 100 * simulation.large_amount] = 1
    terminal_days = _compromised(
        simulation.terminals, simulation.days, simulation.terminals_compromised_per_day, simulation.terminal_days, rng
    )
    scenario[terminal_days[transactions["terminal_id"].to_numpy(), day]] = 2
    customer_days = _compromised(
        simulation.customers, simulation.days, simulation.customers_compromised_per_day, simulation.customer_days, rng
    )
    abused = customer_days[transactions["customer_id"].to_numpy(), day]
    abused &= _share(rng, simulation.abused_share, len(transactions))
    scenario[abused] = 3
    transactions.loc[abused, "amount_cents"] *= simulation.abused_factor
    _pay_from_elsewhere(transactions, abused, rng)
    transactions["scenario"] = scenario
    transactions["is_fraud"] = scenario > 0


def _compromised(members: int, days: int, per_day: int, lasting_days: int, rng: np.random.Generator) -> Flags:
    """Which members are compromised on which days, shape ``[members, days]``."""
    flags = np.zeros((members, days), dtype=np.bool_)
    for day in range(days):
        flags[rng.choice(members, per_day, replace=False), day : day + lasting_days] = True
    return flags


def _pay_from_elsewhere(transactions: pd.DataFrame, abused: Flags, rng: np.random.Generator) -> None:
    """Moves most abused transactions online, to a device never seen before: stolen credentials are used that way."""
    moved = abused & _share(rng, 0.7, abused.size)
    transactions.loc[moved, "channel"] = ONLINE
    transactions.loc[moved, "distance_km"] = np.nan
    transactions.loc[moved, "device_age_days"] = rng.integers(0, 3, int(moved.sum())).astype(np.float64)
