"""The features of the fraud model: what each is called, where an event carries it, and of which type it is."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

__all__ = ["FEATURES", "LABEL", "Dtype", "Feature", "names"]

Dtype: TypeAlias = Literal["float32", "int64", "string", "bool"]

LABEL: Final = "is_fraud"


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of the model.

    Attributes:
        name: Of the column in the training table and of the graph's input.
        path: Where an event carries the value; dots step into objects.
        dtype: Of the column.
        nullable: Whether an event may carry null: the model sees NaN for a number and "" for a string.
    """

    name: str
    path: str
    dtype: Dtype
    nullable: bool = False


# Amounts in the card's currency unit, windows in days (1d, 7d, 30d), risk as a share from 0 to 1.
FEATURES: Final = (
    Feature("amount", "amount", "float32"),
    Feature("currency", "currency", "string"),
    Feature("country", "country", "string"),
    Feature("channel", "channel", "string"),
    Feature("is_weekend", "is_weekend", "bool"),
    Feature("is_night", "is_night", "bool"),
    Feature("customer_transactions_1d", "customer.transactions_1d", "int64"),
    Feature("customer_transactions_7d", "customer.transactions_7d", "int64"),
    Feature("customer_transactions_30d", "customer.transactions_30d", "int64"),
    Feature("customer_mean_amount_1d", "customer.mean_amount_1d", "float32"),
    Feature("customer_mean_amount_7d", "customer.mean_amount_7d", "float32"),
    Feature("customer_mean_amount_30d", "customer.mean_amount_30d", "float32"),
    Feature("terminal_transactions_1d", "terminal.transactions_1d", "int64"),
    Feature("terminal_transactions_7d", "terminal.transactions_7d", "int64"),
    Feature("terminal_transactions_30d", "terminal.transactions_30d", "int64"),
    Feature("terminal_risk_1d", "terminal.risk_1d", "float32"),
    Feature("terminal_risk_7d", "terminal.risk_7d", "float32"),
    Feature("terminal_risk_30d", "terminal.risk_30d", "float32"),
    Feature("merchant_category", "merchant.category", "string", nullable=True),
    Feature("device_age_days", "device.age_days", "float32", nullable=True),
    Feature("distance_km", "distance_km", "float32", nullable=True),
)


def names(*dtypes: Dtype) -> list[str]:
    """The names of the features of these types, in the order of ``FEATURES``; of all features without an argument."""
    return [feature.name for feature in FEATURES if not dtypes or feature.dtype in dtypes]
