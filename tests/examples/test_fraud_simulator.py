"""The simulator: seeded, complete, and fraudulent in three ways."""

import numpy as np
import pandas as pd
import pytest

from examples.fraud import simulator
from examples.fraud.simulator import SECONDS_PER_DAY, Simulation, simulate

SMALL = Simulation(seed=7, customers=300, terminals=600, days=40, radius_km=10)


@pytest.fixture(scope="module")
def transactions():
    return simulate(Simulation())


def of_scenario(transactions, scenario):
    return transactions[transactions["scenario"] == scenario]


def test_the_same_seed_gives_the_same_table():
    pd.testing.assert_frame_equal(simulate(SMALL), simulate(SMALL))


def test_another_seed_gives_another_table():
    other = simulate(Simulation(seed=8, customers=300, terminals=600, days=40, radius_km=10))

    assert not simulate(SMALL)["seconds"].head(100).equals(other["seconds"].head(100))


def test_the_default_simulation_has_300_000_transactions_in_order_of_time(transactions):
    assert 280_000 < len(transactions) < 320_000
    assert transactions["seconds"].is_monotonic_increasing
    assert transactions["transaction_id"].tolist() == list(range(len(transactions)))
    assert transactions["seconds"].max() < 77 * SECONDS_PER_DAY
    assert transactions["amount_cents"].min() >= 1


def test_every_genuine_customer_stays_within_the_radius(transactions):
    assert 4 < transactions["distance_km"].max() <= 5


def test_frauds_are_rare_and_of_all_three_kinds(transactions):
    rates = transactions["scenario"].value_counts(normalize=True)

    assert 0.97 < rates[0] < 0.99
    assert 0.0002 < rates[1] < 0.002
    assert 0.008 < rates[2] < 0.016
    assert 0.003 < rates[3] < 0.010
    assert (transactions["is_fraud"] == (transactions["scenario"] > 0)).all()


def test_scenario_1_is_every_amount_above_220(transactions):
    assert (of_scenario(transactions, 1)["amount_cents"] > 22_000).all()
    assert (of_scenario(transactions, 0)["amount_cents"] <= 22_000).all()


def test_scenario_2_takes_all_of_a_terminals_transactions_for_28_days(transactions):
    day = transactions["seconds"] // SECONDS_PER_DAY
    frauds = of_scenario(transactions, 2)
    terminals_a_day = frauds.groupby(day)["terminal_id"].nunique()
    last = day.max()
    # A compromised terminal-day is fraudulent as a whole.
    shares = transactions["is_fraud"].groupby([transactions["terminal_id"], day]).mean()
    hit = pd.MultiIndex.from_arrays([frauds["terminal_id"], day[frauds.index]]).unique()

    assert (shares.loc[hit] == 1).all()
    # 2 a day for 28 days make at most 56 at once, of which those that saw nobody that day do not show.
    assert 25 < terminals_a_day.loc[28:last].mean() <= 56


def test_scenario_3_is_a_third_of_a_customers_transactions_at_five_times_the_amount(transactions):
    frauds, genuine = of_scenario(transactions, 3), of_scenario(transactions, 0)

    assert frauds["amount_cents"].mod(5).eq(0).all()
    assert 4 < frauds["amount_cents"].mean() / genuine["amount_cents"].mean() < 6
    # 3 customers a day for 14 days, about 1.9 transactions a day, a third of them.
    expected = 3 * 14 * 1.9 / 3 * 70
    assert 0.75 * expected < len(frauds) < 1.25 * expected


def test_a_third_is_abused_of_customers_who_are_always_compromised():
    always = simulate(
        Simulation(
            customers=50, terminals=200, days=20, radius_km=20, customers_compromised_per_day=50, large_amount=1e6
        )
    )

    assert (always["scenario"] == 3).mean() == pytest.approx(1 / 3, abs=0.05)


def test_some_values_are_missing(transactions):
    missing = transactions.isna().mean()

    assert missing[missing > 0].index.tolist() == ["merchant_category", "device_age_days", "distance_km"]
    assert missing["merchant_category"] == pytest.approx(0.08, abs=0.01)
    assert 0.3 < missing["device_age_days"] < 0.6
    assert 0.2 < missing["distance_km"] < 0.4


def test_currency_follows_country(transactions):
    pairs = set(zip(transactions["country"], transactions["currency"], strict=True))

    assert pairs == {("DE", "EUR"), ("FR", "EUR"), ("CH", "CHF"), ("PL", "PLN")}


def test_customers_without_a_terminal_near_them_never_pay():
    lonely = Simulation(customers=50, terminals=60, days=20, radius_km=3)
    customers = simulate(lonely)["customer_id"].nunique()

    assert 0 < customers < 45
    assert np.isfinite(simulate(lonely)["amount_cents"]).all()


def test_exports():
    assert simulator.__all__ == ["SECONDS_PER_DAY", "SEED", "START", "Simulation", "simulate"]
