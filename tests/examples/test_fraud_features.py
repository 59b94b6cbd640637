"""The features: equal to a plain recomputation, and blind to the future."""

import numpy as np
import pandas as pd
import pytest

from examples.fraud.features import DELAY_DAYS, WINDOWS_DAYS, add_features, feature_table
from examples.fraud.schema import FEATURES, LABEL, names
from examples.fraud.simulator import SECONDS_PER_DAY, START, Simulation, simulate

SMALL = Simulation(seed=7, customers=40, terminals=25, days=60, radius_km=30)
DTYPES = {"float32": np.float32, "int64": np.int64, "bool": np.bool_, "string": np.object_}


@pytest.fixture(scope="module")
def transactions():
    return simulate(SMALL)


@pytest.fixture(scope="module")
def table(transactions):
    return add_features(transactions)


@pytest.fixture(scope="module")
def sample(table):
    return np.random.default_rng(0).choice(len(table), 400, replace=False)


@pytest.mark.parametrize("days", WINDOWS_DAYS)
def test_customer_windows_hold_what_the_customer_paid_until_now(transactions, table, sample, days):
    for row in sample:
        now = transactions.iloc[row]
        known = transactions.iloc[: row + 1]
        known = known[known["customer_id"] == now["customer_id"]]
        known = known[known["seconds"] > now["seconds"] - days * SECONDS_PER_DAY]

        assert table[f"customer_transactions_{days}d"].iloc[row] == len(known)
        mean = known["amount_cents"].sum() / len(known) / 100
        assert table[f"customer_mean_amount_{days}d"].iloc[row] == np.float32(round(mean, 2))


@pytest.mark.parametrize("days", WINDOWS_DAYS)
def test_terminal_windows_end_before_the_delay(transactions, table, sample, days):
    for row in sample:
        now = transactions.iloc[row]
        known_until = now["seconds"] - DELAY_DAYS * SECONDS_PER_DAY
        known = transactions[transactions["seconds"] <= known_until]
        known = known[known["terminal_id"] == now["terminal_id"]]
        known = known[known["seconds"] > known_until - days * SECONDS_PER_DAY]
        risk = known["is_fraud"].sum() / len(known) if len(known) else 0.0

        assert table[f"terminal_transactions_{days}d"].iloc[row] == len(known)
        assert table[f"terminal_risk_{days}d"].iloc[row] == np.float32(round(risk, 4))


def test_nothing_that_comes_later_changes_a_feature(transactions, table):
    cut = len(transactions) // 2

    pd.testing.assert_frame_equal(add_features(transactions.head(cut)), table.head(cut))


def test_labels_of_the_last_seven_days_change_no_feature(transactions, table):
    now = int(transactions["seconds"].iloc[-1])
    recent = transactions["seconds"] > now - DELAY_DAYS * SECONDS_PER_DAY
    other_truth = transactions.assign(is_fraud=transactions["is_fraud"] ^ recent)

    pd.testing.assert_frame_equal(add_features(other_truth)[names()], table[names()])


def test_known_frauds_raise_the_risk(table):
    assert table["terminal_risk_30d"].max() > 0.5
    assert table["terminal_risk_30d"].between(0, 1).all()
    assert (table.loc[table["terminal_transactions_30d"] == 0, "terminal_risk_30d"] == 0).all()


def test_weekends_and_nights_are_those_of_the_calendar(table):
    times = pd.Series(START + table["seconds"].to_numpy().astype("timedelta64[s]"))

    assert (table["is_weekend"] == (times.dt.dayofweek >= 5)).all()
    assert (table["is_night"] == (times.dt.hour <= 6)).all()


def test_the_table_has_the_features_in_order_and_of_their_types_then_the_label(table):
    features = feature_table(table)

    assert features.columns.tolist() == [*names(), LABEL]
    assert len(FEATURES) == 21
    for feature in FEATURES:
        assert features[feature.name].dtype == DTYPES[feature.dtype], feature.name
    assert features[LABEL].dtype == np.int64
    assert set(features[LABEL]) == {0, 1}


def test_only_nullable_features_have_gaps(table):
    gaps = {name for name in names("float32") if table[name].isna().any()}
    blanks = {name for name in names("string") if (table[name] == "").any()}

    assert gaps | blanks == {feature.name for feature in FEATURES if feature.nullable}
    assert not table[names("string")].isna().any().any()


def test_an_empty_table_stays_empty(transactions):
    assert feature_table(add_features(transactions.head(0))).empty
